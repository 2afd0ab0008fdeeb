/**
 * What a thread of readers and whoever watches it share: how far it has come, and the input that is under way. It lies
 * in memory of both, because a reader that never returns answers no question.
 */

/** No input is longer. */
export const MOST_INPUT_BYTES = 1024 * 1024;

const SEQUENCE = 0;
const LENGTH = 1;
const TICKET = 2;
const GO_ON = 3;
const WORDS = 4;
const HEADER_BYTES = WORDS * Int32Array.BYTES_PER_ELEMENT;

export type Shared = SharedArrayBuffer;

export const newShared = (): Shared => new SharedArrayBuffer(HEADER_BYTES + MOST_INPUT_BYTES);

/** How the thread tells. */
export class Heart {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(shared: Shared) {
    this.#words = new Int32Array(shared, 0, WORDS);
    this.#bytes = new Uint8Array(shared, HEADER_BYTES);
  }

  /** An input is given to a reader. */
  began(input: Uint8Array): void {
    if (input.length > MOST_INPUT_BYTES) throw new RangeError(`an input of ${input.length} bytes`);
    this.#bytes.set(input);
    Atomics.store(this.#words, LENGTH, input.length);
    Atomics.add(this.#words, SEQUENCE, 1);
  }

  /** It has returned. */
  ended(): void {
    Atomics.add(this.#words, SEQUENCE, 1);
  }

  /** Asks whether to go on, and waits for the answer. @param ask tells the other side that there is a question */
  mayGoOn(ask: () => void): boolean {
    const before = Atomics.load(this.#words, TICKET);
    ask();
    Atomics.wait(this.#words, TICKET, before);
    return Atomics.load(this.#words, GO_ON) === 1;
  }
}

/** What the watcher hears. */
export class Pulse {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(shared: Shared) {
    this.#words = new Int32Array(shared, 0, WORDS);
    this.#bytes = new Uint8Array(shared, HEADER_BYTES);
  }

  /** Another number whenever an input begins or ends; odd while one is under way. */
  get sequence(): number {
    return Atomics.load(this.#words, SEQUENCE);
  }

  /** A copy of the input that is under way, or of the last; undefined before the first. */
  last(): Uint8Array<ArrayBuffer> | undefined {
    if (this.sequence === 0) return undefined;
    return new Uint8Array(this.#bytes.slice(0, Atomics.load(this.#words, LENGTH)));
  }

  answer(goOn: boolean): void {
    Atomics.store(this.#words, GO_ON, goOn ? 1 : 0);
    Atomics.add(this.#words, TICKET, 1);
    Atomics.notify(this.#words, TICKET);
  }
}
