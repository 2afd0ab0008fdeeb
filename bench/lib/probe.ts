/**
 * Watches a server's main thread from inside, where nothing else can: `node --import …/probe.ts server.node.ts`.
 *
 * A timer ticks every 5 ms. What a tick comes late by is what the event loop was not there for: work of ours, of the
 * garbage collector, or of other programs on the same cores. How much of it this thread spent on a processor tells the
 * first two from the last. Each second a line of JSON is appended to the file that `SALLYPORT_BENCH_PROBE` names.
 */
import { appendFile } from 'node:fs/promises';
import { PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** What a second came to; times in milliseconds. */
export interface Second {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The latest tick, and what of the time before it this thread was on a processor for. */
  readonly late: number;
  readonly busy: number;
  /** The longest stop for garbage. */
  readonly garbage: number;
  /** Resident memory in bytes. */
  readonly rss: number;
}

const TICK_MS = 5;
const SECOND_MS = 1000;

/** Milliseconds that this thread has been on a processor for; 0 where the runtime does not tell. */
function onProcessor(): number {
  if (typeof process.threadCpuUsage !== 'function') return 0;
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function watch(path: string): void {
  let garbage = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) garbage = Math.max(garbage, duration);
  }).observe({ entryTypes: ['gc'] });
  let worst = { late: 0, busy: 0 };
  let last = performance.now();
  let before = onProcessor();
  setInterval(() => {
    const now = performance.now();
    const busy = onProcessor();
    const late = now - last - TICK_MS;
    if (late > worst.late) worst = { late, busy: busy - before };
    last = now;
    before = busy;
  }, TICK_MS).unref();
  setInterval(() => {
    const second: Second = { at: Date.now(), ...worst, garbage, rss: process.memoryUsage.rss() };
    worst = { late: 0, busy: 0 };
    garbage = 0;
    void appendFile(path, `${JSON.stringify(second)}\n`);
  }, SECOND_MS).unref();
}

const path = process.env.SALLYPORT_BENCH_PROBE;
if (isMainThread && path !== undefined) watch(path);
