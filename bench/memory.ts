/**
 * How much memory a server takes for large pastes: eight creates of 50 MiB at once, then eight readings at once.
 *
 *     node bench/memory.ts [node|bun]
 *
 * Linux only: the peak is the kernel's own (`VmHWM`), so that nothing between two samples is missed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { memoryOf } from '../test/support/process.ts';
import { type RuntimeName, startServer } from '../test/support/server.ts';

const MIB = 1024 * 1024;
const SIZE = 50 * MIB;
const AT_ONCE = 8;
const PROXY_SECRET = 'the-proxy-of-a-measurement';
/** Who is identified may send 50 MiB; anybody else 3. */
const CERTIFICATE = { 'x-proxy-secret': PROXY_SECRET, 'x-ssl-client-sha256': 'ab'.repeat(32) };

export interface MemoryUse {
  /** Resident bytes of the server, once it has served small requests. */
  readonly before: number;
  /** The most that it ever had while creating, and while reading. */
  readonly creating: number;
  readonly reading: number;
  /** The larger of the two, over what it had before. */
  readonly growth: number;
}

/** 50 MiB in pieces, no two uploads alike, without ever being whole in this process. */
function* content(seed: Uint8Array): Generator<Uint8Array> {
  const piece = new Uint8Array(64 * 1024).map((_, i) => (i * 131 + (i >> 8)) & 0xff);
  piece.set(seed);
  for (let sent = 0; sent < SIZE; sent += piece.length) yield piece;
}

async function create(url: string, seed: Uint8Array): Promise<{ id: string; sha256: string }> {
  const hash = createHash('sha256');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const headers = { ...CERTIFICATE, 'content-length': SIZE };
  const sent = request(url, { method: 'POST', headers }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    response.on('error', reject);
    response.on('end', () => (response.statusCode === 201 ? resolve(text) : reject(new Error(text))));
  });
  sent.on('error', reject);
  for (const piece of content(seed)) {
    hash.update(piece);
    if (!sent.write(piece))
      await Promise.race([new Promise((drained) => sent.once('drain', drained)), promise]);
  }
  sent.end();
  const { id } = JSON.parse(await promise) as { id: string };
  return { id, sha256: hash.digest('hex') };
}

async function read(url: string): Promise<string> {
  const response = await fetch(url);
  const hash = createHash('sha256');
  for await (const piece of response.body ?? []) hash.update(piece);
  return hash.digest('hex');
}

/** Measures a server of its own. @throws Error when a paste did not come back as it went in */
export async function memoryUse(runtime: RuntimeName): Promise<MemoryUse> {
  await using server = await startServer({
    runtime,
    settings: { SAFE_PROXY_SECRET: PROXY_SECRET, SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false' },
  });
  for (let i = 0; i < 50; i += 1) {
    const response = await fetch(`${server.main}/`, { method: 'POST', body: randomBytes(1000) });
    const { raw } = (await response.json()) as { raw: string };
    await (await fetch(raw)).arrayBuffer();
  }
  const before = await memoryOf(server.pid, 'VmRSS');
  const made = await Promise.all(Array.from({ length: AT_ONCE }, () => create(server.main, randomBytes(16))));
  const creating = await memoryOf(server.pid, 'VmHWM');
  const back = await Promise.all(made.map(({ id }) => read(`${server.main}/${id}/raw`)));
  const reading = await memoryOf(server.pid, 'VmHWM');
  if (back.some((sha256, i) => sha256 !== made[i]?.sha256)) throw new Error('other bytes came back');
  return { before, creating, reading, growth: Math.max(creating, reading) - before };
}

if (import.meta.main) {
  const runtime = process.argv[2] === 'bun' ? 'bun' : 'node';
  const use = await memoryUse(runtime);
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(0)} MiB`;
  console.log(`${runtime}: ${AT_ONCE} creates and ${AT_ONCE} readings of ${mib(SIZE)} at once`);
  console.log(
    `before ${mib(use.before)}, at most ${mib(use.creating)} creating, ${mib(use.reading)} by the end`,
  );
  console.log(`growth ${mib(use.growth)}`);
}
