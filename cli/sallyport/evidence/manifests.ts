/** The manifests of bundles as a reader takes them: exactly the members that the format has, spelled as it spells them. */
import * as v from 'valibot';
import { parseInstant } from '../../../src/core/instant.ts';
import { MEDIA_TYPES } from '../../../src/crypto/sealed-header.ts';
import { malformed } from './archive-file.ts';

const ULID = '[0-7][0-9A-HJKMNP-TV-Z]{25}';
const id = (prefix: string) => v.pipe(v.string(), v.regex(new RegExp(`^${prefix}_${ULID}$`)));
const time = v.pipe(
  v.string(),
  v.check((text) => parseInstant(text) !== undefined && text.endsWith('Z')),
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const mediaType = v.picklist(MEDIA_TYPES);
const encryption = v.strictObject({
  expected: v.literal('client-side'),
  scheme: v.literal('sallyport-sealed-v1'),
  server_decrypts: v.literal(false),
});

const ChunkLine = v.strictObject({
  chunk_index: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  media_type: mediaType,
  byte_size: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  sha256_hex: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  started_at: time,
  ended_at: time,
  original_filename: v.optional(v.string()),
});

const StreamManifest = v.strictObject({
  incident_id: id('inc'),
  stream_id: id('str'),
  media_type: mediaType,
  label: v.optional(v.string()),
  status: v.literal('complete'),
  encryption,
  created_at: time,
  completed_at: v.optional(time),
  chunk_count: count,
  total_bytes: count,
  chunks: v.array(ChunkLine),
});

const IncidentManifest = v.strictObject({
  incident: v.strictObject({
    id: id('inc'),
    status: v.picklist(['open', 'closed']),
    client_label: v.optional(v.string()),
    created_at: time,
    updated_at: time,
  }),
  latest_checkin: v.optional(
    v.strictObject({
      created_at: time,
      device_battery_percent: v.optional(v.number()),
      device_network: v.optional(v.string()),
      latitude: v.optional(v.number()),
      longitude: v.optional(v.number()),
      accuracy_meters: v.optional(v.number()),
    }),
  ),
  encryption,
  streams: v.array(StreamManifest),
  stream_count: count,
  total_bytes: count,
  generated_at: time,
});

export type ChunkLine = v.InferOutput<typeof ChunkLine>;
export type StreamManifest = v.InferOutput<typeof StreamManifest>;
export type IncidentManifest = v.InferOutput<typeof IncidentManifest>;
export type Manifest =
  | { readonly kind: 'stream'; readonly manifest: StreamManifest }
  | { readonly kind: 'incident'; readonly manifest: IncidentManifest };

/** About a quarter of a kilobyte a chunk: enough for 500,000 of them, and what a reader can hold. */
export const LONGEST_MANIFEST = 128 * 1024 * 1024;

function parsed(bytes: Uint8Array, where: string): unknown {
  const wrong = (what: string) => malformed('manifest_malformed', `${where} ${what}`);
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw wrong('is not JSON.');
  }
  // One spelling for each value: no member twice, of which two programs could each take another one. A line end
  // cannot stand inside of a value, so those that the format has are simply left out.
  if (JSON.stringify(value) !== text.replaceAll('\n', ''))
    throw wrong('is not spelled as Sallyport spells it: it was changed or made by another program.');
  return value;
}

/** What the issues of a schema have in common with a person: the first place that is wrong. */
function placeOf(issues: readonly v.BaseIssue<unknown>[]): string {
  const path = issues[0]?.path?.map(({ key }) => String(key)).join('.') ?? '';
  return /^[\w.]{1,80}$/.test(path) ? path : 'it';
}

function asStream(value: unknown, where: string): StreamManifest {
  const result = v.safeParse(StreamManifest, value);
  if (!result.success)
    throw malformed(
      'manifest_malformed',
      `${where} is not one of a stream: ${placeOf(result.issues)} is wrong.`,
    );
  const manifest = result.output;
  const { chunks, chunk_count, total_bytes, media_type } = manifest;
  const wrong = (what: string) => malformed('manifest_inconsistent', `${where} contradicts itself: ${what}`);
  if (chunks.length !== chunk_count || chunk_count === 0)
    throw wrong(`it counts ${chunk_count} chunks and lists ${chunks.length}.`);
  for (const [at, chunk] of chunks.entries()) {
    if (chunk.chunk_index !== at + 1)
      throw wrong(`chunk ${at + 1} is missing, or the chunks stand in another order.`);
    if (chunk.media_type !== media_type) throw wrong(`chunk ${at + 1} is of another kind than the stream.`);
  }
  if (chunks.reduce((sum, { byte_size }) => sum + byte_size, 0) !== total_bytes)
    throw wrong('its chunks do not come to its total_bytes.');
  return manifest;
}

/** The manifest of one stream inside of the bundle of an incident. Throws `manifest_malformed`, `manifest_inconsistent`. */
export function parseStreamManifest(bytes: Uint8Array, where: string): StreamManifest {
  return asStream(parsed(bytes, where), where);
}

/** The manifest with which a bundle begins. Throws `manifest_malformed`, `manifest_inconsistent`. */
export function parseManifest(bytes: Uint8Array): Manifest {
  const where = 'The manifest of the bundle';
  const value = parsed(bytes, where);
  const isStream = typeof value === 'object' && value !== null && 'stream_id' in value;
  if (isStream) return { kind: 'stream', manifest: asStream(value, where) };
  const result = v.safeParse(IncidentManifest, value);
  if (!result.success)
    throw malformed('manifest_malformed', `${where} is not one of ours: ${placeOf(result.issues)} is wrong.`);
  const manifest = result.output;
  const wrong = (what: string) => malformed('manifest_inconsistent', `${where} contradicts itself: ${what}`);
  const seen = new Set<string>();
  for (const stream of manifest.streams) {
    asStream(stream, `${where} on ${stream.stream_id}`);
    if (stream.incident_id !== manifest.incident.id)
      throw wrong(`${stream.stream_id} is of another incident.`);
    if (seen.has(stream.stream_id)) throw wrong(`${stream.stream_id} is listed twice.`);
    seen.add(stream.stream_id);
  }
  if (manifest.streams.length !== manifest.stream_count) throw wrong('its stream_count is another.');
  if (manifest.streams.reduce((sum, { total_bytes }) => sum + total_bytes, 0) !== manifest.total_bytes)
    throw wrong('its streams do not come to its total_bytes.');
  return { kind: 'incident', manifest };
}
