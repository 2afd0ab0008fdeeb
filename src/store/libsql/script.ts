/** SQL in pieces that carry their own arguments, and batches whose results are found again by name. */
import type { Db, ResultSet, SqlValue, Statement } from '../db.ts';

/** A piece of SQL and what is bound to its question marks. Made by {@link sql} alone. */
export class Sql {
  readonly text: string;
  readonly args: readonly SqlValue[];

  constructor(text: string, args: readonly SqlValue[]) {
    this.text = text;
    this.args = args;
  }
}

/** A piece of SQL: other pieces are put in as they are, every other value is bound and never becomes text. */
export function sql(strings: TemplateStringsArray, ...values: readonly (SqlValue | Sql)[]): Sql {
  let text = strings[0] ?? '';
  const args: SqlValue[] = [];
  for (const [index, value] of values.entries()) {
    if (value instanceof Sql) {
      text += value.text;
      args.push(...value.args);
    } else {
      text += '?';
      args.push(value);
    }
    text += strings[index + 1] ?? '';
  }
  return new Sql(text, args);
}

/** All of these conditions together. */
export function all(first: Sql, ...others: readonly Sql[]): Sql {
  return others.reduce((sum, next) => sql`${sum} AND (${next})`, sql`(${first})`);
}

/** What a batch answered, by the names of its steps. */
export type Answer = (name: string) => ResultSet | undefined;

/** A batch whose results are found again by name. */
export class Script {
  readonly statements: Statement[] = [];
  readonly #names: string[] = [];

  add(name: string, text: string, args: Statement['args'] = []): void {
    this.#names.push(name);
    this.statements.push({ sql: text, args });
  }

  step(name: string, { text, args }: Sql): void {
    this.add(name, text, args);
  }

  /** @param mode `read` for a script that only looks, at one snapshot */
  async run(db: Db, mode: 'read' | 'write' = 'write'): Promise<Answer> {
    const results = await db.batch(this.statements, mode);
    return (name) => results[this.#names.indexOf(name)];
  }
}

/** Runs one reading statement. */
export async function read(db: Db, { text, args }: Sql): Promise<ResultSet | undefined> {
  return (await db.batch([{ sql: text, args }], 'read'))[0];
}

/** Runs one writing statement. */
export async function write(db: Db, { text, args }: Sql): Promise<ResultSet | undefined> {
  return (await db.batch([{ sql: text, args }], 'write'))[0];
}
