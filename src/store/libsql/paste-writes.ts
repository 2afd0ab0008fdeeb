/** Creating and replacing a paste: each is one batch, in which all that must hold is asked and done at once. */
import type { Db, ResultSet, Statement } from '../db.ts';
import type {
  CreatePaste,
  CreatePasteOutcome,
  FirstAnswer,
  ReplacePaste,
  ReplacePasteOutcome,
} from '../store.ts';
import { AHEAD_MS } from './clock.ts';
import { accessColumns, COLUMNS, pasteOf, placed } from './paste-rows.ts';
import { firstRow } from './rows.ts';
import { Script, sql } from './script.ts';
import { sizeOf } from './segments.ts';
import type { EventNotes } from './webhooks.ts';

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

/** @see PasteStore.create. One batch: each statement stands under the conditions of the others. */
export async function createPaste(
  db: Db,
  notes: EventNotes,
  input: CreatePaste,
): Promise<CreatePasteOutcome> {
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

/** @see PasteStore.replace */
export async function replacePaste(db: Db, input: ReplacePaste): Promise<ReplacePasteOutcome> {
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
