/** The paste room of the store: all SQL about pastes, a verb a batch. */

import type { Db, ResultSet, Statement } from '../db.ts';
import type {
  CreatePaste,
  CreatePasteOutcome,
  FirstAnswer,
  GuessLimits,
  OpenedPaste,
  Paste,
  PasteAccess,
  PasteStore,
  PendingBytes,
  ReplacePaste,
  ReplacePasteOutcome,
} from '../store.ts';
import { AHEAD_MS, LONGEST_WINDOW_MS } from './clock.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { Script, Sql, sql } from './script.ts';
import type { EventNotes } from './webhooks.ts';

const COLUMNS =
  'ref, size, mime_type, sealed, burn, access_kind, access_value, owner, delete_token_hash, ' +
  'created_at, expires_at, revision, blob';

function accessOf(row: Row): PasteAccess | undefined {
  const kind = row.optionalText('access_kind');
  if (kind === undefined) return undefined;
  return kind === 'password'
    ? { kind: 'password', phc: row.text('access_value') }
    : { kind: 'proof', sha256: row.text('access_value') };
}

function accessColumns(access: PasteAccess | undefined): [string | null, string | null] {
  if (access === undefined) return [null, null];
  return [access.kind, access.kind === 'password' ? access.phc : access.sha256];
}

function pasteOf(row: Row): Paste {
  const access = accessOf(row);
  const owner = row.optionalText('owner');
  const blob = row.optionalText('blob');
  return {
    ref: row.text('ref'),
    size: row.number('size'),
    mimeType: row.text('mime_type'),
    sealed: row.flag('sealed'),
    burn: row.flag('burn'),
    deleteTokenHash: row.text('delete_token_hash'),
    createdAt: row.number('created_at'),
    expiresAt: row.number('expires_at'),
    revision: row.number('revision'),
    ...(access && { access }),
    ...(owner !== undefined && { owner }),
    ...(blob !== undefined && { blob }),
  };
}

function openedOf(row: Row): OpenedPaste {
  const body = row.optionalBytes('body');
  return body === undefined ? { paste: pasteOf(row) } : { paste: pasteOf(row), body };
}

/** Values for the columns blob and body. */
function placed(pending: PendingBytes): [string | null, Uint8Array<ArrayBuffer> | null] {
  return pending.kind === 'inline' ? [null, pending.bytes] : [pending.blob, null];
}

function sizeOf(pending: PendingBytes): number {
  return pending.kind === 'inline' ? pending.bytes.length : pending.size;
}

type Dedup = NonNullable<CreatePaste['dedup']>;

/** The newest `max` creates of the same bytes within the window; `max` of them mean: no more for now. */
function lookForDuplicates(script: Script, dedup: Dedup, now: number): void {
  script.add(
    'duplicates',
    `SELECT count(*) AS n, min(created_at) AS oldest FROM (
       SELECT created_at FROM recent_contents WHERE content_hash = ? AND created_at > ? AND created_at <= ?
       ORDER BY created_at DESC LIMIT ?)`,
    [dedup.contentHash, now - dedup.windowMs, now + AHEAD_MS, dedup.max],
  );
}

const FEWER_DUPLICATES =
  '(SELECT count(*) FROM recent_contents WHERE content_hash = ? AND created_at > ? AND created_at <= ?) < ?';

/** When the bytes may be stored again, if they are stored too often now. */
function freeAt(result: ResultSet | undefined, dedup: Dedup | undefined): number | undefined {
  const row = firstRow(result);
  if (row === undefined || dedup === undefined || row.number('n') < dedup.max) return undefined;
  return row.number('oldest') + dedup.windowMs;
}

const STAGED = `EXISTS (SELECT 1 FROM loose_blobs WHERE blob = ? AND state = 'staged')`;
const WITHIN_QUOTA = `(SELECT bytes FROM totals WHERE room = 'pastes') + ? <= ?`;

