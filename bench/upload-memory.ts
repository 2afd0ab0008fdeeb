/**
 * How much memory a server takes for large chunks: eight uploads at once, half as forms and half as plain bodies,
 * then eight readings at once.
 *
 *     node bench/upload-memory.ts [node|bun] [MEBIBYTES]
 *
 * Linux only: the peak is the kernel's own (`VmHWM`), so that nothing between two samples is missed.
 */
import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { credentials, type Session } from '../test/support/ask.ts';
import { type ChunkSpec, newIncident, newStream } from '../test/support/evidence.ts';
import { memoryOf } from '../test/support/process.ts';
import { type RuntimeName, startServer } from '../test/support/server.ts';
import { ownersAt } from '../test/support/server-owner.ts';
import { END, ENDED, FORM, part, put, putPath, STARTED } from '../test/support/uploads.ts';
import { unopenable } from './lib/sealed.ts';

const MIB = 1024 * 1024;
const AT_ONCE = 8;

export interface UploadMemoryUse {
  /** Resident bytes of the server, once it has served small requests. */
  readonly before: number;
  /** The most that it ever had while taking chunks in, and by the end of giving them back. */
  readonly taking: number;
  readonly giving: number;
  /** The larger of the two, over what it had before. */
  readonly growth: number;
}

/** A chunk that counts as sealed, in pieces: a header of its own, and bytes that nobody could open. */
function* content(spec: ChunkSpec, size: number): Generator<Uint8Array> {
  const header = unopenable(spec);
  yield header;
  const piece = new Uint8Array(64 * 1024).map((_, i) => (i * 131 + (i >> 8)) & 0xff);
  for (let left = size - header.length; left > 0; left -= piece.length)
    yield piece.subarray(0, Math.min(left, piece.length));
}

function digest(spec: ChunkSpec, size: number): { hex: string; base64: string } {
  const hash = createHash('sha256');
  for (const piece of content(spec, size)) hash.update(piece);
  const bytes = hash.digest();
  return { hex: bytes.toString('hex'), base64: bytes.toString('base64') };
}

/** Sends pieces no faster than they are taken. */
async function sendPieces(
  url: string,
  init: { readonly method: string; readonly headers: Record<string, string | number> },
  pieces: Iterable<Uint8Array>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request(url, init, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (more: string) => {
      text += more;
    });
    response.on('error', reject);
    response.on('end', () => (response.statusCode === 201 ? resolve(text) : reject(new Error(text))));
  });
  sent.on('error', reject);
  for (const piece of pieces) {
    if (!sent.write(piece))
      await Promise.race([new Promise((drained) => sent.once('drain', drained)), promise]);
  }
  sent.end();
  await promise;
}

async function uploadOne(main: string, headers: Record<string, string>, spec: ChunkSpec, size: number) {
  const { index = 1 } = spec;
  const { hex, base64 } = digest(spec, size);
  if (index % 2 === 0) {
    const stated = { 'x-media-type': 'audio', 'x-started-at': STARTED, 'x-ended-at': ENDED };
    const digests = { 'content-digest': `sha-256=:${base64}:`, 'content-length': size };
    const init = { method: 'PUT', headers: { ...headers, ...stated, ...digests } };
    await sendPieces(`${main}${putPath(spec)}`, init, content(spec, size));
  } else {
    const fields = { chunk_index: String(index), media_type: 'audio', started_at: STARTED, ended_at: ENDED };
    const all = { stream_id: spec.streamId, ...fields, sha256_hex: hex };
    const texts = Object.entries(all).map(([name, value]) => part(`name="${name}"`, value));
    const file = part('name="file"; filename="blob"', '').subarray(0, -2);
    const pieces = function* () {
      yield* texts;
      yield file;
      yield* content(spec, size);
      yield Buffer.from('\r\n');
      yield END;
    };
    const path = `/v1/incidents/${spec.incidentId}/chunks`;
    await sendPieces(`${main}${path}`, { method: 'POST', headers: { ...headers, ...FORM } }, pieces());
  }
  return hex;
}

async function readOne(url: string, headers: Record<string, string>): Promise<string> {
  const response = await fetch(url, { headers });
  const hash = createHash('sha256');
  for await (const piece of response.body ?? []) hash.update(piece);
  return hash.digest('hex');
}

/**
 * Measures a server of its own with chunks of `size` bytes.
 * @throws Error when a chunk did not come back as it went in
 */
export async function uploadMemoryUse(runtime: RuntimeName, size: number): Promise<UploadMemoryUse> {
  await using server = await startServer({
    runtime,
    settings: {
      SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
      SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: '4GB',
    },
  });
  const { doors, owners } = await ownersAt(server);
  const [as = failed()] = owners;
  const incidentId = await newIncident(doors, as);
  const spec = { incidentId, streamId: await newStream(doors, as, incidentId) };
  for (let index = 101; index <= 150; index += 1) await put(doors, as, { ...spec, index });
  const headers = await credentials(doors, as);
  const before = await memoryOf(server.pid, 'VmRSS');
  const specs = Array.from({ length: AT_ONCE }, (_, i) => ({ ...spec, index: i + 1 }));
  const sent = await Promise.all(specs.map((one) => uploadOne(server.main, headers, one, size)));
  const taking = await memoryOf(server.pid, 'VmHWM');
  const back = await Promise.all(specs.map((one) => readOne(`${server.main}${putPath(one)}`, headers)));
  const giving = await memoryOf(server.pid, 'VmHWM');
  if (back.some((sha256, i) => sha256 !== sent[i])) throw new Error('other bytes came back');
  return { before, taking, giving, growth: Math.max(taking, giving) - before };
}

function failed(): Session {
  throw new Error('nobody may record');
}

if (import.meta.main) {
  const runtime = process.argv[2] === 'bun' ? 'bun' : 'node';
  const size = Number(process.argv[3] ?? 250) * MIB;
  const use = await uploadMemoryUse(runtime, size);
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
  console.log(`${runtime}: ${AT_ONCE} uploads and ${AT_ONCE} readings of ${mib(size)} at once`);
  console.log(`before ${mib(use.before)}, at most ${mib(use.taking)} taking, ${mib(use.giving)} by the end`);
  console.log(`growth ${mib(use.growth)}`);
}
