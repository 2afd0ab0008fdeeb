/** Uploads in pieces over the wire: a sealed chunk to send, the requests of both protocols, and bodies that break. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { answers, ask, credentials, type Session } from './ask.ts';
import { newIncident, newStream, type Owner, ownerIn, sealedChunk, sha256Hex } from './evidence.ts';
import { type House, type HouseOptions, inHouse, ORIGIN } from './house.ts';
import { checkAnswer } from './openapi.ts';

type Doors = Pick<House, 'main' | 'admin'>;
type Piece = Uint8Array<ArrayBuffer>;

export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
  readonly body: any;
  readonly text: string;
  readonly code: string | undefined;
}

export interface Sending {
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Bytes are sent with their length, a stream without one unless a header says it. */
  readonly body?: Uint8Array | ReadableStream<Piece>;
  readonly as?: Session;
}

/** A sealed chunk that nobody has uploaded yet, and how one would. */
export interface Pending {
  readonly doors: Doors;
  readonly as: Session;
  readonly incidentId: string;
  readonly streamId: string;
  readonly index: number;
  readonly bytes: Piece;
  /** Of the PUT that uploads it. */
  readonly path: string;
  /** Where tus creates it. */
  readonly tusPath: string;
  send(method: string, path: string, sending?: Sending): Promise<Sent>;
}

export const STARTED = '2026-01-02T03:04:05Z';
export const ENDED = '2026-01-02T03:04:15Z';

