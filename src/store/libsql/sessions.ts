/** Sessions: opened, looked up with every request, ended. */
import type { AccountStore, NewSession } from '../accounts.ts';
import type { Db } from '../db.ts';
import { isLive, liveOf, selectLive } from './account-rows.ts';
import { decide, decided, refuse } from './audit.ts';
import { firstRow } from './rows.ts';
import { type Answer, all, read, Script, type Sql, sql } from './script.ts';

/** Inserts the session if `condition` holds. */
export function insertSession(session: NewSession, condition: Sql): Sql {
  return sql`INSERT INTO sessions
      (id, account_id, token_hash, kind, created_at, expires_at, verified_at, verified_method)
    SELECT ${session.id}, ${session.accountId}, ${session.tokenHash}, ${session.kind},
      ${session.createdAt}, ${session.expiresAt}, ${session.verifiedAt ?? null}, ${session.verifiedMethod ?? null}
    WHERE ${condition}`;
}

/** The condition that a session may be used, and by this account. */
export function sessionIsLive(accountId: string, sessionId: string, now: number): Sql {
  return sql`EXISTS (SELECT 1 FROM sessions AS s JOIN accounts AS a ON a.id = s.account_id
    WHERE s.id = ${sessionId} AND s.account_id = ${accountId} AND ${isLive(now)})`;
}

/**
 * Adds the end of an account's sessions to a script, before anything changes the account's state. Sessions that
 * only the account's state keeps from being live end too, lest they come back with it; they are not counted.
 */
export function endSessions(script: Script, accountId: string, now: number, when: Sql, keep?: string): void {
  const theirs = sql`s.account_id = ${accountId} AND s.id IS NOT ${keep ?? null} AND ${when}`;
  script.step(
    'ended',
    sql`SELECT count(*) AS n FROM sessions AS s JOIN accounts AS a ON a.id = s.account_id
      WHERE ${theirs} AND ${isLive(now)}`,
  );
  script.step(
    'end',
    sql`UPDATE sessions AS s SET revoked_at = ${now} WHERE ${theirs} AND s.revoked_at IS NULL`,
  );
}

/** How many live sessions {@link endSessions} ended. */
export function endedOf(answer: Answer): number {
  return firstRow(answer('ended'))?.number('n') ?? 0;
}

type SessionVerbs = Pick<AccountStore, 'openSession' | 'liveSession' | 'revokeSession' | 'revokeSessions'>;

export function sessionVerbs(db: Db): SessionVerbs {
  return {
    async openSession(session, phc, audit) {
      const script = new Script();
      const done = decide(
        script,
        audit,
        sql`EXISTS (SELECT 1 FROM accounts
          WHERE id = ${session.accountId} AND state = 'active' AND phc = ${phc})`,
      );
      script.step('insert', insertSession(session, done));
      refuse(script, audit, 'denied');
      return decided(await script.run(db));
    },

    async liveSession(tokenHash, now) {
      const row = firstRow(await read(db, selectLive(sql`s.token_hash = ${tokenHash}`, now)));
      return row && liveOf(row);
    },

    async revokeSession(id, now, audit) {
      const script = new Script();
      const open = sql`id = ${id} AND revoked_at IS NULL AND expires_at > ${now}`;
      const done = decide(script, audit, sql`EXISTS (SELECT 1 FROM sessions WHERE ${open})`);
      script.step('revoke', sql`UPDATE sessions SET revoked_at = ${now} WHERE ${all(open, done)}`);
      return decided(await script.run(db));
    },

    async revokeSessions(accountId, now, audit) {
      const script = new Script();
      const done = decide(script, audit, sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${accountId})`);
      endSessions(script, accountId, now, done);
      const answer = await script.run(db);
      return decided(answer) ? endedOf(answer) : undefined;
    },
  };
}
