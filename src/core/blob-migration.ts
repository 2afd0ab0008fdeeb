/**
 * Moving the bytes of chunks into an object store, or back, while people upload and read. Each is copied, read back,
 * held against its digest, and switched over by one conditional statement; then the old copy goes. Nothing has to be
 * remembered: what still lies in the old place is what is left to do.
 */
import { hex } from '../crypto/hash.ts';
import type { BlobPlace, MovableChunk } from '../store/chunk-moves.ts';
import type { Bytes, PlacedBytes } from '../store/store.ts';
import { blobPieces } from './blob-reader.ts';
import type { Deps } from './deps.ts';
import { errorFields, Fault, storageTrouble } from './faults.ts';
import { giveBack, SegmentBuffer } from './receive.ts';

/** One step ends after so long, in milliseconds, or so many chunks, whichever comes first. */
const STEP_MS = 5_000;
const STEP_CHUNKS = 500;
/** Rows that are read at one time. */
const PAGE = 64;
/** Chunks that are copied side by side. */
const AT_ONCE = 4;
/** A copy that nobody finishes is swept after so long, in milliseconds. */
const COPY_LIFETIME_MS = 15 * 60_000;

export type MigrationDeps = Pick<Deps, 'store' | 'blobs' | 'settings' | 'now' | 'random' | 'digest' | 'log'>;

/**
 * Why a chunk was not moved.
 * - `missing`, `damaged`: its bytes are not there, or not those that were uploaded. They are left as they are.
 * - `not_stored`: what was written was read back as something else.
 * - `changed`: it was deleted or moved by somebody else meanwhile, which is no trouble.
 */
export type NotMoved = 'missing' | 'damaged' | 'not_stored' | 'changed';

export interface MigrationStep {
  readonly moved: number;
  /** Of those that were moved. */
  readonly bytes: number;
  /** Chunks that were not, `changed` apart. */
  readonly failed: readonly { readonly chunkId: string; readonly why: Exclude<NotMoved, 'changed'> }[];
  /** What to go on after; undefined at the end. */
  readonly next: string | undefined;
  /** Storage failed, and what was moved until then stays moved. */
  readonly trouble?: string;
}

/** Where new chunks go. */
export const placeOf = ({ blobs }: Pick<Deps, 'blobs'>): BlobPlace =>
  blobs.objects?.places === true ? 'objects' : 'database';

/**
 * Moves some chunks, those with ids after `after`.
 * @throws Fault `service_busy` where new chunks go to the other place: it would never come to an end
 */
export async function migrateSome(
  deps: MigrationDeps,
  to: BlobPlace,
  after: string | undefined,
): Promise<MigrationStep> {
  if (to !== placeOf(deps)) {
    const backend = to === 'objects' ? 's3' : 'libsql';
    throw new Fault('service_busy', {
      message: `new chunks still go to the other place: set SAFE_BLOB_BACKEND=${backend}, leave the SAFE_S3_ settings as they are, and restart the server`,
    });
  }
  const { chunkMoves } = deps.store;
  const until = deps.now() + STEP_MS;
  const failed: { chunkId: string; why: Exclude<NotMoved, 'changed'> }[] = [];
  let moved = 0;
  let bytes = 0;
  let last = after;
  let seen = 0;
  try {
    while (seen < STEP_CHUNKS && (seen === 0 || deps.now() < until)) {
      const page = await chunkMoves.toMove(to, last, PAGE);
      for (let at = 0; at < page.length; at += AT_ONCE) {
        const some = page.slice(at, at + AT_ONCE);
        const outcomes = await Promise.all(some.map((chunk) => moveOne(deps, to, chunk)));
        for (const [i, outcome] of outcomes.entries()) {
          const chunk = some[i] as MovableChunk;
          if (outcome === 'moved') {
            moved += 1;
            bytes += chunk.byteSize;
          } else if (outcome !== 'changed') failed.push({ chunkId: chunk.id, why: outcome });
        }
        last = some.at(-1)?.id;
        seen += some.length;
        if (deps.now() >= until) break;
      }
      if (page.length < PAGE && (page.length === 0 || last === page.at(-1)?.id)) {
        return { moved, bytes, failed, next: undefined };
      }
    }
  } catch (thrown) {
    const trouble = storageTrouble(thrown);
    if (trouble === undefined) throw thrown;
    return { moved, bytes, failed, next: last, trouble };
  } finally {
    if (moved > 0 || failed.length > 0)
      deps.log.write('info', 'chunks moved', { to, moved, bytes, failed: failed.length });
  }
  return { moved, bytes, failed, next: last };
}