/** `Content-Digest` and `Repr-Digest` of bytes. */
export const digestOf = (bytes: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;

export interface PendingWish {
  /** Bytes of media before sealing; 100 unless given. */
  readonly size?: number;
  readonly index?: number;
  readonly incidentId?: string;
  readonly streamId?: string;
}

/** Prepares a chunk for an open stream. */
export async function pendingChunk(doors: Doors, as: Session, wish: PendingWish = {}): Promise<Pending> {
  const incidentId = wish.incidentId ?? (await newIncident(doors, as));
  const streamId = wish.streamId ?? (await newStream(doors, as, incidentId));
  const { index = 1, size = 100 } = wish;
  const media = new Uint8Array(size).map((_, at) => (at * 31 + (at >> 8)) & 255);
  const bytes = await sealedChunk({ incidentId, streamId, index, media });
  const send = async (method: string, path: string, { headers = {}, body, as: who = as }: Sending = {}) => {
    const given = Object.entries(headers).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    const length = body instanceof Uint8Array ? { 'content-length': String(body.length) } : {};
    const sent = { ...(await credentials(doors, who)), ...length, ...Object.fromEntries(given) };
    const bodied = body instanceof Uint8Array ? new Uint8Array(body) : body;
    const init = { method, headers: sent, ...(bodied !== undefined && { body: bodied, duplex: 'half' }) };
    const response = await doors.main(new Request(`${ORIGIN}${path}`, init as RequestInit));
    const read = new Uint8Array(await response.arrayBuffer());
    const { status, headers: got } = response;
    if (method !== 'OPTIONS') checkAnswer('main', { method, path, status, headers: got, body: read });
    const text = new TextDecoder().decode(read);
    const parsed = text === '' ? {} : JSON.parse(text);
    return { status, headers: got, body: parsed, text, code: parsed.error?.code };
  };
  return {
    ...{ doors, as, incidentId, streamId, index, bytes, send },
    path: `/v1/incidents/${incidentId}/streams/${streamId}/chunks/${index}`,
    tusPath: `/v1/incidents/${incidentId}/uploads`,
  };
}

/** Runs `use` with a chunk to upload, in a house of its own. */
export async function inUpload(
  wish: PendingWish & { readonly house?: HouseOptions },
  use: (pending: Pending, house: House, owner: Owner) => Promise<void>,
): Promise<void> {
  await inHouse(wish.house ?? {}, async (house) => {
    const owner = await ownerIn(house);
    await use(await pendingChunk(house, owner.as, wish), house, owner);
  });
}

/** Status and code of an answer, as one text. */
export const outcomeOf = ({ status, code }: Sent): string => `${status} ${code ?? ''}`.trim();

export function expectOutcome(sent: Sent, expected: string): Sent {
  assert.equal(outcomeOf(sent), expected, sent.text);
  return sent;
}

export const headersOf = ({ headers }: Sent, ...names: string[]): readonly (string | null)[] =>
  names.map((name) => headers.get(name));

/** Where an upload was made. */
export function locationOf(sent: Sent): string {
  const location = sent.headers.get('location') ?? '';
  assert.match(location, /^\/v1\/uploads\/uop_[0-9A-HJKMNP-TV-Z]{26}$/);
  return location;
}

type Extra = Readonly<Record<string, string | undefined>>;

/** What the draft's creation says of the chunk. */
export const putHeaders = ({ bytes }: Pick<Pending, 'bytes'>): Extra => ({
  'content-type': 'application/octet-stream',
  'repr-digest': digestOf(bytes),
  'x-media-type': 'audio',
  'x-started-at': STARTED,
  'x-ended-at': ENDED,
});

/** The draft's creation in pieces, which must succeed. @returns where the upload is */
export async function begin(pending: Pending, extra: Extra = {}, body?: Uint8Array): Promise<string> {
  const headers = { ...putHeaders(pending), 'upload-complete': '?0', ...extra };
  const made = await pending.send('PUT', pending.path, { headers, ...(body !== undefined && { body }) });
  return locationOf(expectOutcome(made, '201'));
}

/** The draft's append. */
export function patch(
  { send }: Pick<Pending, 'send'>,
  location: string,
  offset: number,
  complete: '?0' | '?1',
  body?: Sending['body'],
  extra: Extra = {},
): Promise<Sent> {
  const headers = {
    'content-type': 'application/partial-upload',
    'upload-offset': String(offset),
    'upload-complete': complete,
    ...extra,
  };
  return send('PATCH', location, { headers, ...(body !== undefined && { body }) });
}

export const TUS = { 'tus-resumable': '1.0.0' };

/** `Upload-Metadata`; values that are undefined are left out. */
export function metadataOf(pending: Pending, extra: Extra = {}): string {
  const values: Extra = {
    stream_id: pending.streamId,
    chunk_index: String(pending.index),
    media_type: 'audio',
    started_at: STARTED,
    ended_at: ENDED,
    sha256_hex: sha256Hex(pending.bytes),
    ...extra,
  };
  return Object.entries(values)
    .flatMap(([key, value]) => (value === undefined ? [] : `${key} ${Buffer.from(value).toString('base64')}`))
    .join(',');
}

/** tus' creation. */
export function tusPost(pending: Pending, extra: Extra = {}, body?: Sending['body']): Promise<Sent> {
  const headers = {
    ...TUS,
    'upload-length': String(pending.bytes.length),
    'upload-metadata': metadataOf(pending),
    ...(body !== undefined && { 'content-type': 'application/offset+octet-stream' }),
    ...extra,
  };
  return pending.send('POST', pending.tusPath, { headers, ...(body !== undefined && { body }) });
}

/** tus' creation, which must succeed. @returns where the upload is */
export async function tusBegin(pending: Pending, extra: Extra = {}): Promise<string> {
  return locationOf(expectOutcome(await tusPost(pending, extra), '201'));
}

/** tus' PATCH. */
export function tusPatch(
  { send }: Pick<Pending, 'send'>,
  location: string,
  offset: number,
  body?: Sending['body'],
  extra: Extra = {},
): Promise<Sent> {
  const headers = {
    ...TUS,
    'content-type': 'application/offset+octet-stream',
    'upload-offset': String(offset),
    ...extra,
  };
  return send('PATCH', location, { headers, ...(body !== undefined && { body }) });
}

/** Pieces as a stream, which then breaks, stays silent, or ends. */
export function bodyOf(pieces: readonly Uint8Array[], end: 'close' | 'break' | 'hang' = 'close') {
  const left = pieces.map((piece) => new Uint8Array(piece));
  return new ReadableStream<Piece>(
    {
      pull(controller) {
        const piece = left.shift();
        if (piece !== undefined) return controller.enqueue(piece);
        if (end === 'close') return controller.close();
        if (end === 'break') return controller.error(new Error('the network is gone'));
        return new Promise<void>(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

/** A body that a test writes by hand. `taken` resolves when all that was written so far has been asked for. */
export function handBody() {
  let controller: ReadableStreamDefaultController<Piece> | undefined;
  let asked = () => {};
  const stream = new ReadableStream<Piece>(
    {
      start(made) {
        controller = made;
      },
      pull() {
        asked();
      },
    },
    { highWaterMark: 0 },
  );
  return {
    stream,
    /** Resolves when the reader asks for bytes that are not there. */
    wanted: () =>
      new Promise<void>((resolve) => {
        asked = resolve;
      }),
    write: (bytes: Uint8Array) => controller?.enqueue(new Uint8Array(bytes)),
    end: () => controller?.close(),
    fail: () => controller?.error(new Error('the network is gone')),
  };
}

/** The chunk as its owner reads it back, or undefined. */
export async function chunkBytes({ doors, as, path }: Pending): Promise<Buffer | undefined> {
  const headers = await credentials(doors, as);
  const response = await doors.main(new Request(`${ORIGIN}${path}`, { headers }));
  const bytes = Buffer.from(await response.arrayBuffer());
  return response.status === 200 ? bytes : undefined;
}

/** Asserts that the chunk is there, byte for byte. */
export async function isKept(pending: Pending): Promise<void> {
  assert.equal(Buffer.compare((await chunkBytes(pending)) ?? Buffer.alloc(0), pending.bytes), 0);
}

/** How many uploads, staged names and segments there are. */
export async function leftOf({ db }: Pick<House, 'db'>): Promise<readonly unknown[]> {
  const sql = `SELECT (SELECT count(*) FROM uploads), (SELECT count(*) FROM loose_blobs),
    (SELECT count(*) FROM segments)`;
  return (await db.batch([{ sql }], 'read'))[0]?.rows[0] ?? [];
}

/** Closes the incident of a chunk. */
export async function closeIncident({ doors, as, incidentId }: Pending): Promise<void> {
  answers(await ask(doors, `/v1/incidents/${incidentId}/close`, { method: 'POST', as, body: {} }), 200);
}
