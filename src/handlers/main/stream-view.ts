/** Streams as they look on the wire to their owner. */
import * as v from 'valibot';
import type { Stream } from '../../store/incidents.ts';
import { timestamp } from '../kit/time.ts';

const time = v.pipe(v.string(), v.isoTimestamp());

export const StreamView = v.strictObject({
  id: v.string(),
  incident_id: v.string(),
  media_type: v.picklist(['audio', 'video', 'location', 'metadata']),
  label: v.optional(v.string()),
  status: v.picklist(['open', 'complete', 'failed']),
  expected_chunk_count: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  created_at: time,
  updated_at: time,
  completed_at: v.optional(time),
  failed_at: v.optional(time),
  failure_reason: v.optional(v.string()),
});

export const StreamAnswer = v.strictObject({ stream: StreamView });

export function streamView(stream: Stream): v.InferOutput<typeof StreamView> {
  return {
    id: stream.id,
    incident_id: stream.incidentId,
    media_type: stream.mediaType,
    ...(stream.label !== undefined && { label: stream.label }),
    status: stream.status,
    ...(stream.expectedChunkCount !== undefined && { expected_chunk_count: stream.expectedChunkCount }),
    created_at: timestamp(stream.createdAt),
    updated_at: timestamp(stream.updatedAt),
    ...(stream.completedAt !== undefined && { completed_at: timestamp(stream.completedAt) }),
    ...(stream.failedAt !== undefined && { failed_at: timestamp(stream.failedAt) }),
    ...(stream.failureReason !== undefined && { failure_reason: stream.failureReason }),
  };
}
