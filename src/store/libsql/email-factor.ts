/** The e-mail factor: an address, and the codes that were mailed to it. */

import type { AccountStore, EmailFactor } from '../accounts.ts';
import type { Db } from '../db.ts';
import { decide, decided, refuse } from './audit.ts';
import { ofThisClock } from './clock.ts';
import { conclude, concluded, mayAddFactor, mayShowCode } from './proof.ts';
import { firstRow, type Row } from './rows.ts';
import { all, read, Script, Sql, sql } from './script.ts';

const COLUMNS = new Sql('id, state, email, verified_at', []);

/** Codes of an account that live at once, used ones too: so many mails can be asked for in the life of a code. */
const MOST_CODES = 30;

function emailFactorOf(row: Row): EmailFactor {
  const verifiedAt = row.optionalNumber('verified_at');
  return {
    id: row.text('id'),
    state: row.text('state') as EmailFactor['state'],
    email: row.text('email'),
    ...(verifiedAt !== undefined && { verifiedAt }),
  };
}

/** A condition on `factors`. */
const isEmailOf = (accountId: string): Sql => sql`account_id = ${accountId} AND method = 'email_challenge'`;

/** The challenges (as `c`) with this code that were mailed to this account, with their factor (as `f`). */
const mailed = (codeHash: string, accountId: string): Sql =>
  sql`FROM email_challenges AS c JOIN factors AS f ON f.id = c.factor_id
    WHERE c.code_hash = ${codeHash} AND f.account_id = ${accountId}`;

type EmailFactorVerbs = Pick<
  AccountStore,
  'emailFactor' | 'challengeEmail' | 'proveEmail' | 'knowsEmailCode'
>;

/** The verbs of mailed codes. */
export function emailFactorVerbs(db: Db): EmailFactorVerbs {
  return {
    async emailFactor(accountId) {
      const row = firstRow(await read(db, sql`SELECT ${COLUMNS} FROM factors WHERE ${isEmailOf(accountId)}`));
      return row && emailFactorOf(row);
    },

    async challengeEmail({ id, accountId, factorId, codeHash, email, createdAt, expiresAt }, setup, audit) {
      const theirs = isEmailOf(accountId);
      const active = sql`SELECT 1 FROM factors WHERE ${theirs} AND state = 'active'`;
      const living = sql`FROM email_challenges WHERE expires_at > ${createdAt} AND ${ofThisClock('created_at', createdAt)}
        AND factor_id IN (SELECT id FROM factors WHERE ${theirs})`;
      const script = new Script();
      const done = decide(
        script,
        audit,
        all(
          setup
            ? sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${accountId}) AND NOT EXISTS (${active})`
            : sql`EXISTS (${active} AND email = ${email})`,
          sql`(SELECT count(*) ${living}) < ${MOST_CODES}`,
        ),
      );
      if (setup) {
        // A code proves the address that it was mailed to and no other. It stays to be counted.
        script.step(
          'forget',
          sql`UPDATE email_challenges SET consumed_at = ${createdAt} WHERE consumed_at IS NULL AND ${done}
            AND factor_id IN (SELECT id FROM factors WHERE ${theirs} AND email <> ${email})`,
        );
        script.step(
          'address',
          sql`INSERT INTO factors (id, account_id, method, state, email, created_at, updated_at)
            SELECT ${factorId}, ${accountId}, 'email_challenge', 'pending', ${email}, ${createdAt}, ${createdAt}
            WHERE ${done}
            ON CONFLICT (account_id, method)
              DO UPDATE SET email = excluded.email, updated_at = excluded.updated_at`,
        );
      }
      script.step(
        'challenge',
        sql`INSERT INTO email_challenges (id, factor_id, code_hash, created_at, expires_at)
          SELECT ${id}, id, ${codeHash}, ${createdAt}, ${expiresAt} FROM factors WHERE ${theirs} AND ${done}`,
      );
      refuse(script, audit, 'conflict');
      script.step('next', sql`SELECT min(expires_at) AS at, count(*) AS living ${living}`);
      const answer = await script.run(db);
      if (decided(answer)) return { kind: 'made' };
      const next = firstRow(answer('next'));
      const at =
        next !== undefined && next.number('living') >= MOST_CODES ? next.optionalNumber('at') : undefined;
      return at === undefined ? { kind: 'conflict' } : { kind: 'too_many', until: at };
    },

    async proveEmail(codeHash, proof) {
      const { accountId, now, audit } = proof;
      const theirs = isEmailOf(accountId);
      const script = new Script();
      const done = decide(
        script,
        audit,
        all(
          sql`EXISTS (SELECT 1 ${mailed(codeHash, accountId)} AND c.consumed_at IS NULL AND c.expires_at > ${now}
            AND ${ofThisClock('c.created_at', now)}
            AND (f.state = 'active' OR ${mayAddFactor(proof)}))`,
          mayShowCode(proof),
        ),
      );
      script.step(
        'activate',
        sql`UPDATE factors SET state = 'active', verified_at = ${now}, updated_at = ${now}
          WHERE ${theirs} AND state = 'pending' AND ${done}`,
      );
      // With the code, all others that were mailed.
      script.step(
        'consume',
        sql`UPDATE email_challenges SET consumed_at = ${now} WHERE consumed_at IS NULL AND ${done}
          AND factor_id = (SELECT id FROM factors WHERE ${theirs})`,
      );
      script.step(
        'address',
        sql`UPDATE accounts SET email_verified_at = ${now}, updated_at = ${now}
          WHERE id = ${accountId} AND email_verified_at IS NULL AND ${done}
            AND email = (SELECT email FROM factors WHERE ${theirs})`,
      );
      conclude(script, proof, done);
      script.step('factor', sql`SELECT ${COLUMNS} FROM factors WHERE ${theirs}`);
      // A code that nobody knows is a guess, which is recorded when it is counted.
      refuse(script, audit, 'denied', sql`EXISTS (SELECT 1 ${mailed(codeHash, accountId)})`);
      const answer = await script.run(db);
      const row = firstRow(answer('factor'));
      return decided(answer) && row ? { factor: emailFactorOf(row), live: concluded(answer) } : undefined;
    },

    async knowsEmailCode(codeHash, accountId) {
      return firstRow(await read(db, sql`SELECT 1 ${mailed(codeHash, accountId)}`)) !== undefined;
    },
  };
}
