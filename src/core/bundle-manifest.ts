/**
 * The manifests of bundles, as text that comes in pieces: one line a chunk, so that a stream of any length is
 * described in the memory of a page. Equal rows give equal bytes. Nothing here is a key, a path or a token, nor notes,
 * owner or labels of the recording client that grant nothing.
 */
import type { BundleContents, KeptChunk } from '../store/chunks.ts';
import type { Checkin, Incident, Stream } from '../store/incidents.ts';

/** Who could read the media: whoever has the key, which is not here. */
const ENCRYPTION = {
  expected: 'client-side',
  scheme: 'sallyport-sealed-v1',
  server_decrypts: false,
} as const;

/** Milliseconds since the epoch as RFC 3339 in UTC. */
const instant = (ms: number) => new Date(ms).toISOString();

/** What everybody who may see an incident at all is told about it. */
export function incidentSummary(incident: Incident) {
  return {
    id: incident.id,
    status: incident.status,
    ...(incident.clientLabel !== undefined && { client_label: incident.clientLabel }),
    created_at: instant(incident.createdAt),
    updated_at: instant(incident.updatedAt),
  };
}

/** A check-in without its ids. */
export function checkinSummary(checkin: Checkin) {
  const { batteryPercent, network, latitude, longitude, accuracyMeters } = checkin;
  return {
    created_at: instant(checkin.createdAt),
    ...(batteryPercent !== undefined && { device_battery_percent: batteryPercent }),
    ...(network !== undefined && { device_network: network }),
    ...(latitude !== undefined && { latitude }),
    ...(longitude !== undefined && { longitude }),
    ...(accuracyMeters !== undefined && { accuracy_meters: accuracyMeters }),
  };
}

function chunkLine(chunk: KeptChunk): string {
  return JSON.stringify({
    chunk_index: chunk.chunkIndex,
    media_type: chunk.mediaType,
    byte_size: chunk.byteSize,
    sha256_hex: chunk.sha256,
    started_at: chunk.startedAt,
    ended_at: chunk.endedAt,
    ...(chunk.originalFilename !== undefined && { original_filename: chunk.originalFilename }),
  });
}

/** The text of an object that is left open for more members. */
const opened = (value: object) => JSON.stringify(value).slice(0, -1);

/**
 * The manifest of a complete stream, without a line end after it.
 * @param pages its chunks in order
 */
export async function* streamManifest(
  stream: Stream,
  pages: AsyncIterable<readonly KeptChunk[]>,
): AsyncGenerator<string> {
  const head = {
    incident_id: stream.incidentId,
    stream_id: stream.id,
    media_type: stream.mediaType,
    ...(stream.label !== undefined && { label: stream.label }),
    status: stream.status,
    encryption: ENCRYPTION,
    created_at: instant(stream.createdAt),
    ...(stream.completedAt !== undefined && { completed_at: instant(stream.completedAt) }),
    chunk_count: stream.chunkCount,
    total_bytes: stream.totalBytes,
  };
  yield `${opened(head)},"chunks":[`;
  let between = '\n';
  for await (const page of pages) {
    yield between + page.map(chunkLine).join(',\n');
    between = ',\n';
  }
  yield '\n]}';
}

/**
 * The manifest of an incident, without a line end after it.
 * @param manifestOf the text of {@link streamManifest} for one of its streams
 * @param newest when the newest row was made that the bundle holds; asked for when all of them have gone by
 */
export async function* incidentManifest(
  { incident, latestCheckin, streams }: BundleContents,
  manifestOf: (stream: Stream) => AsyncIterable<string>,
  newest: () => number,
): AsyncGenerator<string> {
  const head = {
    incident: incidentSummary(incident),
    ...(latestCheckin !== undefined && { latest_checkin: checkinSummary(latestCheckin) }),
    encryption: ENCRYPTION,
  };
  yield `${opened(head)},"streams":[`;
  let between = '\n';
  for (const stream of streams) {
    yield between;
    yield* manifestOf(stream);
    between = ',\n';
  }
  const totalBytes = streams.reduce((sum, stream) => sum + stream.totalBytes, 0);
  yield `\n],"stream_count":${streams.length},"total_bytes":${totalBytes},"generated_at":"${instant(newest())}"}`;
}
