/** Sessions: opened, looked up with every request, listed, ended. */
import type { AccountStore, NewSession } from '../accounts.ts';
import type { Db } from '../db.ts';
import { isLive, liveOf, SESSION, selectLive, sessionOf } from './account-rows.ts';
import { decide, decided, refuse } from './audit.ts';
import { allRows, firstRow } from './rows.ts';
import { type Answer, all, read, Script, type Sql, sql, write } from './script.ts';

/** Inserts the session if `condition` holds. */
export function insertSession(session: NewSession, condition: Sql): Sql {
  return sql`INSERT INTO sessions
      (id, account_id, token_hash, kind, created_at, expires_at, last_seen_at, idle_at, verified_at, verified_method)
    SELECT ${session.id}, ${session.accountId}, ${session.tokenHash}, ${session.kind},
      ${session.createdAt}, ${session.expiresAt}, ${session.lastSeenAt}, ${session.idleAt ?? null}, ${session.verifiedAt ?? null}, ${session.verifiedMethod ?? null}
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

type SessionVerbs = Pick<
  AccountStore,
  | 'openSession'
  | 'liveSession'
  | 'touchSession'
  | 'sessions'
  | 'revokeSession'
  | 'endSession'
  | 'revokeSessions'
>;

/** The verbs of sessions. */
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

    async touchSession(id, { now, stepMs, idleAt = null }) {
      const noted = sql`coalesce(last_seen_at, created_at)`;
      await write(
        db,
        sql`UPDATE sessions SET last_seen_at = ${now}, idle_at = ${idleAt}
          WHERE id = ${id} AND revoked_at IS NULL
            AND (abs(${noted} - ${now}) >= ${stepMs} OR (idle_at IS NULL) <> (${idleAt} IS NULL))`,
      );
    },

    async sessions(accountId, now, before, limit) {
      const older = before === undefined ? sql`true` : sql`s.id < ${before}`;
      const found = await read(
        db,
        sql`SELECT ${SESSION} FROM sessions AS s JOIN accounts AS a ON a.id = s.account_id
          WHERE s.account_id = ${accountId} AND ${older} AND ${isLive(now)} ORDER BY s.id DESC LIMIT ${limit}`,
      );
      return allRows(found).map((row) => sessionOf(row, accountId));
    },

    async revokeSession(id, now, audit) {
      const script = new Script();
      const open = sql`id = ${id} AND revoked_at IS NULL AND expires_at > ${now}`;
      const done = decide(script, audit, sql`EXISTS (SELECT 1 FROM sessions WHERE ${open})`);
      script.step('revoke', sql`UPDATE sessions SET revoked_at = ${now} WHERE ${all(open, done)}`);
      return decided(await script.run(db));
    },

    async endSession(accountId, id, now, audit) {
      const script = new Script();
      const done = decide(script, audit, sessionIsLive(accountId, id, now));
      script.step('revoke', sql`UPDATE sessions SET revoked_at = ${now} WHERE ${all(sql`id = ${id}`, done)}`);
      return decided(await script.run(db));
    },

    async revokeSessions(accountId, now, audit, keepSessionId) {
      const script = new Script();
      const known = sql`EXISTS (SELECT 1 FROM accounts WHERE id = ${accountId})`;
      const kept = keepSessionId === undefined ? known : sessionIsLive(accountId, keepSessionId, now);
      const done = decide(script, audit, kept);
      endSessions(script, accountId, now, done, keepSessionId);
      const answer = await script.run(db);
      return decided(answer) ? endedOf(answer) : undefined;
    },
  };
}
