/**
 * Cuts what a source gives into the pieces that become chunks. The last piece of a stream says that it is the last,
 * so each is held back until it is known whether another comes: for a source that flows, until its next byte.
 */

export interface Piece {
  readonly bytes: Uint8Array;
  /** Milliseconds since the epoch: when its first byte was waited for, and when it was cut. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Nothing follows. */
  readonly final: boolean;
}

export interface Cutting {
  /** A piece has at most so many bytes. */
  readonly maxBytes: number;
  /** A piece lasts at most about so long; and nothing is held back for longer than that. */
  readonly maxMs: number;
  readonly now: () => number;
  /** Calls back after so many milliseconds. Answers how to prevent that. */
  readonly after: (ms: number, act: () => void) => () => void;
}

/**
 * Yields the pieces of `source` in order, all but the last with `final: false`. A source that ends right after a
 * piece had to be let go, or that is empty, ends with an empty piece: the end is always said.
 *
 * An error of the source is thrown after what came before it was yielded, and then there is no final piece.
 */
export async function* cutPieces(
  source: AsyncIterable<Uint8Array>,
  { maxBytes, maxMs, now, after }: Cutting,
): AsyncGenerator<Piece> {
  const iterator = source[Symbol.asyncIterator]();
  let gathered: Uint8Array[] = [];
  let size = 0;
  let startedAt = now();
  let held: Omit<Piece, 'final'> | undefined;
  let next: Promise<Step> | undefined;

  const cut = (): void => {
    // A clock that was set back must not make a piece end before it began.
    const endedAt = Math.max(startedAt, now());
    held = { bytes: joined(gathered, size), startedAt, endedAt };
    gathered = [];
    size = 0;
    startedAt = endedAt;
  };
  try {
    for (;;) {
      next ??= stepOf(iterator);
      const since = size > 0 ? startedAt : (held?.endedAt ?? Number.POSITIVE_INFINITY);
      const step = await within(next, since + maxMs - now(), after);
      if (step === 'time') {
        if (held !== undefined) {
          yield { ...held, final: false };
          held = undefined;
        } else if (size > 0) cut();
        continue;
      }
      next = undefined;
      if (step.kind === 'failed') {
        if (held !== undefined) yield { ...held, final: false };
        held = undefined;
        if (size > 0) cut();
        if (held !== undefined) yield { ...(held as Omit<Piece, 'final'>), final: false };
        throw step.error;
      }
      if (step.kind === 'end') break;
      let rest = step.bytes;
      while (rest.length > 0) {
        if (held !== undefined) {
          yield { ...held, final: false };
          held = undefined;
        }
        const part = rest.subarray(0, maxBytes - size);
        gathered.push(part);
        size += part.length;
        rest = rest.subarray(part.length);
        if (size === maxBytes || now() - startedAt >= maxMs) cut();
      }
    }
    if (size > 0) {
      if (held !== undefined) yield { ...held, final: false };
      cut();
    }
    if (held === undefined) cut();
    if (held !== undefined) yield { ...held, final: true };
  } finally {
    await iterator.return?.();
  }
}

type Step =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'failed'; readonly error: unknown };

function stepOf(iterator: AsyncIterator<Uint8Array>): Promise<Step> {
  return iterator.next().then(
    ({ done, value }): Step => (done === true ? { kind: 'end' } : { kind: 'bytes', bytes: value }),
    (error: unknown): Step => ({ kind: 'failed', error }),
  );
}

/** The step, or `time` when it takes longer than `ms`. */
function within(step: Promise<Step>, ms: number, after: Cutting['after']): Promise<Step | 'time'> {
  if (ms === Number.POSITIVE_INFINITY) return step;
  return new Promise((done) => {
    const prevent = after(Math.max(0, ms), () => done('time'));
    void step.then((value) => {
      prevent();
      done(value);
    });
  });
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
