/**
 * Peak memory of sealing and of opening a long pipe, each in a process of its own:
 *
 *   node bench/seal-memory.ts [MiB, default 2048]
 *
 * runs `head -c … /dev/zero | seal | open | wc -c` with this file, bundled as the command-line client is, in both
 * middle places, and prints what each process peaked at.
 *
 * Two habits keep a Node process small here, and a client should have both. Every segment that WebCrypto answers
 * is memory outside of V8's heap, which V8 by itself lets pile up to some 100 MiB before it looks:
 * `--semi-space-growth-factor=1` makes it look often, and a piece that was written is given back at once.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { read as readFd, write as writeFd } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { openPaste, SEGMENT_BYTES, sealPaste } from '../src/crypto/sealed.ts';

const read = promisify(readFd);
const write = promisify(writeFd);
const KEY = new Uint8Array(32).fill(7);

/** Standard input through one buffer. */
async function* input(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(SEGMENT_BYTES);
  for (;;) {
    const { bytesRead } = await read(0, buffer, 0, buffer.length, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function output(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    let written = 0;
    while (written < value.length) {
      written += (await write(1, value, written, value.length - written, null)).bytesWritten;
    }
    // Node 20 has no transfer; there the garbage collector is quick enough on its own.
    value.buffer.transfer?.(0);
  }
}

async function inThePipe(role: string): Promise<void> {
  setFlagsFromString('--semi-space-growth-factor=1');
  const start = performance.now();
  if (role === 'seal') {
    await output(
      await sealPaste(input(), {
        key: KEY,
        random: (count) => crypto.getRandomValues(new Uint8Array(count)),
      }),
    );
  } else {
    await output((await openPaste(input(), { key: KEY })).body);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const peak = (process.resourceUsage().maxRSS / 1024).toFixed(0);
  console.error(`${role}: peak memory ${peak} MiB (goal under 100), ${seconds} s`);
}

async function runThePipe(MiB: number): Promise<void> {
  const { build } = await import('esbuild');
  const folder = await mkdtemp(join(tmpdir(), 'seal-memory-'));
  try {
    const script = join(folder, 'pipe.mjs');
    await build({
      entryPoints: [import.meta.filename],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['esbuild'],
    });
    const command = 'head -c "$BYTES" /dev/zero | "$NODE" "$SCRIPT" seal | "$NODE" "$SCRIPT" open | wc -c';
    const environment = {
      ...process.env,
      BYTES: `${MiB * 1024 * 1024}`,
      NODE: process.execPath,
      SCRIPT: script,
    };
    const shell = spawn('sh', ['-c', command], { env: environment, stdio: 'inherit' });
    await once(shell, 'exit');
  } finally {
    await rm(folder, { recursive: true });
  }
}

const [argument] = process.argv.slice(2);
if (argument === 'seal' || argument === 'open') await inThePipe(argument);
else await runThePipe(Number(argument ?? 2048));