async function create(db: Db, notes: EventNotes, input: CreatePaste): Promise<CreatePasteOutcome> {
  const { paste, now, replay, work, dedup } = input;
  const size = sizeOf(paste.pending);
  const [blob, body] = placed(paste.pending);
  const script = new Script();
  const conditions: string[] = [];
  const conditionArgs: NonNullable<Statement['args']>[number][] = [];
  const onlyIf = (sql: string, ...args: typeof conditionArgs) => {
    conditions.push(sql);
    conditionArgs.push(...args);
  };

  if (replay) {
    script.add(
      'first',
      'SELECT fingerprint, nonce, first FROM paste_replays WHERE key_hash = ? AND expires_at > ?',
      [replay.keyHash, now],
    );
    onlyIf(
      'NOT EXISTS (SELECT 1 FROM paste_replays WHERE key_hash = ? AND expires_at > ?)',
      replay.keyHash,
      now,
    );
  }
  if (work) {
    // An expired token counts as spent, whatever a sweep has forgotten of it.
    script.add('work', 'SELECT 1 WHERE ? OR EXISTS (SELECT 1 FROM spent_work WHERE token_hash = ?)', [
      Number(work.onlyReplay),
      work.tokenHash,
    ]);
    if (work.onlyReplay) onlyIf('0');
    onlyIf('NOT EXISTS (SELECT 1 FROM spent_work WHERE token_hash = ?)', work.tokenHash);
  }
  if (dedup) {
    lookForDuplicates(script, dedup, now);
    onlyIf(FEWER_DUPLICATES, dedup.contentHash, now - dedup.windowMs, now + AHEAD_MS, dedup.max);
  }
  if (blob !== null) {
    script.add('staged', `SELECT 1 WHERE ${STAGED}`, [blob]);
    onlyIf(STAGED, blob);
  }
  onlyIf(WITHIN_QUOTA, size, input.quotaBytes);

  script.add(
    'insert',
    `INSERT INTO pastes (${COLUMNS}, body)
     SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ? WHERE ${conditions.join(' AND ')}`,
    [
      paste.ref,
      size,
      paste.mimeType,
      Number(paste.sealed),
      Number(paste.burn),
      ...accessColumns(paste.access),
      paste.owner ?? null,
      paste.deleteTokenHash,
      paste.createdAt,
      paste.expiresAt,
      blob,
      body,
      ...conditionArgs,
    ],
  );
  // What follows happens with the paste or not at all: its ref is fresh, so that it exists only if it was inserted.
  const made = 'EXISTS (SELECT 1 FROM pastes WHERE ref = ?)';
  for (const note of notes.of('paste.created', now, sql`ref = ${paste.ref}`))
    script.add('note', note.sql, note.args);
  if (blob !== null)
    script.add('adopt', `DELETE FROM loose_blobs WHERE blob = ? AND ${made}`, [blob, paste.ref]);
  if (dedup) {
    script.add('count', `INSERT INTO recent_contents (content_hash, created_at) SELECT ?, ? WHERE ${made}`, [
      dedup.contentHash,
      now,
      paste.ref,
    ]);
  }
  if (work) {
    script.add('spend', `INSERT INTO spent_work (token_hash, expires_at) SELECT ?, ? WHERE ${made}`, [
      work.tokenHash,
      work.expiresAt,
      paste.ref,
    ]);
  }
  if (replay) {
    const first: FirstAnswer = {
      size,
      mimeType: paste.mimeType,
      burn: paste.burn,
      protected: paste.access !== undefined,
      ...(paste.owner !== undefined && { owner: paste.owner }),
      createdAt: paste.createdAt,
      expiresAt: paste.expiresAt,
    };
    script.add(
      'remember',
      `INSERT OR REPLACE INTO paste_replays (key_hash, fingerprint, nonce, first, expires_at)
       SELECT ?, ?, ?, ?, ? WHERE ${made}`,
      [replay.keyHash, replay.fingerprint, replay.nonce, JSON.stringify(first), replay.expiresAt, paste.ref],
    );
  }

  const result = await script.run(db);
  if (result('insert')?.changes === 1) return { kind: 'created' };

  const first = firstRow(result('first'));
  if (first && replay) {
    if (first.text('fingerprint') !== replay.fingerprint) return { kind: 'conflict' };
    return {
      kind: 'replayed',
      nonce: first.text('nonce'),
      first: JSON.parse(first.text('first')) as FirstAnswer,
    };
  }
  if (firstRow(result('work'))) return { kind: 'work_spent' };
  const free = freeAt(result('duplicates'), dedup);
  if (free !== undefined) return { kind: 'duplicate', freeAt: free };
  if (blob !== null && !firstRow(result('staged'))) return { kind: 'lost' };
  return { kind: 'quota' };
}

