/** Recordings over the wire: chunks uploaded, streams completed, bundles downloaded and taken apart. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { unzipSync } from 'fflate';
import type { MediaType } from '../../src/store/incidents.ts';
import { answers, credentials, post, type Session } from './ask.ts';
import { newStream, sealedChunk } from './evidence.ts';
import { type House, ORIGIN } from './house.ts';
import { checkAnswer } from './openapi.ts';

type Doors = Pick<House, 'main' | 'admin'>;

export interface Recording {
  readonly incidentId: string;
  readonly streamId: string;
  readonly mediaType: MediaType;
  /** 32 bytes: the media key. */
  readonly key: Uint8Array;
  /** The sealed chunks as they were uploaded. */
  readonly sealed: readonly Uint8Array[];
}

export interface RecordingWish {
  readonly mediaType?: MediaType;
  readonly label?: string;
  /** Plain bytes of each chunk; three short ones unless given. */
  readonly media?: readonly Uint8Array[];
  /** Whether the last chunk says that it is; it does unless told otherwise. */
  readonly final?: boolean;
  /** How the stream ends; complete unless given. */
  readonly end?: 'complete' | 'fail' | 'none';
}

/** When chunk `index` of a recording begins, ten seconds apart. */
export const startOf = (index: number): string =>
  new Date(Date.UTC(2026, 0, 2, 3, 4, 5) + (index - 1) * 10_000).toISOString().replace('.000Z', 'Z');

/** Uploads one sealed chunk as it is. */
export async function putChunk(
  doors: Doors,
  as: Session,
  recording: Pick<Recording, 'incidentId' | 'streamId' | 'mediaType'>,
  index: number,
  bytes: Uint8Array,
): Promise<void> {
  const { incidentId, streamId, mediaType } = recording;
  const path = `/v1/incidents/${incidentId}/streams/${streamId}/chunks/${index}`;
  const headers = {
    ...(await credentials(doors, as)),
    'content-type': 'application/octet-stream',
    'content-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
    'x-media-type': mediaType,
    'x-started-at': startOf(index),
    'x-ended-at': startOf(index + 1),
  };
  const body = new Uint8Array(bytes);
  const answer = await doors.main(new Request(`${ORIGIN}${path}`, { method: 'PUT', headers, body }));
  assert.equal(answer.status, 201, await answer.text());
}

/** Records a stream. */
export async function recording(
  doors: Doors,
  as: Session,
  incidentId: string,
  wish: RecordingWish = {},
): Promise<Recording> {
  const {
    mediaType = 'audio',
    label,
    media = ['one', 'two', 'three'].map((word) => Buffer.from(word)),
  } = wish;
  const fields = { media_type: mediaType, ...(label !== undefined && { label }) };
  const streamId = await newStream(doors, as, incidentId, fields);
  const key = new Uint8Array(randomBytes(32));
  const sealed: Uint8Array[] = [];
  for (const [at, bytes] of media.entries()) {
    const final = at === media.length - 1 && (wish.final ?? true);
    const chunk = await sealedChunk({
      incidentId,
      streamId,
      index: at + 1,
      mediaType,
      final,
      media: bytes,
      key,
    });
    await putChunk(doors, as, { incidentId, streamId, mediaType }, at + 1, chunk);
    sealed.push(chunk);
  }
  const path = `/v1/incidents/${incidentId}/streams/${streamId}`;
  if ((wish.end ?? 'complete') === 'complete')
    answers(await post(doors, `${path}/complete`, as, { expected_chunk_count: media.length }), 200);
  if (wish.end === 'fail') answers(await post(doors, `${path}/fail`, as), 200);
  return { incidentId, streamId, mediaType, key, sealed };
}

export const streamBundlePath = ({ incidentId, streamId }: Pick<Recording, 'incidentId' | 'streamId'>) =>
  `/v1/incidents/${incidentId}/streams/${streamId}/download`;
export const incidentBundlePath = (incidentId: string) => `/v1/incidents/${incidentId}/download`;

export interface Downloaded {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  /** Of a refusal. */
  readonly code: string | undefined;
}

/** Asks for bytes, and holds the answer against the documents. */
export async function download(
  doors: Doors,
  path: string,
  as: Session | undefined,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Downloaded> {
  const shown = as === undefined ? {} : await credentials(doors, as);
  const answer = await doors.main(
    new Request(`${ORIGIN}${path}`, { method, headers: { ...shown, ...headers } }),
  );
  const bytes = new Uint8Array(await answer.arrayBuffer());
  checkAnswer('main', { method, path, status: answer.status, headers: answer.headers, body: bytes });
  const refused = answer.status >= 400 && bytes.length > 0;
  const code = refused ? JSON.parse(new TextDecoder().decode(bytes)).error.code : undefined;
  return { status: answer.status, headers: answer.headers, bytes, code };
}

/** A small archive's entries in their order; each checksum is compared. */
export function entriesOf(bytes: Uint8Array): Map<string, Uint8Array> {
  return new Map(Object.entries(unzipSync(bytes)));
}

/** An entry of an archive that is JSON. */
// biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
export function jsonOf(entries: ReadonlyMap<string, Uint8Array>, name: string): any {
  return JSON.parse(new TextDecoder().decode(entries.get(name)));
}
