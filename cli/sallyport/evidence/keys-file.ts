/**
 * The file of media keys, `sallyport-keys/1`: what a recorder keeps, what is wrapped for people, and what
 * `sallyport open --keys` takes. Whoever has it can open those streams.
 *
 *     {"format": "sallyport-keys/1", "streams": [
 *       {"incident_id": "inc_…", "stream_id": "str_…", "media_type": "audio", "key": "43 characters"}]}
 */

import { decodeKey, encodeKey, MEDIA_TYPES, type MediaType } from '../../../src/crypto/sealed.ts';
import { usage } from '../../shared/failure.ts';

export const KEYS_FORMAT = 'sallyport-keys/1';

/** The key of one stream. */
export interface StreamKey {
  readonly incidentId: string;
  readonly streamId: string;
  readonly mediaType: MediaType;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

const INCIDENT = /^inc_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const STREAM = /^str_[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** Whether a text has the shape of the id of an incident. */
export function isIncidentId(text: string): boolean {
  return INCIDENT.test(text);
}

/** Whether a text has the shape of the id of a stream. */
export function isStreamId(text: string): boolean {
  return STREAM.test(text);
}

/** The text of a keys file, with the line's end. */
export function writeKeys(keys: readonly StreamKey[]): string {
  const streams = keys.map(({ incidentId, streamId, mediaType, key }) => ({
    incident_id: incidentId,
    stream_id: streamId,
    media_type: mediaType,
    key: encodeKey(key),
  }));
  return `${JSON.stringify({ format: KEYS_FORMAT, streams }, null, 2)}\n`;
}

/** Reads a keys file strictly. Throws a usage failure that quotes nothing of it. */
export function parseKeys(text: string): readonly StreamKey[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw usage(
      'The keys file is not JSON. Is it still encrypted? Then give --identity, or use age -d first.',
    );
  }
  const file = members(json);
  if (file?.format !== KEYS_FORMAT || !Array.isArray(file.streams))
    throw usage(`The keys file is not one of the format ${KEYS_FORMAT}.`);
  return file.streams.map((stream, index) => {
    const key = streamKey(members(stream));
    if (key === undefined) throw usage(`Entry ${index + 1} of the keys file is not the key of a stream.`);
    return key;
  });
}

function members(json: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as Record<string, unknown>)
    : undefined;
}

function streamKey(entry: Readonly<Record<string, unknown>> | undefined): StreamKey | undefined {
  const { incident_id: incidentId, stream_id: streamId, media_type: media, key } = entry ?? {};
  const mediaType = MEDIA_TYPES.find((type) => type === media);
  if (typeof incidentId !== 'string' || typeof streamId !== 'string' || typeof key !== 'string')
    return undefined;
  if (!isIncidentId(incidentId) || !isStreamId(streamId) || mediaType === undefined) return undefined;
  try {
    return { incidentId, streamId, mediaType, key: decodeKey(key) };
  } catch {
    return undefined;
  }
}
