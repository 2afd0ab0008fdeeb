/**
 * Byte streams inside the sealed format: pulled one piece at a time, nothing buffered beyond one piece, so that
 * a reader's pace is the pace of everything before it.
 */

/** Where bytes come from. A Uint8Array is one piece; an async iterable may be a file, a pipe or a generator. */
export type SealedSource = Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

export type Bytes = Uint8Array<ArrayBuffer>;

/** A pulled byte stream. One `read` at a time; undefined is the end; empty pieces may occur. */
export interface Pull {
  /** The next piece. It may be overwritten by the next `read`. */
  read(): Promise<Bytes | undefined>;
  /** Lets go of what is behind; no `read` afterwards. Safe to call twice and while a `read` waits. */
  cancel(reason: unknown): Promise<void>;
}

/** Starts to pull from what a caller handed in. Rejects in `read` with a TypeError for pieces of another type. */
export function pullFrom(source: SealedSource): Pull {
  if (source instanceof Uint8Array) return pullOnce(source);
  if (source instanceof ReadableStream) {
    const reader = source.getReader();
    return {
      read: async () => {
        const { done, value } = await reader.read();
        return done ? undefined : unshared(value);
      },
      cancel: (reason) => reader.cancel(reason),
    };
  }
  const iterator = source[Symbol.asyncIterator]();
  return {
    read: async () => {
      const { done, value } = await iterator.next();
      return done === true ? undefined : unshared(value);
    },
    cancel: async () => {
      await iterator.return?.();
    },
  };
}

function pullOnce(bytes: Uint8Array): Pull {
  let rest: Uint8Array | undefined = bytes;
  return {
    read: async () => {
      const piece = rest;
      rest = undefined;
      return piece === undefined ? undefined : unshared(piece);
    },
    cancel: async () => {
      rest = undefined;
    },
  };
}

/** WebCrypto refuses memory shared between threads; such a piece is copied, any other passes as it is. */
function unshared(piece: Uint8Array): Bytes {
  if (!(piece instanceof Uint8Array)) throw new TypeError('a stream of bytes must yield Uint8Array');
  return piece.buffer instanceof ArrayBuffer ? (piece as Bytes) : new Uint8Array(piece);
}

/** A web stream over `pull`, which reads nothing before it is asked to. */
export function streamOf(pull: Pull): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        try {
          let piece = await pull.read();
          while (piece?.length === 0) piece = await pull.read();
          if (piece === undefined) controller.close();
          else controller.enqueue(piece);
        } catch (error) {
          await pull.cancel(error).catch(() => undefined);
          throw error;
        }
      },
      cancel: (reason) => pull.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** A run of bytes of a wanted length, or less at the end. */
export interface Run {
  readonly bytes: Bytes;
  /** True when nothing follows. */
  readonly last: boolean;
}

/**
 * Cuts a pulled stream into runs, looking one byte ahead. Copies only what straddles two pieces.
 *
 * A copied run is valid for the next `lifetime` takes, since its memory comes round again; one that was not
 * copied, for as long as the source leaves its piece alone.
 */
export class Cutter {
  readonly #source: Pull;
  readonly #longest: number;
  readonly #lifetime: number;
  readonly #ring: Bytes[] = [];
  #turn = 0;
  #piece: Bytes = new Uint8Array(0);
  #offset = 0;

  /** @param longest the longest run that will be asked for, in bytes */
  constructor(source: Pull, longest: number, lifetime: number) {
    this.#source = source;
    this.#longest = longest;
    this.#lifetime = lifetime;
  }

  async take(length: number): Promise<Run> {
    if (this.#piece.length - this.#offset > length) {
      const bytes = this.#piece.subarray(this.#offset, this.#offset + length);
      this.#offset += length;
      return { bytes, last: false };
    }
    const assembled = this.#nextBuffer();
    let filled = 0;
    while (filled < length) {
      if (this.#offset === this.#piece.length && !(await this.#advance())) break;
      const part = this.#piece.subarray(this.#offset, this.#offset + length - filled);
      assembled.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
    }
    const last = this.#offset === this.#piece.length && !(await this.#advance());
    return { bytes: assembled.subarray(0, filled), last };
  }

  cancel(reason: unknown): Promise<void> {
    return this.#source.cancel(reason);
  }

  #nextBuffer(): Bytes {
    const turn = this.#turn;
    this.#turn = (turn + 1) % (this.#lifetime + 1);
    this.#ring[turn] ??= new Uint8Array(this.#longest);
    return this.#ring[turn];
  }

  /** Reads the next piece that is not empty; false at the end. */
  async #advance(): Promise<boolean> {
    for (;;) {
      const piece = await this.#source.read();
      if (piece === undefined) return false;
      if (piece.length === 0) continue;
      this.#piece = piece;
      this.#offset = 0;
      return true;
    }
  }
}
