/** Uploading chunks, in the two forms that one request can have, with anything about them wrong that a test wants. */
import { createHash } from 'node:crypto';
import { type Answer as Asked, answers, credentials, type Session } from './ask.ts';
import { type ChunkSpec, sealedChunk, sha256Hex } from './evidence.ts';
import { type House, ORIGIN } from './house.ts';
import { checkAnswer } from './openapi.ts';

type Doors = Pick<House, 'main' | 'admin'>;

/** An answer whose body may be anything. */
export interface Answer extends Asked {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Sending {
  readonly method?: string;
  readonly as?: Session;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
}

/** One request with any body; the answer is held against the documents. */
export async function send(doors: Doors, path: string, sending: Sending = {}): Promise<Answer> {
  const { method = 'GET', as, body } = sending;
  const headers = { ...(as !== undefined && (await credentials(doors, as))), ...sending.headers };
  const init = { method, headers, ...(body !== undefined && { body, duplex: 'half' }) };
  const response = await doors.main(new Request(`${ORIGIN}${path}`, init as RequestInit));
  const bytes = new Uint8Array(await response.arrayBuffer());
  const { status, headers: answered } = response;
  const [bare = ''] = path.split('?');
  checkAnswer('main', { method, path: bare, status, headers: answered, body: bytes });
  // Megabytes of ciphertext are no text, and take seconds to be made one.
  const isJson = answered.get('content-type') === 'application/json';
  const text = isJson ? new TextDecoder().decode(bytes) : '';
  const json = text === '' ? {} : JSON.parse(text);
  return { status, headers: answered, body: json, text, code: json.error?.code, bytes };
}

/** The fields of a form for these bytes; what is undefined in `changed` is left out. */
export type Fields = Readonly<Record<string, string | undefined>>;

export const STARTED = '2026-01-02T03:04:05Z';
export const ENDED = '2026-01-02T03:04:15Z';

export function fieldsFor(spec: ChunkSpec, bytes: Uint8Array, changed: Fields = {}): Fields {
  return {
    stream_id: spec.streamId,
    chunk_index: String(spec.index ?? 1),
    media_type: spec.mediaType ?? 'audio',
    started_at: STARTED,
    ended_at: ENDED,
    sha256_hex: sha256Hex(bytes),
    ...changed,
  };
}

/** A form's body written by hand, so that a test can write it wrongly. */
export const BOUNDARY = 'a-boundary-of-a-test';

/** A part with its delimiter; `disposition` follows `form-data`. */
export function part(disposition: string, value: Uint8Array | string, ...headers: string[]): Buffer {
  const head = [`--${BOUNDARY}`, `Content-Disposition: form-data; ${disposition}`, ...headers, '', ''];
  return Buffer.concat([Buffer.from(head.join('\r\n')), Buffer.from(value), Buffer.from('\r\n')]);
}

export const END = Buffer.from(`--${BOUNDARY}--\r\n`);
export const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

/** A whole form: fields in their order, then the file. */
export function formOf(
  fields: Fields,
  file: Uint8Array | undefined,
  filename = 'blob',
): Uint8Array<ArrayBuffer> {
  const texts = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [part(`name="${name}"`, value)],
  );
  const type = 'Content-Type: application/octet-stream';
  const files = file === undefined ? [] : [part(`name="file"; filename="${filename}"`, file, type)];
  return new Uint8Array(Buffer.concat([...texts, ...files, END]));
}

export interface Uploading {
  /** Instead of the bytes that the spec stands for. */
  readonly bytes?: Uint8Array;
  readonly fields?: Fields;
  readonly key?: string;
  readonly filename?: string;
  /** Of the plain form. */
  readonly headers?: Readonly<Record<string, string>>;
}

const keyed = (key: string | undefined) => (key === undefined ? {} : { 'idempotency-key': key });

/** Uploads as a form. */
export async function upload(
  doors: Doors,
  as: Session,
  spec: ChunkSpec,
  { bytes, fields, key, filename }: Uploading = {},
): Promise<Answer> {
  const file = bytes ?? (await sealedChunk(spec));
  return send(doors, `/v1/incidents/${spec.incidentId}/chunks`, {
    method: 'POST',
    as,
    headers: { ...FORM, ...keyed(key) },
    body: formOf(fieldsFor(spec, file, fields), file, filename),
  });
}

/** `Content-Digest` of these bytes. */
export const digestOf = (bytes: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;

export const putPath = ({ incidentId, streamId, index = 1 }: ChunkSpec) =>
  `/v1/incidents/${incidentId}/streams/${streamId}/chunks/${index}`;

export const putHeaders = (spec: ChunkSpec, bytes: Uint8Array) => ({
  'content-digest': digestOf(bytes),
  'x-media-type': spec.mediaType ?? 'audio',
  'x-started-at': STARTED,
  'x-ended-at': ENDED,
});

/** Uploads as a plain body. */
export async function put(
  doors: Doors,
  as: Session,
  spec: ChunkSpec,
  { bytes, key, headers }: Uploading = {},
): Promise<Answer> {
  const body = new Uint8Array(bytes ?? (await sealedChunk(spec)));
  const sent = { ...putHeaders(spec, body), ...keyed(key), ...headers };
  return send(doors, putPath(spec), { method: 'PUT', as, headers: sent, body });
}

/** The chunk of an upload that must succeed. */
export function kept(answer: Answer, status = 201): Answer['body'] {
  return answers(answer, status).body;
}

/** What a database holds of uploads: chunk rows, segments, and blobs that belong to nobody. */
export async function leftovers(house: House) {
  const count = (table: string) => `(SELECT count(*) FROM ${table})`;
  const sql = `SELECT ${count('chunks')}, ${count('segments')}, ${count('loose_blobs')}`;
  const [chunks, segments, loose] = (await house.db.batch([{ sql }], 'read'))[0]?.rows[0] ?? [];
  return { chunks, segments, loose };
}
