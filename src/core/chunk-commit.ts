/**
 * How bytes become a chunk: who may send them, what they must be, and the one commit. Whether they came in one
 * request or in pieces over a day, they pass here.
 */
import { hex, sha256Hex, utf8 } from '../crypto/hash.ts';
import type { AuditEntry } from '../store/audit.ts';
import type { Chunk, CommitChunk, CommitChunkOutcome } from '../store/chunks.ts';
import type { Owned } from '../store/owned.ts';
import type { Bytes, PendingBytes } from '../store/store.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { ChunkFields } from './chunk-fields.ts';
import { requireSealedFor, SEALED_PREFIX_BYTES } from './chunk-sealed.ts';
import type { Deps } from './deps.ts';
import { Fault, type FaultKind } from './faults.ts';
import { isId, newId } from './ids.ts';
import { receiptFor } from './log.ts';
import { standing } from './owned.ts';
import type { Intake, Look } from './receive.ts';
import { uploadLeaseKey } from './upload-lease.ts';

/** Who uploads, and to which incident. */
export interface Uploader {
  readonly owned: Owned;
  readonly origin: Origin;
}

/** Permission to send bytes. */
export interface UploadAdmission extends Uploader {
  /** Lower-case hex SHA-256 of the client's retry key, when there is one. */
  readonly retryKeyHash?: string;
}

/** What has to be known of a chunk's bytes besides the bytes. */
export interface ChunkMarks {
  /** CRC-32 (ISO 3309). */
  readonly crc32: number;
  /** The first `SEALED_PREFIX_BYTES` bytes, or all when there are fewer. */
  readonly prefix: Uint8Array;
}

export interface ChunkBytes extends ChunkMarks {
  readonly pending: PendingBytes;
  /** In bytes. */
  readonly size: number;
  /** 32 bytes. */
  readonly sha256: Bytes;
}

export interface CommittedChunk {
  readonly chunk: Chunk;
  /** Whether an equivalent upload had made it before. */
  readonly replayed: boolean;
  /** A signed statement that it was taken in; the same each time. Absent where this process has no key. */
  readonly receipt?: string;
}

/** @returns the hash of a retry key. @throws Fault `invalid_idempotency_key` */
export function retryKeyHash(key: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new Fault('invalid_idempotency_key', {
      message: 'Idempotency-Key must be one value of 1 to 255 visible ASCII characters',
    });
  }
  return sha256Hex(key);
}

/**
 * Decides, before a byte is read, whether this account may upload to this incident at all.
 * @param key the client's retry key as it came, or null
 * @throws Fault `incident_not_found`, `incident_deleting`, `incident_closed`, `invalid_idempotency_key`
 */
export async function admitUpload(
  deps: Deps,
  uploader: Uploader,
  key: string | null,
): Promise<UploadAdmission> {
  const { owned, origin } = uploader;
  const incident = await standing(deps, owned);
  const shut =
    incident.deletionState !== 'active'
      ? 'incident_deleting'
      : incident.status === 'closed'
        ? 'incident_closed'
        : undefined;
  if (shut !== undefined) {
    const subject = { incidentId: incident.id };
    await deps.store.audit.append(auditEntry(deps, origin, 'chunk_commit', 'conflict', subject));
    throw new Fault(shut);
  }
  return { ...uploader, ...(key !== null && { retryKeyHash: retryKeyHash(key) }) };
}

/** Marks a chunk's bytes while they go by. */
export function chunkLook(deps: Pick<Deps, 'crc32'>): Look<ChunkMarks> {
  const prefix = new Uint8Array(SEALED_PREFIX_BYTES);
  let kept = 0;
  let crc32 = 0;
  return {
    update(chunk) {
      crc32 = deps.crc32(chunk, crc32);
      if (kept === prefix.length) return;
      const piece = chunk.subarray(0, prefix.length - kept);
      prefix.set(piece, kept);
      kept += piece.length;
    },
    finish: () => ({ crc32, prefix: prefix.subarray(0, kept) }),
  };
}

