/** What is counted against guessing: wrong second factors and failed logins, each in a window from the first on. */
import type { AccountStore } from '../accounts.ts';
import type { Db } from '../db.ts';
import { decide } from './audit.ts';
import { notOver } from './clock.ts';
import { firstRow } from './rows.ts';
import { read, Script, sql, write } from './script.ts';

type GuessVerbs = Pick<
  AccountStore,
  | 'verificationPausedUntil'
  | 'recordWrongCode'
  | 'loginFailures'
  | 'recordLoginFailure'
  | 'clearLoginFailures'
>;

/** The verbs that count wrong guesses. */
export function guessVerbs(db: Db): GuessVerbs {
  return {
    async verificationPausedUntil(accountId, now) {
      const paused = await read(
        db,
        sql`SELECT window_end FROM wrong_codes
          WHERE account_id = ${accountId} AND paused = 1 AND ${notOver('window_end', now)}`,
      );
      return firstRow(paused)?.number('window_end');
    },

    async recordWrongCode(accountId, sessionId, now, limits, audit) {
      const { perSession, perAccount, windowMs } = limits;
      const counting = notOver('window_end', now);
      const script = new Script();
      const done = decide(script, audit, sql`true`);
      script.step(
        'session',
        sql`UPDATE sessions SET wrong_codes = wrong_codes + 1,
            revoked_at = CASE WHEN wrong_codes + 1 >= ${perSession} THEN ${now} END
          WHERE id = ${sessionId} AND account_id = ${accountId} AND revoked_at IS NULL AND ${done}
          RETURNING revoked_at`,
      );
      script.step(
        'account',
        sql`INSERT INTO wrong_codes (account_id, failures, window_end, paused)
          SELECT id, 1, ${now + windowMs}, ${Number(perAccount <= 1)} FROM accounts
          WHERE id = ${accountId} AND ${done}
          ON CONFLICT (account_id) DO UPDATE SET
            failures = CASE WHEN NOT ${counting} THEN 1 ELSE failures + 1 END,
            paused = CASE WHEN NOT ${counting} THEN excluded.paused ELSE failures + 1 >= ${perAccount} END,
            window_end = CASE WHEN NOT ${counting} THEN excluded.window_end ELSE window_end END`,
      );
      const counted = firstRow((await script.run(db))('session'));
      return { sessionRevoked: counted !== undefined && !counted.isNull('revoked_at') };
    },

    async loginFailures(nameKey, now) {
      const counted = await read(
        db,
        sql`SELECT failures FROM login_failures WHERE name_key = ${nameKey} AND ${notOver('window_end', now)}`,
      );
      return firstRow(counted)?.number('failures') ?? 0;
    },

    async recordLoginFailure(nameKey, now, windowMs, audit) {
      const counting = notOver('window_end', now);
      const script = new Script();
      script.step(
        'count',
        sql`INSERT INTO login_failures (name_key, failures, window_end)
          VALUES (${nameKey}, 1, ${now + windowMs})
          ON CONFLICT (name_key) DO UPDATE SET
            failures = CASE WHEN NOT ${counting} THEN 1 ELSE failures + 1 END,
            window_end = CASE WHEN NOT ${counting} THEN excluded.window_end ELSE window_end END
          RETURNING failures`,
      );
      // Worth a row when it doubles: the audit is kept for good, and tries are free. The same for every name, or the
      // time that a row takes would tell which names there are.
      const worthARow = sql`EXISTS
        (SELECT 1 FROM login_failures WHERE name_key = ${nameKey} AND (failures & (failures - 1)) = 0)`;
      decide(script, audit, worthARow);
      return firstRow((await script.run(db))('count'))?.number('failures') ?? 0;
    },

    async clearLoginFailures(nameKey) {
      await write(db, sql`DELETE FROM login_failures WHERE name_key = ${nameKey}`);
    },
  };
}
