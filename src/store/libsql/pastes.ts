/** The paste room of the store: finding, reading, removing and sweeping, a verb a batch. Writing is in paste-writes.ts. */

import type { Db, SqlValue, Statement } from '../db.ts';
import type { GuessLimits, PasteStore } from '../store.ts';
import { AHEAD_MS, LONGEST_WINDOW_MS } from './clock.ts';
import { COLUMNS, openedOf, pasteOf } from './paste-rows.ts';
import { createPaste, replacePaste } from './paste-writes.ts';
import { allRows, firstRow } from './rows.ts';
import { Sql, sql } from './script.ts';
import type { EventNotes } from './webhooks.ts';

/**
 * One statement for a peer and one for all peers together. A full count shuts the door for a while and starts
 * anew, so that an attacker gets a bounded number of guesses an hour and nobody is shut out for good.
 */
function countGuess(
  ref: string,
  peer: string,
  limit: number,
  windowMs: number,
  lockMs: number,
  now: number,
): Statement {
  return {
    sql: `INSERT INTO paste_guesses (ref, peer, failures, since, locked_until)
          SELECT ?1, ?2, 1, ?3, 0 WHERE EXISTS (SELECT 1 FROM pastes WHERE ref = ?1)
          ON CONFLICT (ref, peer) DO UPDATE SET
            failures = CASE WHEN since + ?4 <= ?3 OR since > ?7 THEN 1 WHEN failures + 1 >= ?5 THEN 0 ELSE failures + 1 END,
            locked_until = CASE WHEN since + ?4 > ?3 AND since <= ?7 AND failures + 1 >= ?5 THEN ?3 + ?6 ELSE locked_until END,
            since = CASE WHEN since + ?4 <= ?3 OR since > ?7 OR failures = 0 THEN ?3 ELSE since END`,
    args: [ref, peer, now, windowMs, limit, lockMs, now + AHEAD_MS],
  };
}

const FIND = `SELECT ${COLUMNS} FROM pastes WHERE ref = ? AND expires_at > ? LIMIT 1`;
// The body comes along only where reading it needs no further right and leaves the row in place.
const LOOK = `SELECT ${COLUMNS}, CASE WHEN burn = 0 AND access_kind IS NULL THEN body END AS body
              FROM pastes WHERE ref = ? AND expires_at > ? LIMIT 1`;
const OPEN = `SELECT ${COLUMNS}, body FROM pastes
              WHERE ref = ? AND revision = ? AND burn = 0 AND expires_at > ? LIMIT 1`;
/** Bytes in rows that one sweep erases: what it writes over, everybody else waits for. */
const SWEPT_BYTES = 8 * 1024 * 1024;
/** Memories of creates that one sweep drops, of each kind. */
const SWEPT_MEMORIES = 5000;
/** The oldest expired pastes, at most so many, and no more once those before hold so many bytes in their rows. */
const EXPIRED = `SELECT ref FROM (
  SELECT ref, sum(inline) OVER (ORDER BY expires_at, ref ROWS UNBOUNDED PRECEDING) - inline AS before FROM (
    SELECT ref, expires_at, CASE WHEN blob IS NULL THEN size ELSE 0 END AS inline
    FROM pastes WHERE expires_at <= ? ORDER BY expires_at, ref LIMIT ?)
  ) WHERE before < ?`;

