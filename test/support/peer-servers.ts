/**
 * Stand-ins for the servers that `bench/peers.ts` compares with. Each takes what the real one's rules allow and refuses
 * the rest: a client that they serve is one that the real one serves.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { deflateRawSync } from 'node:zlib';
import type { PeerName } from '../../bench/lib/peers.ts';

export interface PeerServer extends AsyncDisposable {
  readonly url: string;
  /** Creates that were taken, and reads that found something. */
  readonly seen: { creates: number; reads: number };
}

type Json = Readonly<Record<string, unknown>>;
/** What a stand-in answers: a status, and a document. */
type Served = readonly [status: number, document: Json];
type Serve = (request: IncomingMessage, seen: PeerServer['seen']) => Promise<Served>;

const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const keysOf = (value: Json) => Object.keys(value).sort().join();

function bytesOf(value: unknown): Buffer | undefined {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return undefined;
  return Buffer.from(value, 'base64');
}

/** Format 2: `FormatV2::isValid` of PrivateBin 2.0. */
function isFormat2(document: unknown): document is Json {
  if (!isRecord(document) || keysOf(document) !== 'adata,ct,meta,v' || document.v !== 2) return false;
  const { adata, ct, meta } = document;
  if (!Array.isArray(adata) || !Array.isArray(adata[0]) || adata[0].length < 8) return false;
  const [iv, salt, iterations, keySize, tagSize, algorithm, mode, compression] = adata[0];
  const cipher = bytesOf(ct);
  if (bytesOf(iv) === undefined || bytesOf(salt) === undefined || cipher === undefined) return false;
  if (iv.length > 24 || salt.length > 14 || !Number.isInteger(iterations) || iterations <= 10_000)
    return false;
  if (![128, 192, 256].includes(keySize) || ![64, 96, 128].includes(tagSize) || algorithm !== 'aes')
    return false;
  if (!['ctr', 'cbc', 'gcm'].includes(mode) || !['zlib', 'none'].includes(compression)) return false;
  // What can be made smaller is not encrypted.
  if (cipher.length > deflateRawSync(cipher).length) return false;
  return isRecord(meta) && keysOf(meta) === 'expire';
}

function privatebin(): Serve {
  const pastes = new Map<string, Json>();
  return async (request, seen) => {
    if (request.headers['x-requested-with'] !== 'JSONHttpRequest')
      return [200, { status: 1, message: 'HTML' }];
    if (request.method === 'POST') {
      const document: unknown = JSON.parse(await text(request));
      if (!isFormat2(document)) return [200, { status: 1, message: 'Invalid data.' }];
      const id = randomBytes(8).toString('hex');
      pastes.set(id, document);
      seen.creates += 1;
      return [200, { status: 0, id, url: `/?${id}`, deletetoken: randomBytes(32).toString('hex') }];
    }
    const id = new URL(request.url ?? '/', 'http://peer.test').searchParams.get('pasteid') ?? '';
    const paste = pastes.get(id);
    if (paste === undefined) return [200, { status: 1, message: 'Document does not exist.' }];
    seen.reads += 1;
    return [200, { status: 0, id, ...paste, comments: [], comment_count: 0 }];
  };
}

const TEN_MINUTES = 600;
const ONE_MONTH = 30 * 24 * 3600;

/** The body of Enclosed's `POST /api/notes`. */
function isNote(note: unknown): note is Json {
  if (!isRecord(note)) return false;
  const { payload, deleteAfterReading, ttlInSeconds, encryptionAlgorithm, serializationFormat, isPublic } =
    note;
  return (
    typeof payload === 'string' &&
    typeof deleteAfterReading === 'boolean' &&
    typeof ttlInSeconds === 'number' &&
    ttlInSeconds >= TEN_MINUTES &&
    ttlInSeconds <= ONE_MONTH &&
    encryptionAlgorithm === 'aes-256-gcm' &&
    serializationFormat === 'cbor-array' &&
    (isPublic === undefined || isPublic === true)
  );
}

function enclosed(): Serve {
  const notes = new Map<string, Json>();
  return async (request, seen) => {
    const { method, url = '/' } = request;
    if (method === 'POST' && url === '/api/notes' && request.headers['content-type'] === 'application/json') {
      const note: unknown = JSON.parse(await text(request));
      if (!isNote(note)) return [400, { error: { code: 'server.invalid_request.body' } }];
      const noteId = randomBytes(13).toString('hex');
      const { payload, encryptionAlgorithm, serializationFormat } = note;
      notes.set(noteId, { payload, encryptionAlgorithm, serializationFormat });
      seen.creates += 1;
      return [200, { noteId }];
    }
    const note = method === 'GET' ? notes.get(url.replace('/api/notes/', '')) : undefined;
    if (note === undefined) return [404, { error: { code: 'note.not_found' } }];
    seen.reads += 1;
    return [200, { note }];
  };
}

const SERVE: Readonly<Record<PeerName, () => Serve>> = { privatebin, enclosed };

/** Starts one. @param closing whether it closes the connection after each answer, which the connection's end ends */
export async function startPeer(name: PeerName, closing = false): Promise<PeerServer> {
  const seen = { creates: 0, reads: 0 };
  const serve = SERVE[name]();
  const listener: RequestListener = async (request, response) => {
    const [status, document] = await serve(request, seen);
    response.shouldKeepAlive = !closing;
    if (closing) response.useChunkedEncodingByDefault = false;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.write(JSON.stringify(document));
    response.end();
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
