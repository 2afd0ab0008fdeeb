/** Runs what has to be done again and again at its interval, one at a time. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '../src/core/deps.ts';
import { errorFields } from '../src/core/faults.ts';

/** The longest pause, in milliseconds: whoever stops a round may wait for it. */
const LONGEST_PAUSE_MS = 200;

/**
 * Pauses for work that nobody waits for, each as long as what was done since the one before: it leaves half of the
 * machine to whoever asks for something meanwhile.
 */
export function pausesAsLong(): () => Promise<void> {
  let since = performance.now();
  return async () => {
    await wait(Math.min(performance.now() - since, LONGEST_PAUSE_MS));
    since = performance.now();
  };
}

export interface Sweeper {
  /** The next round begins now, or right after the one that is under way. */
  wake(): void;
  /** No further round begins, the present one is told to end early, and the promise waits for it. */
  stop(): Promise<void>;
}

/**
 * Starts it. The first round begins at once, what follows `intervalMs` after the end of the one before.
 * A round that fails is logged by its name and the type of the error, and tried again at the next time.
 * @param intervalMs 0 turns it off
 */
export function startSweeper(
  sweep: (stop: () => boolean) => Promise<unknown>,
  intervalMs: number,
  log: Log,
  name = 'sweep',
): Sweeper {
  let stopped = intervalMs === 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let woken = false;
  let running = Promise.resolve();
  const run = async () => {
    try {
      await sweep(() => stopped);
    } catch (error) {
      log.write('error', `${name} failed`, errorFields(error));
    }
    if (!stopped) timer = setTimeout(begin, woken ? 0 : intervalMs);
  };
  const begin = () => {
    timer = undefined;
    woken = false;
    running = run();
  };
  if (!stopped) begin();
  return {
    wake() {
      woken = true;
      if (stopped || timer === undefined) return;
      clearTimeout(timer);
      begin();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
