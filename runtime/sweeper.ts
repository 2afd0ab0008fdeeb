/** Runs what has to be done again and again at its interval, one at a time. */
import type { Log } from '../src/core/deps.ts';
import { typeName } from './log.ts';

export interface Sweeper {
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
  let running = Promise.resolve();
  const run = async () => {
    try {
      await sweep(() => stopped);
    } catch (error) {
      log.write('error', `${name} failed`, { error_type: typeName(error) });
    }
    if (!stopped) timer = setTimeout(begin, intervalMs);
  };
  const begin = () => {
    running = run();
  };
  if (!stopped) begin();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
