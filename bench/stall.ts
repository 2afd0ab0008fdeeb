/**
 * Prints the longest stall of the main thread while a 50 MiB blob in segments of 1 MiB is written to and read from
 * an embedded file, four times, and how long that took. Goal: no stall above 20 ms. What the machine itself stalls
 * a thread that does nothing is printed first.
 *
 *     node bench/stall.ts
 */

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../src/store/native/embedded.ts';

const SEGMENTS = 50;
const SEGMENT = 1024 * 1024;
const ROUNDS = 4;

/** Measures the longest time between two turns of the event loop until it is called again, in milliseconds. */
function watchTurns(): () => number {
  let longest = 0;
  let last = performance.now();
  let running = true;
  (function turn() {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(turn);
  })();
  return () => {
    running = false;
    return longest;
  };
}

async function measured(what: string, act: () => Promise<void>): Promise<number> {
  const started = performance.now();
  const stop = watchTurns();
  await act();
  const stall = stop();
  const took = performance.now() - started;
  console.log(`${what.padEnd(6)} ${took.toFixed(0).padStart(5)} ms, longest stall ${stall.toFixed(2)} ms`);
  return stall;
}

const dir = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
try {
  const db = await openEmbedded({ path: join(dir, 'bench.db') });
  await db.batch([{ sql: 'CREATE TABLE s (id INTEGER, n INTEGER, b BLOB, PRIMARY KEY (id, n))' }], 'write');
  await measured('idle', () => new Promise((resolve) => setTimeout(resolve, 500)));
  let worst = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // What a network would hand over; made beforehand, because making random bytes takes the main thread's time.
    const bodies = Array.from({ length: SEGMENTS }, () => new Uint8Array(randomBytes(SEGMENT)));
    const write = async () => {
      for (const [n, body] of bodies.entries()) {
        await db.batch([{ sql: 'INSERT INTO s VALUES (?, ?, ?)', args: [round, n, body] }], 'write');
      }
    };
    const read = async () => {
      for (let n = 0; n < SEGMENTS; n++) {
        await db.batch([{ sql: 'SELECT b FROM s WHERE id = ? AND n = ?', args: [round, n] }], 'read');
      }
    };
    worst = Math.max(worst, await measured('write', write), await measured('read', read));
  }
  console.log(`longest stall of the main thread: ${worst.toFixed(2)} ms (goal: 20 ms)`);
  await db.close();
} finally {
  await rm(dir, { recursive: true, force: true });
}
