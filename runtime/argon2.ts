/**
 * Argon2id for Node and Bun, away from the thread that answers requests: the runtime's own where it has one
 * (Node 24.7 and later, Bun), else WebAssembly in a worker thread. Both give the same bytes.
 */
import * as crypto from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Hasher } from '../src/core/deps.ts';
import { Fault } from '../src/core/faults.ts';
import type { Argon2id } from '../src/crypto/passwords.ts';
import type { HashAnswer, HashJob } from './argon2-worker.ts';

export type Argon2Engine = 'native' | 'wasm';

export interface NodeHasherOptions {
  /** How many may wait for their turn; one more is refused. A hash takes 20 to 50 ms of one core. */
  readonly maxQueued: number;
  /** How many run at a time; by default one less than the runtime's four pool threads and one less than cores. */
  readonly concurrency?: number;
  /** By default what this runtime has. `wasm` runs one at a time. */
  readonly engine?: Argon2Engine;
}

export interface NodeHasher extends Hasher {
  /** Refuses what waits and all that comes later, and stops the worker if there is one. */
  close(): Promise<void>;
}

/** The engine that this runtime has of itself. */
export function defaultEngine(): Argon2Engine {
  return typeof crypto.argon2 === 'function' ? 'native' : 'wasm';
}

/**
 * A hasher with one bounded queue, so that a flood of passwords costs its senders time instead of costing
 * everybody memory (19 MiB for each that runs). Rejects with the fault `service_busy` when the queue is full.
 */
export function nodeHasher(options: NodeHasherOptions): NodeHasher {
  const engine = options.engine ?? defaultEngine();
  // Other work needs the pool too (files, name look-ups) and a core to run on: hashing never takes all of either.
  const shared = Math.max(1, Math.min(availableParallelism() - 1, 3));
  const concurrency = engine === 'wasm' ? 1 : (options.concurrency ?? shared);
  const { run, stop } = engine === 'native' ? { run: native, stop: async () => undefined } : wasmWorker();

  let running = 0;
  let closed = false;
  const waiting: { start(): void; refuse(): void }[] = [];

  const argon2id: Argon2id = async (password, salt, cost) => {
    if (closed) throw busy();
    if (running >= concurrency) {
      if (waiting.length >= options.maxQueued) throw busy();
      // Whoever finishes hands its place over, so `running` stays as it is.
      await new Promise<void>((start, reject) => {
        waiting.push({ start, refuse: () => reject(busy()) });
      });
    } else {
      running += 1;
    }
    try {
      return await run(password, salt, cost);
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next.start();
    }
  };

  const close = async (): Promise<void> => {
    closed = true;
    for (const { refuse } of waiting.splice(0)) refuse();
    await stop();
  };

  return { argon2id, close };
}

function busy(): Fault {
  return new Fault('service_busy', { retryAfterSeconds: 1 });
}

const native: Argon2id = (message, nonce, cost) =>
  new Promise((resolve, reject) => {
    const { memoryKiB: memory, iterations: passes, parallelism, length: tagLength } = cost;
    crypto.argon2('argon2id', { message, nonce, parallelism, tagLength, memory, passes }, (error, hash) => {
      if (error === null || error === undefined) resolve(new Uint8Array(hash));
      else reject(error);
    });
  });

/** One worker, started with the first job and again after a crash; it keeps no process alive while idle. */
function wasmWorker(): { run: Argon2id; stop(): Promise<void> } {
  let worker: Worker | undefined;
  let lastId = 0;
  const pending = new Map<number, { resolve(hash: Uint8Array): void; reject(error: Error): void }>();

  const start = (): Worker => {
    const started = new Worker(new URL('./argon2-worker.ts', import.meta.url));
    const lost = (error: Error) => {
      if (worker !== started) return;
      worker = undefined;
      for (const job of pending.values()) job.reject(error);
      pending.clear();
    };
    started.on('message', (answer: HashAnswer) => {
      const job = pending.get(answer.id);
      pending.delete(answer.id);
      if (pending.size === 0) started.unref();
      if ('hash' in answer) job?.resolve(answer.hash);
      else job?.reject(new Error(`argon2id failed in its worker: ${answer.error}`));
    });
    started.on('error', lost);
    started.on('exit', () => lost(new Error('the argon2id worker ended')));
    return started;
  };

  const run: Argon2id = (password, salt, cost) =>
    new Promise((resolve, reject) => {
      worker ??= start();
      worker.ref();
      lastId += 1;
      const job: HashJob = { id: lastId, password, salt, cost };
      worker.postMessage(job);
      pending.set(lastId, { resolve, reject });
    });

  const stop = async (): Promise<void> => {
    await worker?.terminate();
  };

  return { run, stop };
}
