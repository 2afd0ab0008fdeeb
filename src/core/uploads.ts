/**
 * Uploads in pieces, over as many requests as a bad network needs: beginning one, asking where it stands, giving it
 * up. What either protocol says on the wire is the handlers' business; what it means is the same for both.
 */
import { hex } from '../crypto/hash.ts';
import type { LiveSession } from '../store/accounts.ts';
import type { Upload } from '../store/chunks.ts';
import type { WriterTurn } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import { requireStream, type UploadAdmission } from './chunk-commit.ts';
import type { ChunkFields } from './chunk-fields.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';

/** From the beginning of an upload to its end, whatever happens in between. */
export const UPLOAD_LIFETIME_MS = 24 * 60 * 60 * 1000;
/** Unfinished uploads that an account may have. */
export const MOST_UNFINISHED = 64;
/** One account may hold this part of the staging quota, so that nobody holds all of it for a day. */
const STAGING_SHARE = 4;

export type UploadProtocol = Upload['protocol'];

/** An upload that this request, and no other one, may add to. */
export interface HeldUpload {
  readonly upload: Upload;
  readonly turn: WriterTurn;
}

/** What a client says of an upload when it begins one. */
export interface UploadPlan {
  readonly protocol: UploadProtocol;
  readonly fields: ChunkFields;
  /** All bytes, where they are known. */
  readonly length: number | undefined;
  readonly metadata?: string;
}

function turnOf({ random, settings }: Pick<Deps, 'random' | 'settings'>): WriterTurn {
  // A whole number, since it is compared with sums in SQL; at least the largest chunk, or none could be resumed.
  const share = Math.floor(settings.uploads.stagingQuotaBytes / STAGING_SHARE);
  return { writer: hex(random(16)), holderMost: Math.max(share, settings.uploads.maxBytes) };
}

/** @throws Fault `upload_too_large`, before a byte of it is sent */
export function requireLength(deps: Pick<Deps, 'settings'>, length: number | undefined): void {
  if (length !== undefined && length > deps.settings.uploads.maxBytes) throw new Fault('upload_too_large');
}

/**
 * Whether the chunk could be committed as things are. The commit asks all of it again; asked here, nobody uploads
 * for an hour what was never going to be taken. A client with a retry key may be repeating what it had done.
 */
async function requirePlace(deps: Deps, admission: UploadAdmission, fields: ChunkFields): Promise<void> {
  const { owned, origin, retryKeyHash } = admission;
  try {
    if (!isId('str', fields.streamId)) throw new Fault('stream_not_found');
    await requireStream(deps, owned, fields);
    const there = await deps.store.chunks.find(owned, fields.streamId, fields.chunkIndex);
    if (typeof there === 'object' && retryKeyHash === undefined) throw new Fault('duplicate_chunk');
  } catch (refusal) {
    if (refusal instanceof Fault && ['stream_not_open', 'duplicate_chunk'].includes(refusal.kind)) {
      const subject = { incidentId: owned.incidentId, subjectId: fields.streamId };
      await deps.store.audit.append(auditEntry(deps, origin, 'chunk_commit', 'conflict', subject));
    }
    throw refusal;
  }
}

/**
 * Begins an upload, to be added to by this request.
 * @throws Fault `upload_too_large`, `stream_not_found`, `stream_not_open`, `stream_media_type_mismatch`,
 *   `duplicate_chunk`, and `upload_staging_quota_exceeded` for an account with too many unfinished ones
 */
export async function beginUpload(
  deps: Deps,
  admission: UploadAdmission,
  { protocol, fields, length, metadata }: UploadPlan,
): Promise<HeldUpload> {
  requireLength(deps, length);
  await requirePlace(deps, admission, fields);
  const { owned, retryKeyHash } = admission;
  const createdAt = deps.now();
  const upload = {
    id: newId('uop', deps),
    accountId: owned.accountId,
    incidentId: owned.incidentId,
    ...fields,
    protocol,
    blob: `uop_${hex(deps.random(16))}`,
    ...(length !== undefined && { length }),
    ...(retryKeyHash !== undefined && { retryKeyHash }),
    ...(metadata !== undefined && { metadata }),
    createdAt,
    expiresAt: createdAt + UPLOAD_LIFETIME_MS,
  };
  const turn = turnOf(deps);
  if (!(await deps.store.uploads.create(upload, turn.writer, MOST_UNFINISHED))) {
    const incident = await deps.store.incidents.find(owned);
    if (incident?.deletionState !== 'active')
      throw new Fault(incident === undefined ? 'incident_not_found' : 'incident_deleting');
    throw new Fault('upload_staging_quota_exceeded', {
      message: `an account has at most ${MOST_UNFINISHED} unfinished uploads; finish or delete one of them`,
    });
  }
  return { upload: { ...upload, offset: 0 }, turn };
}

/**
 * Finds an upload of the account and takes it over: a request that is still adding to it adds nothing more, so that
 * the offset is what it says until this request changes it.
 * @throws Fault `upload_not_found`, also for one of another account or made by the other protocol
 */
export async function holdUpload(
  deps: Deps,
  { account }: LiveSession,
  id: string,
  protocol: UploadProtocol,
): Promise<HeldUpload> {
  if (!isId('uop', id)) throw new Fault('upload_not_found');
  const turn = turnOf(deps);
  const wanted = { id, accountId: account.id, protocol };
  const upload = await deps.store.uploads.take(wanted, deps.now(), turn.writer);
  if (upload === undefined) throw new Fault('upload_not_found');
  return { upload, turn };
}

/** Whether an upload has come to its end: it became a chunk, or never will. */
export const isConcluded = (upload: Upload): boolean =>
  upload.chunkId !== undefined || upload.refusal !== undefined;

/**
 * Says how long an upload is.
 * @throws Fault `upload_length_mismatch` when it was said otherwise, or when more bytes are there already;
 *   `upload_too_large`
 */
export async function stateLength(deps: Deps, upload: Upload, length: number): Promise<Upload> {
  if (upload.length === length) return upload;
  if (upload.length !== undefined || length < upload.offset) throw new Fault('upload_length_mismatch');
  requireLength(deps, length);
  if (!(await deps.store.uploads.setLength(upload.id, length))) throw new Fault('upload_length_mismatch');
  return { ...upload, length };
}

/** Forgets an upload and erases what came of it. A chunk that it has become stays. */
export async function dropUpload(deps: Pick<Deps, 'store' | 'blobs'>, { id, blob }: Upload): Promise<void> {
  await deps.store.uploads.remove(id);
  await deps.blobs.discard(blob);
}
