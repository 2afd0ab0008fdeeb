/**
 * How batches and what they came to travel between threads: as one flat array and one run of bytes. Both threads pay
 * for every object that is cloned, and for every text; an object for each statement, row and small blob costs them
 * four times as much as this. What repeats, SQL and column names, is sent once and by its number from then on.
 *
 * Values stand for themselves, but for small blobs: `true`, and then how many of the run's next bytes it has. No
 * boolean is ever bound or answered.
 */

import type { DbErrorKind, ResultSet, SqlValue, Statement } from '../db.ts';
import { type Answer, addMovable, type Outcome, type WireBatch } from './protocol.ts';

/** Blobs of at most this many bytes travel in the run: whoever keeps one keeps the run that it lies in. */
const PACKED_BYTES = 4096;
/** How many texts are sent by number. The code's own are a few hundred; what comes after that many is sent whole. */
const NUMBERED = 1024;

/** A message's flat form. It goes with the buffers of `moved`, which the sender has no more then. */
export interface Packet {
  readonly values: readonly unknown[];
  readonly bytes: Uint8Array<ArrayBuffer>;
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

  constructor({ values, bytes }: Pick<Packet, 'values' | 'bytes'>) {
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

export interface BatchWriter {
  /** Writes batches. */
  pack(batches: readonly WireBatch[]): Packet;
  /** The last packet never left: what was numbered in it is not known on the other side. */
  takeBack(): void;
}

/** The side that asks. It numbers the texts of SQL as it first sends them; the other side counts along. */
export function batchWriter(): BatchWriter {
  const numbers = new Map<string, number>();
  let fresh: string[] = [];

  function text(to: Writer, sql: string): void {
    const number = numbers.get(sql);
    to.values.push(number ?? sql);
    if (number !== undefined || numbers.size >= NUMBERED) return;
    numbers.set(sql, numbers.size);
    fresh.push(sql);
  }

  return {
    pack(batches) {
      fresh = [];
      const to = new Writer();
      for (const { id, mode, bytes, statements } of batches) {
        to.values.push(id, mode, bytes, statements.length);
        for (const { sql, args = [] } of statements) {
          text(to, sql);
          to.values.push(args.length);
          for (const value of args) to.value(value);
        }
      }
      return to.packet();
    },
    takeBack() {
      for (const sql of fresh) numbers.delete(sql);
      fresh = [];
    },
  };
}

/** @returns what reads batches, of one {@link batchWriter} */
export function batchReader(): (packet: Pick<Packet, 'values' | 'bytes'>) => WireBatch[] {
  const texts: string[] = [];

  function text(from: Reader): string {
    const sent = from.next<number | string>();
    if (typeof sent === 'number') return texts[sent] ?? '';
    if (texts.length < NUMBERED) texts.push(sent);
    return sent;
  }

  return (packet) => {
    const from = new Reader(packet);
    const batches: WireBatch[] = [];
    while (!from.ended) {
      const id = from.next<number>();
      const mode = from.next<WireBatch['mode']>();
      const bytes = from.next<number>();
      const statements: Statement[] = [];
      for (let left = from.next<number>(); left > 0; left -= 1)
        statements.push({ sql: text(from), args: from.several(from.next<number>()) });
      batches.push({ id, mode, bytes, statements });
    }
    return batches;
  };
}

/** @returns what writes answers: column names go out once, and by their number from then on */
export function answerWriter(): (answers: readonly Answer[]) => Packet {
  const numbers = new Map<string, number>();
  // A prepared statement answers with the same list each time.
  const known = new WeakMap<readonly string[], number>();

  function columns(to: Writer, names: readonly string[]): void {
    const seen = known.get(names);
    if (seen !== undefined) {
      to.values.push(seen);
      return;
    }
    const key = JSON.stringify(names);
    const number = numbers.get(key);
    to.values.push(number ?? key);
    if (number === undefined && numbers.size >= NUMBERED) return;
    known.set(names, number ?? numbers.size);
    if (number === undefined) numbers.set(key, numbers.size);
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

/** Where the number of results stands: there are none, but a refusal. */
const REFUSED = -1;

/** @returns what reads answers, of one {@link answerWriter} */
export function answerReader(): (packet: Pick<Packet, 'values' | 'bytes'>) => Answer[] {
  const lists: (readonly string[])[] = [];

  function columns(from: Reader): readonly string[] {
    const sent = from.next<number | string>();
    if (typeof sent === 'number') return lists[sent] ?? [];
    const names = JSON.parse(sent) as string[];
    if (lists.length < NUMBERED) lists.push(names);
    return names;
  }

  function outcome(from: Reader): Outcome {
    const sets = from.next<number>();
    if (sets === REFUSED) {
      const kind = from.next<DbErrorKind>();
      const message = from.next<string>();
      return { error: { kind, message, code: from.next<string | null>() ?? undefined } };
    }
    const results: ResultSet[] = [];
    for (let left = sets; left > 0; left -= 1) {
      const names = columns(from);
      const changes = from.next<number>();
      const rows: SqlValue[][] = [];
      const count = from.next<number>();
      const width = from.next<number>();
      while (rows.length < count) rows.push(from.several(width));
      results.push({ columns: names, rows, changes });
    }
    return { results };
  }

  return (packet) => {
    const from = new Reader(packet);
    const answers: Answer[] = [];
    while (!from.ended) answers.push({ id: from.next<number>(), outcome: outcome(from) });
    return answers;
  };
}
