/** Reading of result rows: a column is asked for by name and type, and a surprise is a defect. */
import type { ResultSet, SqlValue } from '../db.ts';

/** One row of a result. Every reader throws TypeError where the column is missing or of another type. */
export class Row {
  readonly #columns: readonly string[];
  readonly #values: readonly SqlValue[];

  constructor(columns: readonly string[], values: readonly SqlValue[]) {
    this.#columns = columns;
    this.#values = values;
  }

  #at(column: string): SqlValue {
    const value = this.#values[this.#columns.indexOf(column)];
    if (value === undefined) throw new TypeError(`no column ${column} in the result`);
    return value;
  }

  text(column: string): string {
    const value = this.#at(column);
    if (typeof value !== 'string') throw new TypeError(`column ${column} is not text`);
    return value;
  }

  number(column: string): number {
    const value = this.#at(column);
    if (typeof value !== 'number') throw new TypeError(`column ${column} is not a number`);
    return value;
  }

  bytes(column: string): Uint8Array<ArrayBuffer> {
    const value = this.#at(column);
    if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} is not a blob`);
    return value;
  }

  flag(column: string): boolean {
    return this.number(column) !== 0;
  }

  isNull(column: string): boolean {
    return this.#at(column) === null;
  }

  optionalText(column: string): string | undefined {
    return this.isNull(column) ? undefined : this.text(column);
  }

  optionalNumber(column: string): number | undefined {
    return this.isNull(column) ? undefined : this.number(column);
  }

  optionalBytes(column: string): Uint8Array<ArrayBuffer> | undefined {
    return this.isNull(column) ? undefined : this.bytes(column);
  }
}

/** The first row, if there is one. */
export function firstRow(result: ResultSet | undefined): Row | undefined {
  const values = result?.rows[0];
  return values === undefined || result === undefined ? undefined : new Row(result.columns, values);
}

/** Every row. */
export function allRows(result: ResultSet | undefined): Row[] {
  return result === undefined ? [] : result.rows.map((values) => new Row(result.columns, values));
}
