/**
 * Sealed chunks back to what was recorded. Nothing of a chunk is released before its last tag has verified; what was
 * written of one that does not verify is taken back. A file gets its name when all that can be had stands in it.
 */

import { createHash } from 'node:crypto';
import { openChunk, SealedError } from '../../../src/crypto/sealed.ts';
import { fromStream } from '../../shared/age.ts';
import { type Destination, fresh } from '../../shared/destination.ts';
import { Failure } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import type { StreamKey } from './keys-file.ts';
import type { FoundChunk } from './open-chunks.ts';

/** What came of a stream. */
export interface OpenedStream {
  readonly incidentId: string;
  readonly streamId: string;
  readonly mediaType: string;
  /** Undefined where nothing could be opened. */
  readonly file: string | undefined;
  readonly chunks: number;
  readonly bytes: number;
  /** The chunk that says it is the last was there, and everything before it. */
  readonly endProven: boolean;
  /** Chunks that are missing, or that do not open, among those up to the last that is there. */
  readonly missing: readonly number[];
  /** What does not open, with the reason: never content. */
  readonly damaged: readonly { readonly index: number; readonly why: string }[];
  /** It was left off at the first gap. */
  readonly stopped: boolean;
}

export interface OpeningPlan {
  readonly world: World;
  readonly folder: string;
  /** Go on behind a gap. */
  readonly allowGaps: boolean;
}

const MOST_TRIES = 4;
const SNIFFED_BYTES = 4100;
/** Longer lists of what is missing help nobody. */
const MOST_MISSING = 1000;

/** Chunks by stream, in the order in which the streams were found. */
export function byStream(chunks: readonly FoundChunk[]): ReadonlyMap<string, readonly FoundChunk[]> {
  const streams = new Map<string, FoundChunk[]>();
  for (const chunk of chunks) {
    const known = streams.get(chunk.streamId);
    if (known === undefined) streams.set(chunk.streamId, [chunk]);
    else known.push(chunk);
  }
  return streams;
}

/** Opens the chunks of one stream, which need not be in order. */
export async function openStream(
  { world, folder, allowGaps }: OpeningPlan,
  key: StreamKey,
  chunks: readonly FoundChunk[],
): Promise<OpenedStream> {
  const { incidentId, streamId, mediaType } = key;
  const places = byIndex(chunks);
  const last = Math.max(...places.keys());
  const missing: number[] = [];
  const damaged: { index: number; why: string }[] = [];
  let first: Uint8Array = new Uint8Array(0);
  let extension = 'bin';
  const output = await fresh(world, folder, 0o600, () => `${mediaType}_${streamId}.${extension}`);
  let [opened, bytes, final, stopped] = [0, 0, false, false];
  try {
    for (let index = 1; index <= last && !final; index += 1) {
      const result = await openAny(world, output, bytes, key, index, places.get(index) ?? []);
      if (result.kind === 'open') {
        opened += 1;
        bytes += result.bytes;
        final = result.final;
        if (first.length < SNIFFED_BYTES) first = Buffer.concat([first, result.start]);
        continue;
      }
      if (result.why !== undefined) damaged.push({ index, why: result.why });
      if (missing.length < MOST_MISSING) missing.push(index);
      stopped = !allowGaps;
      if (stopped) break;
    }
    extension = await extensionOf(first, mediaType);
    const file = opened === 0 ? undefined : await output.commit();
    const endProven = final && missing.length === 0;
    return {
      incidentId,
      streamId,
      mediaType,
      file,
      chunks: opened,
      bytes,
      endProven,
      missing,
      damaged,
      stopped,
    };
  } finally {
    await output.abandon();
  }
}

function byIndex(chunks: readonly FoundChunk[]): ReadonlyMap<number, readonly FoundChunk[]> {
  const places = new Map<number, FoundChunk[]>();
  for (const chunk of chunks) places.set(chunk.index, [...(places.get(chunk.index) ?? []), chunk]);
  return places;
}

type Result =
  | { readonly kind: 'open'; readonly bytes: number; readonly final: boolean; readonly start: Uint8Array }
  | { readonly kind: 'not'; readonly why: string | undefined };

/** The first of the chunks found for an index that opens. A network that breaks is tried again. */
async function openAny(
  world: World,
  output: Destination,
  at: number,
  key: StreamKey,
  index: number,
  candidates: readonly FoundChunk[],
): Promise<Result> {
  let why: string | undefined;
  for (const candidate of candidates) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await openOne(output, key, index, candidate);
      } catch (error) {
        await output.truncate(at);
        if (error instanceof Failure && error.kind === 'network' && attempt < MOST_TRIES) {
          await world.sleep(500 * 2 ** attempt);
          continue;
        }
        if (!(error instanceof SealedError)) throw error;
        why ??= `${candidate.where}: ${error.message}`;
        break;
      }
    }
  }
  return { kind: 'not', why };
}

async function openOne(
  output: Destination,
  key: StreamKey,
  index: number,
  { bytes, sha256, where }: FoundChunk,
): Promise<Result> {
  const hash = createHash('sha256');
  const hashed = (async function* () {
    for await (const piece of bytes()) {
      hash.update(piece);
      yield piece;
    }
  })();
  const { context, body } = await openChunk(hashed, { key: key.key });
  let length = 0;
  const start: Uint8Array[] = [];
  for await (const piece of fromStream(body)) {
    if (length < SNIFFED_BYTES) start.push(piece.slice(0, SNIFFED_BYTES));
    await output.write(piece);
    length += piece.length;
  }
  const right =
    context.incident_id === key.incidentId &&
    context.stream_id === key.streamId &&
    context.media_type === key.mediaType &&
    context.chunk_index === index;
  // It opens, so somebody with the key made it; but it was made for another place.
  if (!right) throw new SealedError('bad_context');
  if (sha256 !== undefined && hash.digest('hex') !== sha256)
    throw new Failure(
      'decryption',
      'digest_mismatch',
      `${where} is not what its list says: the SHA-256 differs.`,
    );
  return { kind: 'open', bytes: length, final: context.final, start: Buffer.concat(start) };
}

const EXTENSIONS: Readonly<Record<string, string>> = { mts: 'ts', location: 'jsonl', metadata: 'jsonl' };

/** By what it begins with, since nobody states it. */
async function extensionOf(first: Uint8Array, media: string): Promise<string> {
  if (Buffer.from(first.subarray(0, 10)).toString('latin1') === 'YUV4MPEG2 ') return 'y4m';
  const { fileTypeFromBuffer } = await import('file-type');
  const type = await fileTypeFromBuffer(first).catch(() => undefined);
  if (type !== undefined) return EXTENSIONS[type.ext] ?? type.ext;
  return (first[0] === 0x7b ? EXTENSIONS[media] : undefined) ?? 'bin';
}
