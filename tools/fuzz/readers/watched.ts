/**
 * Readers as targets, watched: they run in a thread of their own, and an input with which one does not come back, or
 * takes the memory of all, is a find like any other. It ends the thread, and the run.
 */
import { Worker } from 'node:worker_threads';
import { Broken, type Budget, type Find, type Outcome, type Target } from '../target.ts';
import { newShared, Pulse, type Shared } from './heartbeat.ts';
import type { Reader } from './reader.ts';

export interface ThreadStart {
  /** URL of the module that exports `readers`. */
  readonly module: string;
  readonly shared: Shared;
}

export interface Order {
  readonly name: string;
  readonly guided: boolean;
  readonly work:
    | { readonly kind: 'fuzz'; readonly seed: number }
    | { readonly kind: 'replay'; readonly input: unknown };
}

export type FromThread =
  | { readonly kind: 'more'; readonly runs: number }
  | { readonly kind: 'progress'; readonly runs: number; readonly about: string | undefined }
  | { readonly kind: 'done'; readonly outcome: Outcome }
  /** What a replay came to, or a defect of the fuzzer. */
  | { readonly kind: 'failed'; readonly message: string };

export interface Bounds {
  /** Processor time of the process in which one input may be under way: others of its threads count too. */
  readonly processorMs: number;
  /** For an input that waits and does not work. Far longer: on a busy machine one that works waits too. */
  readonly waitingMs: number;
  /** What the thread's heap may hold. */
  readonly heapMib: number;
  /** How much the process may grow while an input is under way. */
  readonly growthMib: number;
}

const BOUNDS: Bounds = { processorMs: 20_000, waitingMs: 600_000, heapMib: 1024, growthMib: 2048 };
const LOOK_EVERY_MS = 250;
const MIB = 1024 * 1024;

/** Looks at one input for as long as it is under way. */
class Watch {
  readonly #pulse: Pulse;
  readonly #bounds: Bounds;
  #sequence = -1;
  #processor = 0;
  #since = 0;
  #memory = 0;
  #lastMemory = process.memoryUsage.rss();

  constructor(pulse: Pulse, bounds: Bounds) {
    this.#pulse = pulse;
    this.#bounds = bounds;
  }

  /** What is wrong with the input that is under way; undefined as long as nothing is. */
  look(): string | undefined {
    const { sequence } = this.#pulse;
    const { user, system } = process.cpuUsage();
    const processor = (user + system) / 1000;
    const memory = process.memoryUsage.rss();
    const before = this.#lastMemory;
    this.#lastMemory = memory;
    const now = performance.now();
    if (sequence !== this.#sequence || sequence % 2 === 0) {
      this.#sequence = sequence;
      this.#processor = processor;
      this.#since = now;
      // Of the look before: this input may have taken all that it takes already.
      this.#memory = before;
      return undefined;
    }
    const worked = Math.round(processor - this.#processor);
    if (worked > this.#bounds.processorMs) return `does not return: ${worked} ms of processor time so far`;
    const waited = Math.round(now - this.#since);
    if (waited > this.#bounds.waitingMs) return `does not return: it waits for ${waited} ms`;
    const grown = Math.round((memory - this.#memory) / MIB);
    return grown > this.#bounds.growthMib ? `takes ${grown} MiB of memory` : undefined;
  }
}

/** How an order ended: by itself, or with the thread. */
type End = Outcome | { readonly broken: string; readonly input: Uint8Array<ArrayBuffer> | undefined };

/** One thread that serves order after order, begun with the first and again after each that it did not survive. */
export class ReaderThread {
  readonly #module: string;
  readonly #bounds: Bounds;
  #running: { readonly worker: Worker; readonly pulse: Pulse } | undefined;

  /** @param module URL of the module that exports `readers` */
  constructor(module: URL, bounds: Partial<Bounds> = {}) {
    this.#module = module.href;
    this.#bounds = { ...BOUNDS, ...bounds };
  }

  #begin() {
    const shared = newShared();
    const start: ThreadStart = { module: this.#module, shared };
    const worker = new Worker(new URL('./thread.ts', import.meta.url), {
      name: 'fuzz-readers',
      workerData: start,
      resourceLimits: { maxOldGenerationSizeMb: this.#bounds.heapMib },
    });
    // It lives as long as somebody waits for it.
    worker.unref();
    return { worker, pulse: new Pulse(shared) };
  }

  async #carryOut(order: Order, budget: Budget | undefined): Promise<End> {
    this.#running ??= this.#begin();
    const { worker, pulse } = this.#running;
    const { promise, resolve, reject } = Promise.withResolvers<End>();
    const lost = (broken: string) => {
      const input = pulse.last();
      this.#running = undefined;
      if (input === undefined && order.work.kind === 'fuzz') reject(new Error(broken));
      else resolve({ broken, input });
    };
    const hear = (message: FromThread) => {
      if (message.kind === 'more') pulse.answer(budget?.more(message.runs) ?? false);
      if (message.kind === 'progress') budget?.progress(message.runs, message.about);
      if (message.kind === 'done') resolve(message.outcome);
      if (message.kind === 'failed' && order.work.kind === 'fuzz') reject(new Error(message.message));
      else if (message.kind === 'failed') resolve({ broken: message.message, input: undefined });
    };
    const failed = (error: Error & { code?: string }) =>
      lost(
        error.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? `takes more than ${this.#bounds.heapMib} MiB of heap`
          : `ends the thread: ${error.stack ?? error.message}`,
      );
    const exited = () => lost('waits for what never comes');
    worker.on('message', hear).on('error', failed).on('exit', exited);
    const watch = new Watch(pulse, this.#bounds);
    const timer = setInterval(() => {
      const trouble = watch.look();
      if (trouble === undefined) return;
      worker.off('exit', exited);
      lost(trouble);
      void worker.terminate();
    }, LOOK_EVERY_MS);
    try {
      worker.postMessage(order);
      return await promise;
    } finally {
      clearInterval(timer);
      worker.off('message', hear).off('error', failed).off('exit', exited);
      worker.unref();
    }
  }

  /** A reader of the module, to be fuzzed and replayed in this thread. */
  target({ name, summary }: Pick<Reader, 'name' | 'summary'>, guided = true): Target {
    return {
      name,
      unit: 'inputs',
      summary,
      runs: 20_000,
      fuzz: async (budget) => {
        let runs = 0;
        const counting: Budget = {
          ...budget,
          more: (done) => {
            runs = done;
            return budget.more(done);
          },
        };
        const { seed } = budget;
        const end = await this.#carryOut({ name, guided, work: { kind: 'fuzz', seed } }, counting);
        if (!('broken' in end)) return end;
        const base64 = Buffer.from(end.input ?? []).toString('base64');
        const find: Find = { target: name, seed, input: { base64 }, message: end.broken };
        return { runs, find };
      },
      replay: async (input) => {
        const end = await this.#carryOut({ name, guided: false, work: { kind: 'replay', input } }, undefined);
        if ('broken' in end) throw new Broken(end.broken);
      },
    };
  }
}
