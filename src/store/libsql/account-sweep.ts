/** Forgetting what has expired around accounts. */
import type { Db } from '../db.ts';
import { Script, sql } from './script.ts';

const DAY_MS = 86_400_000;
/** Sessions stay this long after their end, for whoever looks into what happened. */
const ENDED_SESSIONS_MS = DAY_MS;
/** Registrations whose address nobody proved stay this long after they were last asked for. */
const UNPROVEN_MS = 7 * DAY_MS;

/** Removes at most `max` rows of each kind in one batch. @returns whether all is gone */
export async function accountSweep(db: Db, now: number, max: number): Promise<boolean> {
  const script = new Script();
  const expired = sql`expires_at <= ${now} ORDER BY expires_at LIMIT ${max}`;
  const over = sql`window_end <= ${now} ORDER BY window_end LIMIT ${max}`;
  const ended = now - ENDED_SESSIONS_MS;
  const steps = [
    sql`DELETE FROM accounts WHERE id IN
      (SELECT id FROM accounts AS a WHERE state = 'pending_email_verification' AND updated_at <= ${now - UNPROVEN_MS}
        AND NOT EXISTS (SELECT 1 FROM email_verifications WHERE account_id = a.id AND expires_at > ${now})
        ORDER BY updated_at LIMIT ${max})`,
    sql`DELETE FROM email_verifications WHERE token_hash IN
      (SELECT token_hash FROM email_verifications WHERE ${expired})`,
    sql`DELETE FROM sessions WHERE id IN
      (SELECT id FROM sessions WHERE expires_at <= ${ended} ORDER BY expires_at LIMIT ${max})`,
    sql`DELETE FROM sessions WHERE id IN
      (SELECT id FROM sessions WHERE revoked_at <= ${ended} ORDER BY revoked_at LIMIT ${max})`,
    sql`DELETE FROM email_challenges WHERE id IN (SELECT id FROM email_challenges WHERE ${expired})`,
    sql`DELETE FROM ceremonies WHERE id IN (SELECT id FROM ceremonies WHERE ${expired})`,
    sql`DELETE FROM wrong_codes WHERE account_id IN (SELECT account_id FROM wrong_codes WHERE ${over})`,
    sql`DELETE FROM login_failures WHERE name_key IN (SELECT name_key FROM login_failures WHERE ${over})`,
  ];
  for (const [index, step] of steps.entries()) script.step(String(index), step);
  const answer = await script.run(db);
  return steps.every((_, index) => (answer(String(index))?.changes ?? 0) < max);
}
