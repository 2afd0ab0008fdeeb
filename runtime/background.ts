/** Tasks that go on after their request was answered: bounded, and finished before the process ends. */
import type { Deps, Log } from '../src/core/deps.ts';
import { errorFields } from '../src/core/faults.ts';

export interface Background {
  readonly run: Deps['background'];
  /** Waits for what is under way. */
  finish(): Promise<void>;
}

/** More than this many at once, and a new one is dropped, with a line in the log. */
const MOST = 1000;

/** What a task costs must not show in the time of the answer that it follows. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

export function background(log: Log): Background {
  const underWay = new Set<Promise<void>>();
  return {
    run(name, task) {
      if (underWay.size >= MOST) {
        log.write('warn', 'a background task was dropped: too many are under way', { task: name });
        return;
      }
      const run = nextTurn()
        .then(task)
        .catch((error: unknown) =>
          log.write('warn', 'a background task failed', { task: name, ...errorFields(error) }),
        )
        .finally(() => underWay.delete(run));
      underWay.add(run);
    },
    async finish() {
      await Promise.all(underWay);
    },
  };
}
