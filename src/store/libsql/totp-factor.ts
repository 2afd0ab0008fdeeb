/** The TOTP factor: a sealed seed, and the latest step that was used up. */
import type { AccountStore, FactorProof, TotpFactor } from '../accounts.ts';
import type { Db } from '../db.ts';
import { decide, decided, refuse } from './audit.ts';
import { conclude, concluded, mayAddFactor, mayShowCode } from './proof.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { all, read, Script, Sql, sql } from './script.ts';

const COLUMNS = new Sql('id, state, sealed_secret, last_step, verified_at', []);

/**
 * A step that was used further ahead than this, of 30 seconds each, was used while the clock was wrong; it keeps nobody
 * out until then. Ten minutes: a clock that is corrected by less forgets no step that was used.
 */
const STEPS_AHEAD = 20;

function totpFactorOf(row: Row): TotpFactor {
  const lastStep = row.optionalNumber('last_step');
  const verifiedAt = row.optionalNumber('verified_at');
  return {
    id: row.text('id'),
    state: row.text('state') as TotpFactor['state'],
    sealedSecret: row.bytes('sealed_secret'),
    ...(lastStep !== undefined && { lastStep }),
    ...(verifiedAt !== undefined && { verifiedAt }),
  };
}

/** A condition on `factors`. */
const isTotpOf = (accountId: string): Sql => sql`account_id = ${accountId} AND method = 'totp'`;

/** Uses the step up on the factor that `which` (a condition on `factors`) names, if it names one. */
async function useStep(
  db: Db,
  factorId: string,
  step: number,
  proof: FactorProof,
  which: Sql,
  conditions: readonly Sql[],
): Promise<Awaited<ReturnType<AccountStore['proveTotp']>>> {
  const { accountId, now, audit } = proof;
  const factor = sql`id = ${factorId} AND ${isTotpOf(accountId)}`;
  const script = new Script();
  const done = decide(
    script,
    audit,
    all(sql`EXISTS (SELECT 1 FROM factors WHERE ${factor} AND ${which})`, mayShowCode(proof), ...conditions),
  );
  script.step(
    'use',
    sql`UPDATE factors SET last_step = ${step},
        verified_at = coalesce(verified_at, ${now}),
        updated_at = CASE WHEN state = 'active' THEN updated_at ELSE ${now} END,
        state = 'active'
      WHERE ${factor} AND ${done}`,
  );
  conclude(script, proof, done);
  script.step('factor', sql`SELECT ${COLUMNS} FROM factors WHERE ${factor}`);
  refuse(script, audit, 'denied');
  const answer = await script.run(db);
  const row = firstRow(answer('factor'));
  return decided(answer) && row ? { factor: totpFactorOf(row), live: concluded(answer) } : undefined;
}

type TotpFactorVerbs = Pick<
  AccountStore,
  'totpFactor' | 'enrolTotp' | 'confirmTotp' | 'proveTotp' | 'totpSecrets'
>;

/** The verbs of authenticator apps. */
export function totpFactorVerbs(db: Db): TotpFactorVerbs {
  return {
    async totpFactor(accountId) {
      const row = firstRow(await read(db, sql`SELECT ${COLUMNS} FROM factors WHERE ${isTotpOf(accountId)}`));
      return row && totpFactorOf(row);
    },

    async enrolTotp(accountId, { id, sealedSecret }, now, audit) {
      const theirs = isTotpOf(accountId);
      const script = new Script();
      const done = decide(
        script,
        audit,
        sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${accountId})
          AND NOT EXISTS (SELECT 1 FROM factors WHERE ${theirs} AND state = 'active')`,
      );
      script.step('replace', sql`DELETE FROM factors WHERE ${theirs} AND ${done}`);
      script.step(
        'insert',
        sql`INSERT INTO factors (id, account_id, method, state, sealed_secret, created_at, updated_at)
          SELECT ${id}, ${accountId}, 'totp', 'pending', ${sealedSecret}, ${now}, ${now} WHERE ${done}`,
      );
      refuse(script, audit, 'conflict');
      return decided(await script.run(db));
    },

    confirmTotp: (factorId, step, proof) =>
      useStep(db, factorId, step, proof, sql`state = 'pending'`, [mayAddFactor(proof)]),

    proveTotp: (factorId, step, proof) =>
      useStep(
        db,
        factorId,
        step,
        proof,
        sql`state = 'active' AND (last_step < ${step} OR last_step > ${step + STEPS_AHEAD})`,
        [],
      ),

    async totpSecrets() {
      const found = await read(
        db,
        sql`SELECT id, account_id, sealed_secret FROM factors WHERE method = 'totp' ORDER BY id`,
      );
      return allRows(found).map((row) => ({
        id: row.text('id'),
        accountId: row.text('account_id'),
        sealedSecret: row.bytes('sealed_secret'),
      }));
    },
  };
}
