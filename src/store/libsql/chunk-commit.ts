/** The one batch that makes bytes a chunk: adoption, row, memory of the retry key and audit row. */
import type { AuditEntry } from '../audit.ts';
import type { CommitChunk, CommitChunkOutcome, CommitRefusal } from '../chunks.ts';
import type { Db } from '../db.ts';
import { decide, refuse } from './audit.ts';
import { CHUNK, chunkOf, insertChunk } from './chunk-rows.ts';
import { isOwned } from './owned.ts';
import { firstRow } from './rows.ts';
import { read, Script, type Sql, sql } from './script.ts';
import { sizeOf } from './segments.ts';

type Verdict = 'committed' | 'replayed' | 'lost' | CommitRefusal;

/**
 * What is to become of a commit, as a query of one value: the first case that applies, in the order that the
 * contract gives. Equal fingerprints tell a replay only from a client that sends a retry key.
 */
function verdictOn(input: CommitChunk): Sql {
  const { owned, streamId, chunk, pending, retry, fingerprint } = input;
  const replays = retry === undefined ? null : fingerprint;
  // One row, whatever is missing.
  return sql`SELECT CASE
      WHEN i.id IS NULL THEN 'incident_not_found'
      WHEN i.deletion_state <> 'active' THEN 'incident_deleting'
      WHEN i.status <> 'open' THEN 'incident_closed'
      WHEN s.id IS NULL THEN 'stream_not_found'
      WHEN s.status <> 'open' THEN 'stream_not_open'
      WHEN s.media_type <> ${chunk.mediaType} THEN 'stream_media_type_mismatch'
      WHEN k.fingerprint = ${fingerprint} THEN 'replayed'
      WHEN k.fingerprint IS NOT NULL THEN 'idempotency_conflict'
      WHEN c.fingerprint = ${replays} THEN 'replayed'
      WHEN c.id IS NOT NULL THEN 'duplicate_chunk'
      WHEN coalesce(u.bytes, 0) + ${chunk.byteSize} > ${input.accountQuotaBytes}
        THEN 'account_storage_quota_exceeded'
      WHEN ${pending.kind === 'inline' ? 0 : 1} AND b.blob IS NULL THEN 'lost'
      ELSE 'committed' END AS verdict
    FROM (SELECT 1)
      LEFT JOIN (SELECT id, status, deletion_state FROM incidents WHERE ${isOwned(owned)}) AS i
      LEFT JOIN streams AS s ON s.id = ${streamId} AND s.incident_id = i.id
      LEFT JOIN upload_keys AS k ON k.account_id = ${owned.accountId} AND k.key_hash = ${retry?.keyHash ?? null}
      LEFT JOIN chunks AS c ON c.stream_id = s.id AND c.chunk_index = ${chunk.chunkIndex}
      LEFT JOIN account_usage AS u ON u.account_id = ${owned.accountId}
      LEFT JOIN loose_blobs AS b ON ${isStill(input)}`;
}

/**
 * The condition on a loose blob `b` that it is what the commit was told of: as many bytes, and its own. A known size
 * keeps bytes that another request has added to out of the commit.
 */
function isStill({ pending, chunk }: CommitChunk): Sql {
  // None has no name; asked for like this, it is looked for in the index.
  if (pending.kind === 'inline') return sql`b.blob = NULL`;
  const named = sql`b.blob = ${pending.blob} AND b.state = 'staged'`;
  return pending.kind === 'placed'
    ? sql`${named} AND b.size = ${chunk.byteSize} AND b.sha256 = ${chunk.sha256} AND b.writer = ${pending.writer}`
    : sql`${named} AND b.bytes = ${chunk.byteSize}`;
}

