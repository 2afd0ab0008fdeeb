/** Chunks: taking them in, comparing them with what a client believes is there, and reading them back. */
import { hex } from '../crypto/hash.ts';
import type { LiveSession } from '../store/accounts.ts';
import type { Chunk, KeptChunk } from '../store/chunks.ts';
import type { MediaType } from '../store/incidents.ts';
import type { Bytes } from '../store/store.ts';
import { auditEntry, type Origin } from './audit.ts';
import { blobPieces, pieceStream } from './blob-reader.ts';
import { type ChunkMarks, type CommittedChunk, commitUpload, type UploadAdmission } from './chunk-commit.ts';
import type { ChunkFields } from './chunk-fields.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId } from './ids.ts';
import { orRefused, ownedBy, requireActive } from './owned.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { discardAfter, type Received } from './receive.ts';

const PAGE_LENGTHS = { usual: 1000, most: 1000 };
/** No chunk has it: what is no number is asked for under it, so that what else is missing is said first. */
const NO_INDEX = -1;
/** Likewise what is no id of a stream: it may hold what no database takes as text. */
const NO_STREAM = '';

/**
 * Makes a chunk of what one request brought; whatever throws, nothing of it stays.
 * @throws Fault those of `commitUpload`, and what `fields` throws
 */
export async function uploadChunk(
  deps: Deps,
  admission: UploadAdmission,
  fields: () => ChunkFields,
  received: Received<ChunkMarks>,
): Promise<CommittedChunk> {
  try {
    return await commitUpload(deps, admission, fields(), { ...received, ...received.found });
  } catch (error) {
    await discardAfter(deps, error, received);
    throw error;
  }
}

/**
 * The chunks of an incident in the order of their ids.
 * @throws Fault `invalid_cursor`, `invalid_limit`, `incident_not_found`
 */
export async function listChunks(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  raw: RawPaging,
): Promise<Page<Chunk>> {
  const paging = pagingOf(raw, 'chk', PAGE_LENGTHS);
  const owned = ownedBy(live, incidentId);
  return pageOf(paging, async (after, limit) => orRefused(await deps.store.chunks.list(owned, after, limit)));
}

/**
 * One chunk of a stream, in whatever state the stream is.
 * @param index undefined for what is no number
 * @throws Fault `incident_not_found`, `incident_deleting`, `stream_not_found`, `chunk_not_found`
 */
export async function findChunk(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  streamId: string,
  index: number | undefined,
): Promise<KeptChunk> {
  const stream = isId('str', streamId) ? streamId : NO_STREAM;
  return orRefused(await deps.store.chunks.find(ownedBy(live, incidentId), stream, index ?? NO_INDEX));
}

/**
 * A chunk of no stream.
 * @param mediaType undefined for what is no type
 * @param index undefined for what is no number
 * @throws Fault `incident_not_found`, `incident_deleting`, `chunk_not_found`
 */
export async function findLegacyChunk(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  mediaType: MediaType | undefined,
  index: number | undefined,
): Promise<KeptChunk> {
  const owned = ownedBy(live, incidentId);
  if (mediaType !== undefined)
    return orRefused(await deps.store.chunks.findLegacy(owned, mediaType, index ?? NO_INDEX));
  await requireActive(deps, owned);
  throw new Fault('chunk_not_found');
}

/** Members in which a chunk can differ from what a client expects, in the order in which they are named. */
export const COMPARED = [
  'media_type',
  'started_at',
  'ended_at',
  'original_filename',
  'byte_size',
  'sha256_hex',
] as const;

/** The members in which a chunk differs; none when it is what was expected. Changes nothing. */
export function mismatches(chunk: Chunk, expected: ChunkFields, byteSize: number) {
  const same: Readonly<Record<(typeof COMPARED)[number], boolean>> = {
    media_type: chunk.mediaType === expected.mediaType,
    started_at: chunk.startedAt === expected.startedAt,
    ended_at: chunk.endedAt === expected.endedAt,
    original_filename: chunk.originalFilename === expected.originalFilename,
    byte_size: chunk.byteSize === byteSize,
    sha256_hex: chunk.sha256 === expected.sha256,
  };
  return COMPARED.filter((name) => !same[name]);
}

/** Passes pieces on, the last one only once all of them have the digest that they must have. */
async function* verified(
  deps: Deps,
  pieces: AsyncGenerator<Bytes, void, void>,
  sha256: string,
): AsyncGenerator<Bytes, void, void> {
  const digest = deps.digest();
  let held: Bytes | undefined;
  for await (const piece of pieces) {
    digest.update(piece);
    if (held !== undefined) yield held;
    held = piece;
  }
  // Cut short rather than complete and wrong: the reader takes a part for a part.
  if (hex(await digest.finish()) !== sha256) throw new Fault('stream_chunk_file_missing');
  if (held !== undefined) yield held;
}

/**
 * Opens the ciphertext of a chunk, from `start` to before `end`, and records that it was taken. The whole of it is
 * checked against its digest on the way; the stream errors where bytes are gone or wrong.
 */
export async function openChunk(
  deps: Deps,
  origin: Origin,
  chunk: KeptChunk,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<() => ReadableStream<Bytes>> {
  const subject = { incidentId: chunk.incidentId, subjectId: chunk.id };
  await deps.store.audit.append(auditEntry(deps, origin, 'chunk_download', 'ok', subject));
  return () => {
    const size = chunk.byteSize;
    const part = { blob: chunk.blob, size, start, end };
    const pieces = blobPieces(deps.blobs, part, () => deps.store.chunks.blobOf(chunk.id));
    const whole = start === 0 && end === size;
    return pieceStream(whole ? verified(deps, pieces, chunk.sha256) : pieces);
  };
}