/** Pastes on libSQL. */
export function pasteStore(db: Db, notes: EventNotes): PasteStore {
  const one = async (sql: string, args: Statement['args'], mode: 'read' | 'write') =>
    (await db.batch([{ sql, args: args ?? [] }], mode))[0];
  const point = async (sql: string, args: readonly SqlValue[]) =>
    firstRow((await db.batch([{ sql, args, point: true }], 'read'))[0]);

  return {
    create: (input) => createPaste(db, notes, input),
    replace: (input) => replacePaste(db, input),

    async knowsReplay(keyHash, now) {
      const sql = 'SELECT 1 FROM paste_replays WHERE key_hash = ? AND expires_at > ?';
      return firstRow(await one(sql, [keyHash, now], 'read')) !== undefined;
    },

    async find(ref, now) {
      const row = await point(FIND, [ref, now]);
      return row && pasteOf(row);
    },

    async look(ref, now) {
      const row = await point(LOOK, [ref, now]);
      return row && openedOf(row);
    },

    async open(ref, revision, now) {
      const row = await point(OPEN, [ref, revision, now]);
      return row && openedOf(row);
    },

    async claim(ref, revision, now, keepUntil) {
      const which = sql`ref = ${ref} AND revision = ${revision} AND burn = 1 AND expires_at > ${now}`;
      const results = await db.batch(
        [
          ...notes.of('paste.burned', now, which),
          {
            sql: `INSERT INTO loose_blobs (blob, state, bytes, erase_at)
                  SELECT blob, 'claimed', 0, ? FROM pastes WHERE ${which.text} AND blob IS NOT NULL`,
            args: [keepUntil, ...which.args],
          },
          {
            sql: `DELETE FROM pastes WHERE ${which.text} RETURNING ${COLUMNS}, body`,
            args: which.args,
          },
        ],
        'write',
      );
      const row = firstRow(results.at(-1));
      return row && openedOf(row);
    },

    async remove(ref, now) {
      const which = sql`ref = ${ref} AND expires_at > ${now}`;
      const results = await db.batch(
        [
          ...notes.of('paste.deleted', now, which),
          { sql: `DELETE FROM pastes WHERE ${which.text}`, args: which.args },
        ],
        'write',
      );
      return results.at(-1)?.changes === 1;
    },

    ...(notes.wants('paste.read') && {
      async noteRead(ref: string, revision: number, now: number) {
        const which = sql`ref = ${ref} AND revision = ${revision} AND expires_at > ${now}`;
        const [noted] = await db.batch(notes.of('paste.read', now, which), 'write');
        return noted?.changes === 1;
      },
    }),

    async guesses(ref, peerKey, now) {
      const sql = `SELECT max(locked_until) AS locked_until FROM paste_guesses
                   WHERE ref = ? AND peer IN ('', ?) AND locked_until > ? AND locked_until <= ?`;
      const row = firstRow(await one(sql, [ref, peerKey, now, now + LONGEST_WINDOW_MS], 'read'));
      return row && !row.isNull('locked_until') ? { lockedUntil: row.number('locked_until') } : {};
    },

    async recordWrongGuess(ref, peerKey, now, limits: GuessLimits) {
      await db.batch(
        [
          countGuess(ref, peerKey, limits.perPeer, limits.windowMs, limits.lockMs, now),
          countGuess(ref, '', limits.overall, limits.windowMs, limits.lockMs, now),
        ],
        'write',
      );
    },

    async sweep(now, max) {
      const outdated = (table: string, key: string) => ({
        sql: `DELETE FROM ${table} WHERE ${key} IN
              (SELECT ${key} FROM ${table} WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`,
        args: [now, SWEPT_MEMORIES],
      });
      const which = new Sql(`ref IN (${EXPIRED})`, [now, max, SWEPT_BYTES]);
      const noted = notes.of('paste.expired', now, which);
      const all = await db.batch(
        [
          ...noted,
          { sql: `DELETE FROM pastes WHERE ${which.text} RETURNING size`, args: which.args },
          outdated('paste_replays', 'key_hash'),
          outdated('spent_work', 'token_hash'),
          { sql: 'SELECT 1 FROM pastes WHERE expires_at <= ? LIMIT 1', args: [now] },
        ],
        'write',
      );
      const results = all.slice(noted.length);
      const sizes = allRows(results[0]).map((row) => row.number('size'));
      const memories = Math.max(results[1]?.changes ?? 0, results[2]?.changes ?? 0);
      return {
        removed: sizes.length,
        bytes: sizes.reduce((sum, size) => sum + size, 0),
        done: firstRow(results[3]) === undefined && memories < SWEPT_MEMORIES,
      };
    },

    async forgetContents(before, max) {
      const sql = `DELETE FROM recent_contents WHERE rowid IN
                   (SELECT rowid FROM recent_contents WHERE created_at <= ? ORDER BY created_at LIMIT ?)`;
      return ((await one(sql, [before, max], 'write'))?.changes ?? 0) < max;
    },

    async totals() {
      const row = firstRow(
        await one("SELECT count, bytes, created FROM totals WHERE room = 'pastes'", [], 'read'),
      );
      if (row === undefined) throw new TypeError('the totals of pastes are missing');
      return { count: row.number('count'), bytes: row.number('bytes'), createdEver: row.number('created') };
    },
  };
}
