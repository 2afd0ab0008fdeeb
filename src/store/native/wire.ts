/**
 * How batches and what they came to travel between threads: as one flat array and one run of bytes. Both threads pay
 * for every object that is cloned, and for every text; an object for each statement, row and small blob costs them
 * four times as much as this. What repeats, SQL and column names, is sent once and by its number from then on.
 *
 * Values stand for themselves, but for small blobs: `true`, and then how many of the run's next bytes it has. No
 * boolean is ever bound or answered.
 */

import type { DbErrorKind, ResultSet, SqlValue, Statement } from '../db.ts';
import { type Answer, addMovable, type Outcome, type Packed, type WireBatch } from './protocol.ts';

/** Blobs of at most this many bytes travel in the run: whoever keeps one keeps the run that it lies in. */
const PACKED_BYTES = 4096;
/** How many texts are sent by number. The code's own are a few hundred; what comes after that many is sent whole. */
const NUMBERED = 1024;

/** A message's flat form. It goes with the buffers of `moved`, which the sender has no more then. */
export interface Packet extends Packed {
  readonly moved: ArrayBuffer[];
}

const NOTHING = new Uint8Array(0);

class Writer {
  readonly values: unknown[] = [];
  readonly #blobs: Uint8Array[] = [];
  readonly #moved = new Set<ArrayBuffer>();
  #size = 0;

  value(value: SqlValue): void {
    if (value instanceof Uint8Array) this.#blob(value);
    else this.values.push(value);
  }

  #blob(blob: Uint8Array<ArrayBuffer>): void {
    if (blob.length > PACKED_BYTES) {
      addMovable(this.#moved, blob);
      this.values.push(blob);
      return;
    }
    this.values.push(true, blob.length);
    this.#blobs.push(blob);
    this.#size += blob.length;
  }

  packet(): Packet {
    const moved = [...this.#moved];
    if (this.#size === 0) return { values: this.values, bytes: NOTHING, moved };
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const blob of this.#blobs) {
      bytes.set(blob, at);
      at += blob.length;
    }
    moved.push(bytes.buffer);
    return { values: this.values, bytes, moved };
  }
}

/** Reads what a {@link Writer} wrote, in its order. */
class Reader {
  readonly #values: readonly unknown[];
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;
  #used = 0;

  constructor({ values, bytes }: Packed) {
    this.#values = values;
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at >= this.#values.length;
  }

  /** What the other side put here: both sides are ours, and of one version. */
  next<T>(): T {
    const value = this.#values[this.#at] as T;
    this.#at += 1;
    return value;
  }

  value(): SqlValue {
    const value = this.next<SqlValue | true>();
    if (value !== true) return value;
    const length = this.next<number>();
    const blob = this.#bytes.subarray(this.#used, this.#used + length);
    this.#used += length;
    return blob;
  }

  several(count: number): SqlValue[] {
    const values: SqlValue[] = [];
    for (let i = 0; i < count; i += 1) values.push(this.value());
    return values;
  }
}

/** Texts that one side numbers as it first sends them, and the other side as it first reads them. */
class SentTexts {
  readonly #numbers = new Map<string, number>();