/** Takes the bytes: those inline become segment 0, those staged or placed are nobody else's from now on. */
function takeBytes(script: Script, { pending, chunk }: CommitChunk, blob: string, done: Sql): void {
  script.step(
    'bytes',
    pending.kind === 'inline'
      ? sql`INSERT INTO segments (blob, idx, bytes) SELECT ${blob}, 0, ${pending.bytes} WHERE ${done}`
      : sql`DELETE FROM loose_blobs WHERE blob = ${blob} AND state = 'staged' AND ${done}`,
  );
  if (pending.kind !== 'placed' || pending.staged === undefined) return;
  // What was put elsewhere need not lie here any more. An upload whose bytes go is told what it became.
  script.step(
    'concluded',
    sql`UPDATE uploads SET chunk_id = ${chunk.id}
      WHERE blob = ${pending.staged} AND chunk_id IS NULL AND refusal IS NULL AND ${done}`,
  );
  script.step(
    'freed',
    sql`UPDATE loose_blobs SET state = 'erasing', erase_at = 0
      WHERE blob = ${pending.staged} AND state = 'staged' AND ${done}`,
  );
}

/** Remembers the retry key, of a new chunk and of an equivalent one that came under another key or none. */
function rememberKey(script: Script, input: CommitChunk, keyHash: string, when: Sql): void {
  const { owned, streamId, chunk, fingerprint } = input;
  script.step(
    'remember',
    sql`INSERT INTO upload_keys (account_id, key_hash, fingerprint, chunk_id, created_at)
      SELECT ${owned.accountId}, ${keyHash}, ${fingerprint}, id, ${chunk.createdAt} FROM chunks
      WHERE stream_id = ${streamId} AND chunk_index = ${chunk.chunkIndex} AND (${when})
      ON CONFLICT DO NOTHING`,
  );
  script.step(
    'remembered',
    sql`SELECT ${CHUNK} FROM chunks WHERE id =
      (SELECT chunk_id FROM upload_keys WHERE account_id = ${owned.accountId} AND key_hash = ${keyHash})`,
  );
}

/** @see ChunkStore.wouldCommit */
export async function wouldCommit(db: Db, input: CommitChunk): Promise<boolean> {
  const found = await read(db, verdictOn(input));
  return firstRow(found)?.text('verdict') === 'committed';
}

/** @see ChunkStore.commit */
export async function commitChunk(
  db: Db,
  input: CommitChunk,
  audit: AuditEntry,
): Promise<CommitChunkOutcome> {
  const { owned, streamId, pending, retry } = input;
  const { crc32: _, ...chunk } = input.chunk;
  if (sizeOf(pending) !== chunk.byteSize) throw new TypeError('a chunk has another size than its bytes');
  // The id of a chunk is used once, and so is a name made of it.
  const blob = pending.kind === 'inline' ? chunk.id : pending.blob;
  const verdict = verdictOn(input);

  const script = new Script();
  const done = decide(script, audit, sql`(${verdict}) = 'committed'`);
  takeBytes(script, input, blob, done);
  script.step('insert', insertChunk(input, blob, done));
  if (retry) rememberKey(script, input, retry.keyHash, sql`${done} OR (${verdict}) = 'replayed'`);
  script.step('verdict', sql`SELECT CASE WHEN ${done} THEN 'committed' ELSE (${verdict}) END AS verdict`);
  // What is not there was refused to nobody.
  const unheard = sql`('replayed', 'lost', 'incident_not_found', 'stream_not_found')`;
  refuse(script, audit, 'conflict', sql`(${verdict}) NOT IN ${unheard}`);
  const answer = await script.run(db);

  const kind = firstRow(answer('verdict'))?.text('verdict') as Verdict | undefined;
  if (kind === undefined) throw new TypeError('a commit has no verdict');
  if (kind === 'lost') return { kind };
  if (kind === 'committed') return { kind, chunk: { ...chunk, incidentId: owned.incidentId, streamId } };
  if (kind !== 'replayed') return { kind: 'refused', fault: kind };
  const first = firstRow(answer('remembered'));
  if (first === undefined) throw new TypeError('a replay has no chunk');
  return { kind, chunk: chunkOf(first) };
}
