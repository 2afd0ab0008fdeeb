/** What must not stay behind when a person presses Ctrl-C. */

const pending = new Set<() => void>();
const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs `undo`, which must be synchronous, if the process is interrupted before the returned function is called. */
export function onInterrupt(undo: () => void): () => void {
  pending.add(undo);
  return () => {
    pending.delete(undo);
  };
}

/** Call once. Ends with 128 and the signal's number, as shells expect. */
export function watchSignals(): void {
  for (const [signal, code] of Object.entries(CODES)) {
    process.on(signal, () => {
      for (const undo of pending) {
        try {
          undo();
        } catch {
          // The others still deserve their turn.
        }
      }
      process.exit(code);
    });
  }
}