/** How the bytes of a chunk are taken in. Refuses with `upload_too_large` and `upload_staging_quota_exceeded`. */
export function chunkIntake(deps: Deps): Intake<ChunkMarks> {
  return {
    prefix: 'chk',
    limit: deps.settings.uploads.maxBytes,
    tooLarge: () => new Fault('upload_too_large'),
    full: () => new Fault('upload_staging_quota_exceeded'),
    look: chunkLook(deps),
  };
}

/** Lower-case hex SHA-256 over everything that two equivalent uploads have in common; no field can pass for two. */
function fingerprintOf(incidentId: string, fields: ChunkFields, size: number): string {
  const parts: readonly (readonly [string, string])[] = [
    ['incident_id', incidentId],
    ['stream_id', fields.streamId],
    ['chunk_index', String(fields.chunkIndex)],
    ['media_type', fields.mediaType],
    ['started_at', fields.startedAt],
    ['ended_at', fields.endedAt],
    ['original_filename', fields.originalFilename ?? ''],
    ['byte_size', String(size)],
    ['sha256_hex', fields.sha256],
  ];
  const lines = parts.map(([name, value]) => `${name}=${utf8(value).length}:${value}\n`);
  return sha256Hex(lines.join(''));
}

/** Whether the stream itself stands in the way. @throws Fault */
export async function requireStream(deps: Deps, owned: Owned, fields: ChunkFields): Promise<void> {
  const stream = await deps.store.streams.find(owned, fields.streamId);
  if (typeof stream === 'string') throw new Fault(stream);
  if (stream.status !== 'open') throw new Fault('stream_not_open');
  if (stream.mediaType !== fields.mediaType) throw new Fault('stream_media_type_mismatch');
}

async function requireSealed(deps: Deps, owned: Owned, fields: ChunkFields, bytes: ChunkBytes) {
  const place = {
    incident_id: owned.incidentId,
    stream_id: fields.streamId,
    media_type: fields.mediaType,
    chunk_index: fields.chunkIndex,
  };
  try {
    requireSealedFor(place, bytes.prefix, bytes.size);
  } catch (refusal) {
    // Only now, since the commit looks at the stream anyway: a stream that takes nothing is the answer that helps.
    await requireStream(deps, owned, fields);
    throw refusal;
  }
}

/**
 * Commits bytes from where chunks lie: an object store, where one is configured, gets them first. It is not sent what
 * is going to be refused; should that change until the commit, the bytes stay in the database, where they do no harm.
 */
async function placeAndCommit(
  deps: Deps,
  input: CommitChunk & { readonly pending: PendingBytes },
  entry: AuditEntry,
): Promise<CommitChunkOutcome> {
  const { objects } = deps.blobs;
  const { chunks } = deps.store;
  const { pending, owned, streamId, chunk } = input;
  const placed =
    objects?.places && (await chunks.wouldCommit(input))
      ? await objects.place(pending, {
          incidentId: owned.incidentId,
          streamId,
          chunkIndex: chunk.chunkIndex,
          sha256: chunk.sha256,
          size: chunk.byteSize,
        })
      : undefined;
  if (objects === undefined || placed === undefined) return await chunks.commit(input, entry);
  // Whatever throws leaves the object to the sweep: the commit may have happened all the same.
  const outcome = await chunks.commit({ ...input, pending: placed }, entry);
  if (outcome.kind !== 'committed')
    await objects.withdraw(placed).catch(() => {}); // else a sweep does
  else if (pending.kind === 'staged') await deps.blobs.discard(pending.blob).catch(() => {});
  return outcome;
}

/** Refusals that pass by themselves: the same bytes may become the chunk in a moment. */
export const COORDINATION_FAULTS: readonly FaultKind[] = [
  'upload_in_progress',
  'upload_coordination_unavailable',
];

