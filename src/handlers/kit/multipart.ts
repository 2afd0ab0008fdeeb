/**
 * multipart/form-data (RFC 7578, RFC 2046 §5.1) as a stream: nothing is kept but the head of the current part. The
 * search for the boundary is multipasta's; what stands between the boundaries is read here, strictly.
 */
import { make as search } from 'multipasta/Search';
import { Fault } from '../../core/faults.ts';
import { utf8 } from '../../crypto/hash.ts';
import type { Bytes } from '../../store/store.ts';
import { type PartHead, partHead } from './part-head.ts';

/** What a form consists of, in order: the data after a part's head belongs to that part. */
export type FormEvent =
  | { readonly kind: 'part'; readonly head: PartHead }
  | { readonly kind: 'data'; readonly bytes: Bytes };

/** Longer heads than any client writes; a file name has at most a few hundred bytes. */
const HEAD_MOST_BYTES = 8 * 1024;
const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;

const malformed = () => new Fault('invalid_multipart');

/** Where an empty line ends, from `from` on, as the offset after it; -1 where there is none yet. */
function afterEmptyLine(bytes: Uint8Array, length: number, from: number): number {
  for (let at = Math.max(0, from); at + 3 < length; at += 1) {
    if (bytes[at] === CR && bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF)
      return at + 4;
  }
  return -1;
}

/** Turns the pieces between boundaries into events. */
class FormReader {
  readonly #emit: (event: FormEvent) => void;
  readonly #head = new Uint8Array(HEAD_MOST_BYTES);
  #headLength = 0;
  /** How many boundaries came by. */
  #delimiters = 0;
  #section: 'preamble' | 'head' | 'body' | 'epilogue' = 'preamble';

  constructor(emit: (event: FormEvent) => void) {
    this.#emit = emit;
  }

  /** Bytes after the delimiter with this number, counted from 1; never none. */
  piece(delimiters: number, bytes: Bytes): void {
    if (this.#section === 'epilogue' || delimiters === 0) return;
    if (delimiters !== this.#delimiters) {
      // A head that was not over, or a delimiter that nothing followed before the next one.
      if (this.#section === 'head' || delimiters !== this.#delimiters + 1) throw malformed();
      this.#delimiters = delimiters;
      this.#section = 'head';
      this.#headLength = 0;
    }
    const data = this.#section === 'head' ? this.#readHead(bytes) : bytes;
    if (data.length > 0) this.#emit({ kind: 'data', bytes: data });
  }

  /** All bytes went by. */
  end(): void {
    const { dashes, length } = this.#closing();
    if (this.#section !== 'epilogue' && !(this.#section === 'head' && dashes && length === 2))
      throw malformed();
  }

  #closing() {
    const [first, second, third] = this.#head;
    return { dashes: first === DASH && second === DASH, third, length: this.#headLength };
  }

  /** Takes what belongs to the head, and returns what comes after it. */
  #readHead(bytes: Bytes): Bytes {
    const before = this.#headLength;
    const taken = bytes.subarray(0, HEAD_MOST_BYTES - before);
    this.#head.set(taken, before);
    this.#headLength = before + taken.length;
    const { dashes, third, length } = this.#closing();
    if (length < 3) return bytes.subarray(bytes.length);
    if (dashes) {
      // The closing delimiter ends its line like any other. Else a nested boundary could be taken for ours.
      if (third !== CR && third !== 0x20 && third !== 0x09) throw malformed();
      this.#section = 'epilogue';
      return bytes.subarray(bytes.length);
    }
    const end = afterEmptyLine(this.#head, length, before - 3);
    if (end === -1) {
      if (length === HEAD_MOST_BYTES) throw malformed();
      return bytes.subarray(bytes.length);
    }
    this.#emit({ kind: 'part', head: partHead(this.#head.subarray(0, end - 4)) });
    this.#section = 'body';
    return bytes.subarray(end - before);
  }
}

/**
 * The parts of a body in order. Reads on only when the consumer asks for more, so that its pace is the sender's.
 * What comes before the first boundary and after the last is passed over; the source bounds both.
 *
 * @throws Fault `invalid_multipart`, after everything before the flaw was given out, and what the source throws
 */
export async function* formEvents(
  source: AsyncIterable<Bytes>,
  boundary: string,
): AsyncGenerator<FormEvent, void, void> {
  let events: FormEvent[] = [];
  const reader = new FormReader((event) => events.push(event));
  const { write, end } = search(`\r\n--${boundary}`, (index, bytes) => reader.piece(index, bytes as Bytes));
  // How a body is cut into pieces must not decide which of its flaws is told.
  const after = function* (step: () => void) {
    let flaw: unknown;
    try {
      step();
    } catch (error) {
      flaw = error;
    }
    yield* events;
    events = [];
    if (flaw !== undefined) throw flaw;
  };
  // The first boundary may stand at the very beginning, where no line ends before it.
  write(utf8('\r\n'));
  for await (const chunk of source) yield* after(() => write(chunk));
  yield* after(() => {
    end();
    reader.end();
  });
}
