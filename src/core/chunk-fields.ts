/** What a client states about a chunk, checked: the same rules for every way in which a chunk arrives. */
import type { ChunkStatement } from '../store/chunks.ts';
import { Fault, type FaultKind } from './faults.ts';
import { type Instant, parseInstant } from './instant.ts';
import { mediaTypeOf } from './streams.ts';

/** As stated, unchecked. */
export interface RawChunkFields {
  readonly streamId: string;
  readonly chunkIndex: unknown;
  readonly mediaType: unknown;
  readonly startedAt: unknown;
  readonly endedAt: unknown;
  readonly sha256: unknown;
  readonly originalFilename?: string | undefined;
  /** What the file part of a form calls itself: counts where nothing better was stated. */
  readonly partFilename?: string | undefined;
}

/** What a chunk is to become, apart from its bytes. */
export interface ChunkFields extends ChunkStatement {
  /** Not checked for its shape: what is no id names no stream. */
  readonly streamId: string;
  /** From 1 to 2^53 - 1. */
  readonly chunkIndex: number;
  /** Lower-case hex SHA-256 that the bytes must have. */
  readonly sha256: string;
}

const FILENAME_MOST_BYTES = 255;

/** A whole number as a form or a path spells it: decimal digits and no needless zero. Undefined for all else. */
export function wholeNumber(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : undefined;
}

/** @returns a chunk's index. @throws Fault `invalid_chunk_index` */
function chunkIndexOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1)
    throw new Fault('invalid_chunk_index');
  return value;
}

function instantOf(value: unknown, fault: FaultKind): Instant {
  const found = typeof value === 'string' ? parseInstant(value) : undefined;
  if (found === undefined) throw new Fault(fault);
  return found;
}

/**
 * The last element of a path on the device, as metadata: without control characters, `undefined` where nothing is
 * left or what is left is no name (`.`, `..`).
 * @throws Fault `invalid_field` for more than 255 bytes, or for text that UTF-8 cannot carry
 */
function filenameOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const path = value
    .replace(/\p{Cc}/gu, '')
    .trim()
    .replaceAll('\\', '/');
  const name = path.slice(path.lastIndexOf('/') + 1).trim();
  if (name === '' || name === '.' || name === '..') return undefined;
  if (!name.isWellFormed() || new TextEncoder().encode(name).length > FILENAME_MOST_BYTES) {
    throw new Fault('invalid_field', { message: 'original_filename must be text of at most 255 bytes' });
  }
  return name;
}

/**
 * Checks what was stated, in the order of these refusals.
 * @param badSha256 what a bad SHA-256 is called, where it was not stated in hex
 * @throws Fault `invalid_chunk_index`, `invalid_media_type`, `invalid_started_at`, `invalid_ended_at`,
 *   `invalid_time_range`, `invalid_sha256_hex`, `invalid_field`
 */
export function chunkFields(
  raw: RawChunkFields,
  badSha256: 'invalid_sha256_hex' | 'invalid_content_digest' = 'invalid_sha256_hex',
): ChunkFields {
  const chunkIndex = chunkIndexOf(raw.chunkIndex);
  const mediaType = mediaTypeOf(raw.mediaType);
  const started = instantOf(raw.startedAt, 'invalid_started_at');
  const ended = instantOf(raw.endedAt, 'invalid_ended_at');
  if (ended.epochNs < started.epochNs) throw new Fault('invalid_time_range');
  if (typeof raw.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(raw.sha256)) throw new Fault(badSha256);
  const originalFilename = filenameOf(raw.originalFilename) ?? filenameOf(raw.partFilename);
  return {
    streamId: raw.streamId,
    chunkIndex,
    mediaType,
    startedAt: started.text,
    endedAt: ended.text,
    sha256: raw.sha256,
    ...(originalFilename !== undefined && { originalFilename }),
  };
}