/** The digest of a blob, as it is read; undefined where bytes are missing. */
async function digestOf(deps: MigrationDeps, blob: string, size: number): Promise<string | undefined> {
  const digest = deps.digest();
  try {
    for await (const piece of blobPieces(deps.blobs, { blob, size, start: 0, end: size })) {
      digest.update(piece);
      giveBack(piece);
    }
  } catch (thrown) {
    if (thrown instanceof Fault) return undefined;
    throw thrown;
  }
  return hex(await digest.finish());
}

async function moveOne(deps: MigrationDeps, to: BlobPlace, chunk: MovableChunk): Promise<'moved' | NotMoved> {
  const { id, blob, byteSize: size, sha256 } = chunk;
  const there = await digestOf(deps, blob, size);
  if (there !== sha256) {
    // Somebody else may have moved or deleted it since the page was read.
    if ((await deps.store.chunks.blobOf(id)) !== blob) return 'changed';
    return there === undefined ? 'missing' : 'damaged';
  }
  const copy = await (to === 'objects' ? placeCopy(deps, chunk) : stageCopy(deps, chunk));
  if (copy === undefined) return 'changed';
  const drop = () =>
    copy.kind === 'placed' ? deps.blobs.objects?.withdraw(copy) : deps.blobs.discard(copy.blob);
  if ((await digestOf(deps, copy.blob, size)) !== sha256) {
    await drop();
    return 'not_stored';
  }
  if (!(await deps.store.chunkMoves.move(chunk, copy))) {
    await drop();
    return 'changed';
  }
  // Where that fails, a sweep removes it: it is on the list.
  await deps.blobs
    .remove(blob)
    .catch((error: unknown) =>
      deps.log.write('warn', 'an old copy is left to the sweep', errorFields(error)),
    );
  return 'moved';
}

async function placeCopy(deps: MigrationDeps, chunk: MovableChunk): Promise<PlacedBytes | undefined> {
  const { blob, byteSize: size, incidentId, streamId, chunkIndex, sha256 } = chunk;
  const where = { incidentId, streamId, chunkIndex, sha256, size };
  return deps.blobs.objects?.place({ kind: 'staged', blob, size }, where);
}

async function stageCopy(deps: MigrationDeps, { blob, byteSize: size }: MovableChunk) {
  const { blobs } = deps;
  const name = `mov_${hex(deps.random(16))}`;
  const buffer = new SegmentBuffer();
  let offset = 0;
  const stage = async (length: number) => {
    const bytes: Bytes = buffer.take(length);
    const outcome = await blobs.extend(name, offset, bytes, deps.now() + COPY_LIFETIME_MS);
    if (outcome !== 'extended') {
      throw new Fault('upload_staging_quota_exceeded', {
        message: 'there is no room to stage copies in: wait for uploads to end, or raise the staging quota',
      });
    }
    offset += length;
  };
  try {
    for await (const piece of blobPieces(blobs, { blob, size, start: 0, end: size })) {
      buffer.push(piece);
      while (buffer.size >= blobs.segmentBytes) await stage(blobs.segmentBytes);
    }
    if (buffer.size > 0) await stage(buffer.size);
  } catch (thrown) {
    await blobs.discard(name).catch(() => {}); // else a sweep does
    if (thrown instanceof Fault && thrown.kind === 'stream_chunk_file_missing') return undefined;
    throw thrown;
  }
  return { kind: 'staged', blob: name, size } as const;
}
