/**
 * One at a time, by key, on a runtime that may end a request at any moment without running what stands in its
 * `finally`: nobody waits for ever for somebody who is gone. Turns are those of one isolate.
 */
import { Fault } from '../../src/core/faults.ts';
import type { Turns } from '../../src/core/turns.ts';

export interface EdgeTurnsOptions {
  /** How many may wait for one key; one more is refused. */
  readonly maxWaiting: number;
  /** How long one waits, in milliseconds, before it is refused. */
  readonly patienceMs: number;
  /** Whoever has had a turn for longer is taken for gone. Longer than a request may take. */
  readonly longestMs: number;
  /** Milliseconds since the epoch. */
  now(): number;
}

interface Held {
  since: number;
  /** In the order in which they came. */
  readonly waiting: Set<() => void>;
}

/**
 * @see Turns. `take` rejects with the fault `service_busy` when too many wait, or its turn does not come.
 */
export function edgeTurns({ maxWaiting, patienceMs, longestMs, now }: EdgeTurnsOptions): Turns {
  const turns = new Map<string, Held>();
  const busy = () => new Fault('service_busy', { retryAfterSeconds: 1 });

  /** Waits in line. The timer also tells the runtime that this request still has something to wait for. */
  const comesTo = (held: Held): Promise<void> =>
    new Promise((resolve, reject) => {
      const mine = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        held.waiting.delete(mine);
        reject(busy());
      }, patienceMs);
      held.waiting.add(mine);
    });

  const end = (key: string, held: Held) => {
    const [next] = held.waiting;
    if (next !== undefined) {
      held.waiting.delete(next);
      held.since = now();
      next();
    } else if (turns.get(key) === held) turns.delete(key);
  };

  return {
    async take(key, task) {
      let held = turns.get(key);
      if (held !== undefined && now() - held.since <= longestMs) {
        if (held.waiting.size >= maxWaiting) throw busy();
        await comesTo(held);
      } else {
        // Those who wait for somebody who is gone are refused in time; whoever comes now waits for this one.
        held = { since: now(), waiting: new Set() };
        turns.set(key, held);
      }
      try {
        return await task();
      } finally {
        end(key, held);
      }
    },
  };
}
