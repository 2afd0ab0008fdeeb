/**
 * Peak memory and speed of the command line client with a long pipe, sealed and opened:
 *
 *   node bench/client-memory.ts [MiB, default 2048]
 *
 * The server's limit is far below that, so a small one on this machine takes the bytes, keeps them in a temporary
 * file and gives them back. The client runs as people run it, with this Node; what the system says it peaked at
 * is printed (Linux: VmHWM).
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CLIENT_TEXT } from '../src/generated/client.ts';

const MEBI = 1024 * 1024;
const ID = '0'.repeat(26);

/** Just enough of the contract for one sealed paste of any size. */
async function openSink(file: string) {
  let size = 0;
  let origin = '';
  const json = () =>
    JSON.stringify({
      id: ID,
      url: `${origin}/${ID}`,
      raw: `${origin}/${ID}/raw`,
      size,
      mime_type: 'application/octet-stream',
      created_at: '2026-01-01T00:00:00Z',
      expires_at: '2100-01-01T00:00:00Z',
      burn_after_read: false,
      password_protected: false,
      sealed: true,
    });
  const limit = 1e12;
  const info = JSON.stringify({
    name: 'sink',
    version: '0',
    limits: {
      max_bytes_anonymous: limit,
      max_bytes_identified: limit,
      default_expiry_seconds: 1,
      max_expiry_seconds: 1,
      min_entropy: 0,
    },
    pow: { required: false, difficulty: 0, algorithm: 'sha256-leading-zero-bits' },
    create: 'anyone',
  });
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      size = 0;
      request.on('data', (piece: Buffer) => {
        size += piece.length;
      });
      await pipeline(request, createWriteStream(file));
      response.writeHead(201).end(json());
    } else if (request.url?.endsWith('/raw')) {
      response.writeHead(200, { 'content-length': size });
      await pipeline(createReadStream(file), response).catch(() => undefined);
    } else response.end(request.url === '/' ? info : json());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, close: () => server.close() };
}

interface Measured {
  readonly seconds: number;
  readonly peakMiB: number;
  readonly output: string;
  readonly received: number;
}

/** Runs `node fpaste …`, feeds it `feed` bytes of zeros, counts what it prints. */
async function measure(
  file: string,
  args: readonly string[],
  origin: string,
  feed: number,
): Promise<Measured> {
  const started = performance.now();
  const child = spawn(process.execPath, [file, ...args], {
    env: { PATH: process.env.PATH, HOME: join(file, '..'), FPASTE_SERVER: origin },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let peakMiB = 0;
  const look = async (): Promise<void> => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peakMiB = Math.max(peakMiB, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  };
  const timer = setInterval(() => void look(), 50);
  let received = 0;
  let output = '';
  child.stdout.on('data', (piece: Buffer) => {
    received += piece.length;
    if (received < 1000) output += piece.toString();
  });
  const closed = once(child, 'close');
  const zeros = Buffer.alloc(65_536);
  for (let sent = 0; sent < feed; sent += zeros.length)
    if (!child.stdin.write(zeros)) await once(child.stdin, 'drain');
  child.stdin.end();
  const [code] = await closed;
  clearInterval(timer);
  if (code !== 0) throw new Error(`fpaste ${args[0]} exited with ${code}`);
  return { seconds: (performance.now() - started) / 1000, peakMiB, output, received };
}

const mebibytes = Number(process.argv[2] ?? 2048);
const folder = await mkdtemp(join(tmpdir(), 'fpaste-bench-'));
const client = join(folder, 'fpaste');
await writeFile(client, CLIENT_TEXT);
const sink = await openSink(join(folder, 'sink'));
try {
  const show = (what: string, { seconds, peakMiB }: Measured): void =>
    console.log(
      `${what.padEnd(28)} ${peakMiB.toFixed(0).padStart(4)} MiB peak  ${(mebibytes / seconds).toFixed(0).padStart(5)} MiB/s`,
    );
  const created = await measure(client, ['create', '-q', '-e'], sink.origin, mebibytes * MEBI);
  show('create -e from a pipe', created);
  const link = created.output.trim();
  show(
    'get -o FILE',
    await measure(client, ['get', '-q', '-o', join(folder, 'opened'), link], sink.origin, 0),
  );
  await rm(join(folder, 'opened'));
  const piped = await measure(client, ['get', link], sink.origin, 0);
  show('get to a pipe', piped);
  if (piped.received !== mebibytes * MEBI) throw new Error('what came back is not what went in');
} finally {
  sink.close();
  await rm(folder, { recursive: true, force: true });
}
