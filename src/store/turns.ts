/** At most so many at once; the others wait in order. */

export interface Turns {
  /**
   * Waits for a turn and answers what ends it. Rejects with the signal's reason if it aborts before the turn came,
   * which is then not used up.
   */
  take(signal: AbortSignal): Promise<() => void>;
}

/** @param atOnce how many may have a turn at a time */
export function createTurns(atOnce: number): Turns {
  let free = atOnce;
  // A Set keeps the order of insertion, and a waiter that gives up leaves it from anywhere.
  const waiting = new Set<() => void>();

  function end(): void {
    const [next] = waiting;
    if (next === undefined) {
      free += 1;
    } else {
      waiting.delete(next);
      next();
    }
  }

  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free -= 1;
      } else {
        const turn = Promise.withResolvers<void>();
        const abort = () => {
          if (waiting.delete(turn.resolve)) turn.reject(signal.reason);
        };
        waiting.add(turn.resolve);
        signal.addEventListener('abort', abort, { once: true });
        try {
          await turn.promise;
        } finally {
          signal.removeEventListener('abort', abort);
        }
      }
      return end;
    },
  };
}
