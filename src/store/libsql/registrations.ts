/** Registration by anybody, and the proof of its address. */

import type { AccountStore } from '../accounts.ts';
import type { Db } from '../db.ts';
import { ACCOUNT, accountOf, insertAccount, isFree } from './account-rows.ts';
import { decide, decided, refuse } from './audit.ts';
import { ofThisClock } from './clock.ts';
import { keepMail } from './outbox.ts';
import { firstRow } from './rows.ts';
import { Script, sql } from './script.ts';

/** Mails that one address gets for one name: enough for somebody impatient, too few for a bomb. */
const MAILS_A_WINDOW = 5;
const MAILS_WINDOW_MS = 60 * 60_000;

/** The verbs of registration and of the links that confirm it. */
export function registrationVerbs(db: Db): Pick<AccountStore, 'register' | 'verifyEmail'> {
  return {
    async register(account, verification, audit, letter) {
      const { tokenHash, email, createdAt, expiresAt } = verification;
      const wanted = { ...account, email, state: 'pending_email_verification' } as const;
      const script = new Script();
      // The pending account of this name and address: one of before, or the one that this batch makes.
      const pending = sql`SELECT id FROM accounts WHERE username = ${account.username}
        AND email = ${email} AND state = ${wanted.state}`;
      script.step('insert', insertAccount(wanted, isFree(wanted)));
      const recent = sql`(SELECT count(*) FROM email_verifications
        WHERE account_id = (${pending}) AND created_at > ${createdAt - MAILS_WINDOW_MS}
          AND ${ofThisClock('created_at', createdAt)})`;
      const may = sql`EXISTS (${pending}) AND ${recent} < ${MAILS_A_WINDOW}`;
      const done = decide(script, audit, may, sql`(${pending})`);
      script.step(
        'token',
        sql`INSERT INTO email_verifications (token_hash, account_id, email, created_at, expires_at, phc)
          SELECT ${tokenHash}, id, ${email}, ${createdAt}, ${expiresAt}, ${account.phc}
          FROM (${pending}) WHERE ${done}`,
      );
      if (letter !== undefined) script.step('letter', keepMail(letter, done));
      script.step(
        'touch',
        sql`UPDATE accounts SET updated_at = ${createdAt} WHERE id = (${pending}) AND ${done} RETURNING id`,
      );
      // Whose name or address it is, is nothing that the attempt should be tied to.
      const { subjectAccountId: _, ...anonymous } = audit;
      refuse(script, anonymous, 'conflict');
      const answer = await script.run(db);
      const accountId = firstRow(answer('touch'))?.text('id');
      if (accountId === undefined) return { kind: 'taken' };
      const kind = answer('insert')?.changes === 1 ? 'created' : 'again';
      return { kind, accountId, ...(letter && { kept: answer('letter')?.changes === 1 }) };
    },

    async verifyEmail(tokenHash, now, audit) {
      const script = new Script();
      const opened = sql`SELECT a.id FROM email_verifications AS v JOIN accounts AS a
        ON a.id = v.account_id AND a.email = v.email AND a.state = 'pending_email_verification'
        WHERE v.token_hash = ${tokenHash} AND v.expires_at > ${now} AND ${ofThisClock('v.created_at', now)}`;
      const done = decide(script, audit, sql`EXISTS (${opened})`, sql`(${opened})`);
      const subject = sql`(SELECT subject_account_id FROM audit WHERE id = ${audit.id})`;
      script.step(
        'open',
        sql`UPDATE accounts SET state = 'active', email_verified_at = ${now}, updated_at = ${now},
            phc = coalesce((SELECT phc FROM email_verifications WHERE token_hash = ${tokenHash}), phc)
          WHERE id = ${subject} AND ${done} RETURNING ${ACCOUNT}`,
      );
      script.step('spend', sql`DELETE FROM email_verifications WHERE account_id = ${subject} AND ${done}`);
      const answer = await script.run(db);
      const row = firstRow(answer('open'));
      return decided(answer) && row ? accountOf(row) : undefined;
    },
  };
}
