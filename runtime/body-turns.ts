/**
 * One large piece of a body in each turn of the event loop. A piece is hashed and looked at as it is taken: were all
 * that have arrived taken in one turn, whoever has many uploads under way would decide how long everybody else waits.
 */

/** Smaller pieces are taken as they come: the bodies of most requests are one of these. */
const LARGE_FROM_BYTES = 16 * 1024;

export class BodyTurns {
  #taken = false;
  #awaited = false;
  /** First come, first served. No longer than there are connections. */
  readonly #waiting: (() => void)[] = [];

  /** Whether a piece of so many bytes has to wait for another turn. */
  late(bytes: number): boolean {
    return this.#taken && bytes >= LARGE_FROM_BYTES;
  }

  /** A piece of so many bytes was taken in this turn. */
  took(bytes: number): void {
    if (bytes < LARGE_FROM_BYTES) return;
    this.#taken = true;
    this.#await();
  }

  /** Resolves in a turn in which no large piece has been taken yet. */
  turn(): Promise<void> {
    this.#await();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #await(): void {
    if (this.#awaited) return;
    this.#awaited = true;
    setImmediate(this.#begin);
  }

  readonly #begin = (): void => {
    this.#awaited = false;
    this.#taken = false;
    this.#waiting.shift()?.();
    if (this.#waiting.length > 0) this.#await();
  };
}
