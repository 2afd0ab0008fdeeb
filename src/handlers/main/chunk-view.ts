/** Chunks as they look on the wire. */
import * as v from 'valibot';
import type { ChunkFields } from '../../core/chunk-fields.ts';
import { COMPARED } from '../../core/chunks.ts';
import type { FaultKind } from '../../core/faults.ts';
import { MEDIA_TYPES } from '../../core/streams.ts';
import type { Chunk } from '../../store/chunks.ts';
import type { Owned } from '../../store/owned.ts';
import { timestamp } from '../kit/time.ts';

const index = v.pipe(v.number(), v.integer(), v.minValue(0));
const mediaType = v.picklist(MEDIA_TYPES);
/** As the client stated it, in UTC, with up to nine decimals. */
const stated = v.pipe(v.string(), v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/));
const byteSize = v.pipe(v.number(), v.integer(), v.minValue(1));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const createdAt = v.pipe(v.string(), v.isoTimestamp());

/** What can be wrong with what a client states about a chunk, in whichever form it states it. */
export const FIELD_FAULTS: readonly FaultKind[] = [
  'invalid_field',
  'invalid_chunk_index',
  'invalid_media_type',
  'invalid_started_at',
  'invalid_ended_at',
  'invalid_time_range',
];

export const ChunkView = v.strictObject({
  id: v.string(),
  incident_id: v.string(),
  stream_id: v.optional(v.string()),
  chunk_index: index,
  media_type: mediaType,
  started_at: stated,
  ended_at: stated,
  original_filename: v.optional(v.string()),
  byte_size: byteSize,
  sha256_hex: sha256,
  created_at: createdAt,
});

export function chunkView(chunk: Chunk): v.InferOutput<typeof ChunkView> {
  return {
    id: chunk.id,
    incident_id: chunk.incidentId,
    ...(chunk.streamId !== undefined && { stream_id: chunk.streamId }),
    chunk_index: chunk.chunkIndex,
    media_type: chunk.mediaType,
    started_at: chunk.startedAt,
    ended_at: chunk.endedAt,
    ...(chunk.originalFilename !== undefined && { original_filename: chunk.originalFilename }),
    byte_size: chunk.byteSize,
    sha256_hex: chunk.sha256,
    created_at: timestamp(chunk.createdAt),
  };
}

const Identity = v.strictObject({
  incident_id: v.string(),
  stream_id: v.string(),
  chunk_index: index,
  media_type: mediaType,
});

/** Which chunk was asked about, in the words of whoever asked. */
const identityOf = ({ incidentId }: Owned, asked: ChunkFields): v.InferOutput<typeof Identity> => ({
  incident_id: incidentId,
  stream_id: asked.streamId,
  chunk_index: asked.chunkIndex,
  media_type: asked.mediaType,
});

export const MatchedView = v.strictObject({
  reconciliation: v.strictObject({
    status: v.literal('matched'),
    identity: Identity,
    chunk_id: v.string(),
    byte_size: byteSize,
    sha256_hex: sha256,
    started_at: stated,
    ended_at: stated,
    created_at: createdAt,
  }),
});

export function matchedView(
  owned: Owned,
  asked: ChunkFields,
  chunk: Chunk,
): v.InferOutput<typeof MatchedView> {
  return {
    reconciliation: {
      status: 'matched',
      identity: identityOf(owned, asked),
      chunk_id: chunk.id,
      byte_size: chunk.byteSize,
      sha256_hex: chunk.sha256,
      started_at: chunk.startedAt,
      ended_at: chunk.endedAt,
      created_at: timestamp(chunk.createdAt),
    },
  };
}

export const ConflictView = v.strictObject({
  error: v.strictObject({
    code: v.literal('duplicate_chunk_conflict'),
    message: v.string(),
    request_id: v.string(),
  }),
  reconciliation: v.strictObject({
    status: v.literal('conflict'),
    identity: Identity,
    mismatched_fields: v.array(v.picklist(COMPARED)),
  }),
});

/** An error that says more than others: what differs, and never what is stored. */
export function conflictView(
  owned: Owned,
  asked: ChunkFields,
  mismatched: readonly (typeof COMPARED)[number][],
  requestId: string,
): v.InferOutput<typeof ConflictView> {
  return {
    error: {
      code: 'duplicate_chunk_conflict',
      message: 'existing chunk does not match expected ciphertext or metadata',
      request_id: requestId,
    },
    reconciliation: {
      status: 'conflict',
      identity: identityOf(owned, asked),
      mismatched_fields: [...mismatched],
    },
  };
}