  /** @returns its number; undefined where there are too many */
  write(to: Writer, text: string): number | undefined {
    const known = this.#numbers.get(text);
    to.values.push(known ?? text);
    if (known !== undefined || this.#numbers.size >= NUMBERED) return known;
    const number = this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }

  /** How many have a number. */
  get size(): number {
    return this.#numbers.size;
  }

  /** Forgets all but the first `size`. */
  cutTo(size: number): void {
    for (const text of [...this.#numbers.keys()].slice(size)) this.#numbers.delete(text);
  }
}

class ReadTexts<T> {
  readonly #texts: T[] = [];
  readonly #meaning: (text: string) => T;

  constructor(meaning: (text: string) => T) {
    this.#meaning = meaning;
  }

  read(from: Reader): T {
    const sent = from.next<number | string>();
    if (typeof sent === 'number') return this.#texts[sent] as T;
    const meant = this.#meaning(sent);
    if (this.#texts.length < NUMBERED) this.#texts.push(meant);
    return meant;
  }
}

export interface BatchWriter {
  /** Writes batches. */
  pack(batches: readonly WireBatch[]): Packet;
  /** The last packet never left: what was numbered in it is not known on the other side. */
  takeBack(): void;
}

/** The sending side of one thread: texts that it has sent once go by number from then on. */
export function batchWriter(): BatchWriter {
  const texts = new SentTexts();
  let before = 0;

  return {
    pack(batches) {
      before = texts.size;
      const to = new Writer();
      for (const { id, mode, bytes, statements } of batches) {
        to.values.push(id, mode, bytes, statements.length);
        for (const { sql, args = [] } of statements) {
          texts.write(to, sql);
          to.values.push(args.length);
          for (const value of args) to.value(value);
        }
      }
      return to.packet();
    },
    takeBack: () => texts.cutTo(before),
  };
}

/** @returns what reads batches, of one {@link batchWriter} */
export function batchReader(): (packed: Packed) => WireBatch[] {
  const texts = new ReadTexts((text) => text);

  return (packed) => {
    const from = new Reader(packed);
    const batches: WireBatch[] = [];
    while (!from.ended) {
      const id = from.next<number>();
      const mode = from.next<WireBatch['mode']>();
      const bytes = from.next<number>();
      const statements: Statement[] = [];
      for (let left = from.next<number>(); left > 0; left -= 1)
        statements.push({ sql: texts.read(from), args: from.several(from.next<number>()) });
      batches.push({ id, mode, bytes, statements });
    }
    return batches;
  };
}

/** Where the number of results stands: there are none, but a refusal. */
const REFUSED = -1;

/** @returns what writes answers */
export function answerWriter(): (answers: readonly Answer[]) => Packet {
  const texts = new SentTexts();
  // A prepared statement answers with the same list each time.
  const known = new WeakMap<readonly string[], number>();

  function columns(to: Writer, names: readonly string[]): void {
    const seen = known.get(names);
    if (seen !== undefined) {
      to.values.push(seen);
      return;
    }
    const number = texts.write(to, JSON.stringify(names));
    if (number !== undefined) known.set(names, number);
  }

  return (answers) => {
    const to = new Writer();
    for (const { id, outcome } of answers) {
      if ('error' in outcome) {
        const { kind, message, code } = outcome.error;
        to.values.push(id, REFUSED, kind, message, code ?? null);
        continue;
      }
      to.values.push(id, outcome.results.length);
      for (const result of outcome.results) {
        columns(to, result.columns);
        // Right after the schema changed, rows may be wider than the list that is known of their names.
        to.values.push(result.changes, result.rows.length, result.rows[0]?.length ?? 0);
        for (const row of result.rows) for (const value of row) to.value(value);
      }
    }
    return to.packet();
  };
}

/** @returns what reads answers, of one {@link answerWriter} */
export function answerReader(): (packed: Packed) => Answer[] {
  const columns = new ReadTexts((text) => JSON.parse(text) as readonly string[]);

  function outcome(from: Reader): Outcome {
    const sets = from.next<number>();
    if (sets === REFUSED) {
      const kind = from.next<DbErrorKind>();
      const message = from.next<string>();
      return { error: { kind, message, code: from.next<string | null>() ?? undefined } };
    }
    const results: ResultSet[] = [];
    while (results.length < sets) {
      const names = columns.read(from);
      const changes = from.next<number>();
      const count = from.next<number>();
      const width = from.next<number>();
      const rows: SqlValue[][] = [];
      while (rows.length < count) rows.push(from.several(width));
      results.push({ columns: names, rows, changes });
    }
    return { results };
  }

  return (packed) => {
    const from = new Reader(packed);
    const answers: Answer[] = [];
    while (!from.ended) answers.push({ id: from.next<number>(), outcome: outcome(from) });
    return answers;
  };
}
