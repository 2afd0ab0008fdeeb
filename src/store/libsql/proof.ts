/** What the proof of a second factor needs, and what follows from it. */
import type { FactorProof, LiveSession } from '../accounts.ts';
import { liveOf, selectLive } from './account-rows.ts';
import { notOver } from './clock.ts';
import { firstRow } from './rows.ts';
import { type Answer, all, type Script, type Sql, sql } from './script.ts';
import { sessionIsLive } from './sessions.ts';

/**
 * The condition that this session may show a code now. It is asked in the transaction that accepts the code, so
 * that guesses sent all at once get no further than guesses sent one after the other.
 */
export function mayShowCode({ accountId, sessionId, now }: FactorProof): Sql {
  return all(
    sessionIsLive(accountId, sessionId, now),
    sql`NOT EXISTS (SELECT 1 FROM wrong_codes
      WHERE account_id = ${accountId} AND paused = 1 AND ${notOver('window_end', now)})`,
  );
}

/**
 * The condition that this session may add a factor: it has shown one, or there is none to be shown. Else a code or
 * a ceremony begun before the account was secured could bring a factor of somebody who has the password alone.
 */
export function mayAddFactor({ accountId, sessionId }: FactorProof): Sql {
  return sql`EXISTS (SELECT 1 FROM sessions WHERE id = ${sessionId} AND verified_at IS NOT NULL)
    OR NOT EXISTS (SELECT 1 FROM factors WHERE account_id = ${accountId} AND state = 'active')
      AND NOT EXISTS (SELECT 1 FROM passkeys WHERE account_id = ${accountId})`;
}

/** Adds what every proof brings: the session is verified, and the account's set-up complete. */
export function conclude(script: Script, proof: FactorProof, done: Sql): void {
  const { accountId, sessionId, method, now } = proof;
  script.step(
    'verify',
    sql`UPDATE sessions SET verified_at = ${now}, verified_method = ${method}
      WHERE id = ${sessionId} AND ${done}`,
  );
  script.step(
    'complete',
    sql`UPDATE accounts SET setup = 'complete', updated_at = ${now}
      WHERE id = ${accountId} AND setup <> 'complete' AND ${done}`,
  );
  script.step('live', selectLive(sql`s.id = ${sessionId} AND ${done}`, now));
}

/** The session as it is after {@link conclude}. */
export function concluded(answer: Answer): LiveSession {
  const row = firstRow(answer('live'));
  if (row === undefined) throw new TypeError('a proof that was accepted left no live session');
  return liveOf(row);
}
