/**
 * One at a time, by key. Guesses of one peer at one paste wait for each other, so that a burst cannot try more
 * passwords than the count allows before the first failure is written down.
 */
export interface Turns {
  /** Runs `task` when every earlier task with the same key has ended, whatever became of it. */
  take<T>(key: string, task: () => Promise<T>): Promise<T>;
}

/** @see Turns. It holds one entry a key in use, so no more than there are requests in flight. */
export function keyedTurns(): Turns {
  const last = new Map<string, Promise<void>>();
  return {
    async take(key, task) {
      const before = last.get(key);
      let done: () => void = () => {};
      const mine = new Promise<void>((resolve) => {
        done = resolve;
      });
      last.set(key, mine);
      try {
        await before;
        return await task();
      } finally {
        done();
        if (last.get(key) === mine) last.delete(key);
      }
    },
  };
}
