/**
 * When a session was last used, so that its owner can see it and disuse can end it.
 *
 * Both columns are empty in sessions from before, and stay so in those that a server without this migration opens:
 * such a session was last seen when it began, and no disuse ends it until it is used once.
 *
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

export const sessionUse: Migration = {
  id: '0013_session_use',
  statements: [
    // Written once in some minutes of use, not with every request.
    'ALTER TABLE sessions ADD COLUMN last_seen_at INTEGER',
    // The session is not live from then on unless it is used before; none where disuse does not end it.
    'ALTER TABLE sessions ADD COLUMN idle_at INTEGER',
    // The sessions of an account, newest first. Its first column does what the index before did.
    'CREATE INDEX sessions_of_account ON sessions (account_id, id)',
    'DROP INDEX sessions_by_account',
  ],
};