/** Commits under a lease, where servers share any. */
async function commitAlone(
  deps: Deps,
  admission: UploadAdmission,
  fields: ChunkFields,
  bytes: ChunkBytes,
): Promise<CommittedChunk> {
  if (hex(bytes.sha256) !== fields.sha256) throw new Fault('hash_mismatch');
  if (!isId('str', fields.streamId)) throw new Fault('stream_not_found');
  const { owned } = admission;
  await requireSealed(deps, owned, fields, bytes);
  const { uploadLeases } = deps;
  if (uploadLeases === undefined) return commit(deps, admission, fields, bytes);
  const { incidentId } = owned;
  let giveBack: () => Promise<void>;
  try {
    giveBack = await uploadLeases.take(uploadLeaseKey({ incidentId, ...fields }));
  } catch (refusal) {
    // As above: who waits for a stream that takes nothing waits in vain.
    await requireStream(deps, owned, fields);
    throw refusal;
  }
  try {
    return await commit(deps, admission, fields, bytes);
  } finally {
    // Sent now and not waited for: it must not hold back an answer.
    deps.background('upload_lease', giveBack);
  }
}

async function commit(
  deps: Deps,
  { owned, origin, retryKeyHash: keyHash }: UploadAdmission,
  fields: ChunkFields,
  bytes: ChunkBytes,
): Promise<CommittedChunk> {
  const { streamId, ...statement } = fields;
  const id = newId('chk', deps);
  const outcome = await placeAndCommit(
    deps,
    {
      owned,
      streamId,
      chunk: { id, ...statement, byteSize: bytes.size, crc32: bytes.crc32, createdAt: deps.now() },
      pending: bytes.pending,
      ...(keyHash !== undefined && { retry: { keyHash } }),
      fingerprint: fingerprintOf(owned.incidentId, fields, bytes.size),
      accountQuotaBytes: deps.settings.uploads.accountQuotaBytes,
    },
    auditEntry(deps, origin, 'chunk_commit', 'ok', { incidentId: owned.incidentId, subjectId: id }),
  );
  switch (outcome.kind) {
    case 'committed':
    case 'replayed': {
      const { chunk } = outcome;
      const receipt = await receiptFor(deps, chunk);
      return { chunk, replayed: outcome.kind === 'replayed', ...(receipt !== undefined && { receipt }) };
    }
    case 'refused':
      throw new Fault(outcome.fault);
    case 'lost':
      // The upload took longer than staged bytes live; only sending it again helps.
      throw new Fault('storage_unavailable', { retryAfterSeconds: 1 });
  }
}

/**
 * Makes received bytes a chunk, or says why not. What was staged is discarded when it is refused or turns out to be
 * there already; it stays where the store failed or somebody else has the chunk's lease, so that a caller who can may
 * try again.
 *
 * @throws Fault in this order: `hash_mismatch`; `incident_not_found`, `incident_deleting`, `incident_closed`,
 *   `stream_not_found`, `stream_not_open`, `stream_media_type_mismatch`; `chunk_not_sealed`,
 *   `sealed_context_mismatch`; `upload_in_progress`, `upload_coordination_unavailable`; `idempotency_conflict`, `duplicate_chunk`, `account_storage_quota_exceeded`;
 *   `storage_unavailable` when the staged bytes had been swept
 */
export async function commitUpload(
  deps: Deps,
  admission: UploadAdmission,
  fields: ChunkFields,
  bytes: ChunkBytes,
): Promise<CommittedChunk> {
  const { pending } = bytes;
  const discard = async () => {
    if (pending.kind === 'staged') await deps.blobs.discard(pending.blob).catch(() => {}); // else a sweep does
  };
  try {
    const committed = await commitAlone(deps, admission, fields, bytes);
    if (committed.replayed) await discard();
    return committed;
  } catch (error) {
    if (error instanceof Fault && !COORDINATION_FAULTS.includes(error.kind)) await discard();
    throw error;
  }
}
