/** What a viewer link shows, as it looks on the wire. Notes, owners, modes, tokens and paths are no part of it. */
import * as v from 'valibot';
import { checkinSummary, incidentSummary } from '../../core/bundle-manifest.ts';
import { type SharedLocation, WARNING } from '../../core/viewer.ts';
import type { Chunk } from '../../store/chunks.ts';
import type { Checkin, Stream } from '../../store/incidents.ts';
import type { Seen, SeenData } from '../../store/viewing.ts';
import { timestamp } from '../kit/time.ts';

/** The order in which kinds of media are told. */
const MEDIA_TYPES = ['audio', 'video', 'location', 'metadata'] as const;

const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const mediaType = v.picklist(MEDIA_TYPES);

const IncidentView = v.strictObject({
  id: v.string(),
  status: v.picklist(['open', 'closed']),
  client_label: v.optional(v.string()),
  created_at: time,
  updated_at: time,
});

const deviceState = {
  device_battery_percent: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100))),
  device_network: v.optional(v.string()),
};

const CheckinView = v.strictObject({
  created_at: time,
  ...deviceState,
  latitude: v.optional(v.number()),
  longitude: v.optional(v.number()),
  accuracy_meters: v.optional(v.number()),
});

const ChunkView = v.strictObject({
  chunk_index: count,
  media_type: mediaType,
  // As the recording client stated them, with up to nine decimals.
  started_at: v.string(),
  ended_at: v.string(),
  original_filename: v.optional(v.string()),
  byte_size: count,
  sha256_hex: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  created_at: time,
});

const StreamView = v.strictObject({
  id: v.string(),
  media_type: mediaType,
  label: v.optional(v.string()),
  status: v.picklist(['open', 'complete', 'failed']),
  expected_chunk_count: v.optional(count),
  completed_at: v.optional(time),
  failed_at: v.optional(time),
  failure_reason: v.optional(v.string()),
  chunk_count: count,
  total_bytes: count,
});

export const ViewerData = v.strictObject({
  incident: IncidentView,
  latest_checkin: v.optional(CheckinView),
  chunk_count_by_media_type: v.record(mediaType, count),
  latest_chunk_by_media_type: v.record(mediaType, ChunkView),
  media: v.array(
    v.strictObject({ media_type: mediaType, chunk_count: count, latest_chunk: v.optional(ChunkView) }),
  ),
  streams: v.array(StreamView),
  completed_streams: v.array(StreamView),
  warning: v.literal(WARNING),
  generated_at: time,
});

const LocationView = v.strictObject({
  latitude: v.number(),
  longitude: v.number(),
  accuracy_meters: v.optional(v.number()),
  source: v.literal('checkin'),
  server_received_at: time,
  freshness_status: v.picklist(['recent', 'stale']),
});

export const ViewerPayload = v.strictObject({
  payload_version: v.literal('sallyport.viewer.v1'),
  incident: IncidentView,
  latest_checkin: v.optional(
    v.strictObject({
      server_received_at: time,
      safe_device_state: v.optional(v.strictObject(deviceState)),
    }),
  ),
  latest_shared_location: v.optional(LocationView),
  warning: v.literal(WARNING),
  generated_at: time,
});

function deviceView({ batteryPercent, network }: Checkin) {
  return {
    ...(batteryPercent !== undefined && { device_battery_percent: batteryPercent }),
    ...(network !== undefined && { device_network: network }),
  };
}

function chunkView(chunk: Chunk): v.InferOutput<typeof ChunkView> {
  return {
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

function streamView(stream: Stream): v.InferOutput<typeof StreamView> {
  const { label, expectedChunkCount, completedAt, failedAt, failureReason } = stream;
  return {
    id: stream.id,
    media_type: stream.mediaType,
    ...(label !== undefined && { label }),
    status: stream.status,
    ...(expectedChunkCount !== undefined && { expected_chunk_count: expectedChunkCount }),
    ...(completedAt !== undefined && { completed_at: timestamp(completedAt) }),
    ...(failedAt !== undefined && { failed_at: timestamp(failedAt) }),
    ...(failureReason !== undefined && { failure_reason: failureReason }),
    chunk_count: stream.chunkCount,
    total_bytes: stream.totalBytes,
  };
}

/** `GET /i/{token}/data`. */
export function dataView(seen: SeenData, now: number): v.InferOutput<typeof ViewerData> {
  const media = MEDIA_TYPES.map((type) => {
    const found = seen.media.find((one) => one.mediaType === type);
    if (found === undefined) return { media_type: type, chunk_count: 0 };
    return { media_type: type, chunk_count: found.chunkCount, latest_chunk: chunkView(found.latestChunk) };
  });
  const streams = seen.streams.map(streamView);
  return {
    incident: incidentSummary(seen.incident),
    ...(seen.latestCheckin !== undefined && { latest_checkin: checkinSummary(seen.latestCheckin) }),
    chunk_count_by_media_type: Object.fromEntries(
      media.flatMap((one) => (one.latest_chunk ? [[one.media_type, one.chunk_count]] : [])),
    ),
    latest_chunk_by_media_type: Object.fromEntries(
      media.flatMap((one) => (one.latest_chunk ? [[one.media_type, one.latest_chunk]] : [])),
    ),
    media,
    streams,
    completed_streams: streams.filter(({ status }) => status === 'complete'),
    warning: WARNING,
    generated_at: timestamp(now),
  };
}

/** A place as it is told; undefined where there is none. */
export function locationView(
  location: SharedLocation | undefined,
): v.InferOutput<typeof LocationView> | undefined {
  if (location === undefined) return undefined;
  const { latitude, longitude, accuracyMeters, createdAt } = location.checkin;
  if (latitude === undefined || longitude === undefined) return undefined;
  return {
    latitude,
    longitude,
    ...(accuracyMeters !== undefined && { accuracy_meters: accuracyMeters }),
    source: 'checkin',
    server_received_at: timestamp(createdAt),
    freshness_status: location.freshness,
  };
}

/** `GET /i/{token}/viewer-payload`. */
export function payloadView(
  { incident, latestCheckin }: Seen,
  shared: SharedLocation | undefined,
  now: number,
): v.InferOutput<typeof ViewerPayload> {
  const location = locationView(shared);
  const device = latestCheckin && deviceView(latestCheckin);
  return {
    payload_version: 'sallyport.viewer.v1',
    incident: incidentSummary(incident),
    ...(latestCheckin !== undefined && {
      latest_checkin: {
        server_received_at: timestamp(latestCheckin.createdAt),
        ...(device !== undefined && Object.keys(device).length > 0 && { safe_device_state: device }),
      },
    }),
    ...(location !== undefined && { latest_shared_location: location }),
    warning: WARNING,
    generated_at: timestamp(now),
  };
}