async function replace(db: Db, input: ReplacePaste): Promise<ReplacePasteOutcome> {
  const { ref, revision, now, dedup } = input;
  const size = sizeOf(input.pending);
  const [blob, body] = placed(input.pending);
  const script = new Script();
  script.add('current', 'SELECT 1 FROM pastes WHERE ref = ? AND revision = ? AND expires_at > ?', [
    ref,
    revision,
    now,
  ]);
  if (dedup) lookForDuplicates(script, dedup, now);
  if (blob !== null) script.add('staged', `SELECT 1 WHERE ${STAGED}`, [blob]);

  const [accessKind, accessValue] = accessColumns(input.access);
  script.add(
    'update',
    `UPDATE pastes SET size = ?, mime_type = ?, sealed = ?, burn = coalesce(?, burn),
       access_value = CASE WHEN ? IS NULL THEN access_value ELSE ? END,
       access_kind = coalesce(?, access_kind),
       expires_at = coalesce(?, expires_at), revision = revision + 1, blob = ?, body = ?
     WHERE ref = ? AND revision = ? AND expires_at > ?
       AND (SELECT bytes FROM totals WHERE room = 'pastes') - size + ? <= ?
       ${dedup ? `AND ${FEWER_DUPLICATES}` : ''} ${blob === null ? '' : `AND ${STAGED}`}
     RETURNING ${COLUMNS}`,
    [
      size,
      input.mimeType,
      Number(input.sealed),
      input.burn === undefined ? null : Number(input.burn),
      accessKind,
      accessValue,
      accessKind,
      input.expiresAt ?? null,
      blob,
      body,
      ref,
      revision,
      now,
      size,
      input.quotaBytes,
      ...(dedup ? [dedup.contentHash, now - dedup.windowMs, now + AHEAD_MS, dedup.max] : []),
      ...(blob === null ? [] : [blob]),
    ],
  );
  if (blob !== null) {
    script.add(
      'adopt',
      'DELETE FROM loose_blobs WHERE blob = ? AND EXISTS (SELECT 1 FROM pastes WHERE ref = ? AND blob = ?)',
      [blob, ref, blob],
    );
  }
  const result = await script.run(db);
  const updated = firstRow(result('update'));
  if (updated) return { kind: 'replaced', paste: pasteOf(updated) };
  if (!firstRow(result('current'))) return { kind: 'stale' };
  const free = freeAt(result('duplicates'), dedup);
  if (free !== undefined) return { kind: 'duplicate', freeAt: free };
  if (blob !== null && !firstRow(result('staged'))) return { kind: 'lost' };
  return { kind: 'quota' };
}

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

  return {
    create: (input) => create(db, notes, input),
    replace: (input) => replace(db, input),

    async knowsReplay(keyHash, now) {
      const sql = 'SELECT 1 FROM paste_replays WHERE key_hash = ? AND expires_at > ?';
      return firstRow(await one(sql, [keyHash, now], 'read')) !== undefined;
    },

    async find(ref, now) {
      const row = firstRow(await one(FIND, [ref, now], 'read'));
      return row && pasteOf(row);
    },

    async look(ref, now) {
      const row = firstRow(await one(LOOK, [ref, now], 'read'));
      return row && openedOf(row);
    },

    async open(ref, revision, now) {
      const row = firstRow(await one(OPEN, [ref, revision, now], 'read'));
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
