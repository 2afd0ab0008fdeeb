/**
 * Migrations: append-only, checksummed, one batch each.
 *
 * `schema_migrations` holds a row for each that was applied. A database is only ever taken forward, and only when
 * what it went through is exactly the beginning of what this program knows.
 */

import { type Db, DbError, type Statement } from '../db.ts';

export interface Migration {
  /** `0001_pastes`: four digits that count from 0001 without a gap, and a name. Never changed once released. */
  readonly id: string;
  /** One SQL statement each. Never changed once released: later changes are a later migration. */
  readonly statements: readonly string[];
}

/**
 * - `malformed`: the list itself is wrong (a gap, a bad id, no statements).
 * - `changed`: a migration that was applied reads differently now.
 * - `newer`: the database went through a migration that this program does not know.
 * - `gap`: what was applied is not a beginning of the list.
 * - `behind`: migrations are missing, and this program may not apply them.
 * - `failed`: a migration did not run, or the record of migrations cannot be read.
 */
export type SchemaProblem = 'malformed' | 'changed' | 'newer' | 'gap' | 'behind' | 'failed';

/** A refusal to work with this database; `message` is a sentence for the operator that says what to do. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly problem: SchemaProblem;
  constructor(problem: SchemaProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

const CREATE_RECORD = `CREATE TABLE IF NOT EXISTS schema_migrations (
  id TEXT NOT NULL PRIMARY KEY,
  checksum TEXT NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT`;

/**
 * Applies what is missing, in order, and answers the ids that this call applied. `now` is in milliseconds since
 * the epoch. Throws {@link SchemaError}; what was applied before stays, and calling again continues.
 *
 * Two processes may call it at once: the row of a migration is inserted first in its batch, so that the slower
 * one is refused by the primary key, reads again and finds it done.
 */
export async function migrate(db: Db, migrations: readonly Migration[], now: number): Promise<string[]> {
  const known = await withChecksums(migrations);
  if ((await readApplied(db)) === undefined) {
    await attempt(db, [{ sql: CREATE_RECORD }], 'The record of migrations could not be made');
  }
  const mine: string[] = [];
  for (let before = -1; ; ) {
    const applied = (await readApplied(db)) ?? [];
    compare(applied, known);
    const next = known[applied.length];
    if (next === undefined) return mine;
    // The same migration twice in a row: it was neither applied nor refused by its row.
    if (applied.length === before) {
      throw new SchemaError(
        'failed',
        `Migration ${next.id} did not take effect. Start again; if it stays, ${REPORT}`,
      );
    }
    before = applied.length;
    if (await apply(db, next, now)) mine.push(next.id);
  }
}

/**
 * Checks that the database is exactly at the schema of this program, and never changes it: for a runtime that
 * does not migrate. Throws {@link SchemaError}, `behind` when migrations are missing.
 */
export async function checkSchema(db: Db, migrations: readonly Migration[]): Promise<void> {
  const known = await withChecksums(migrations);
  const applied = (await readApplied(db)) ?? [];
  compare(applied, known);
  const missing = known[applied.length];
  if (missing !== undefined) {
    throw new SchemaError(
      'behind',
      `The database lacks migration ${missing.id} and this runtime does not migrate. ` +
        'Start the Node or Bun server of the same version once with this database: it migrates at start.',
    );
  }
}

const REPORT = 'restore the database from a backup and report this as a defect.';

interface Applied {
  readonly id: string;
  readonly checksum: string;
}

interface Known extends Migration, Applied {}

/** The rows of the record in order, or undefined when there is no record yet. */
async function readApplied(db: Db): Promise<Applied[] | undefined> {
  try {
    const sql = `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'`;
    const [exists] = await db.batch([{ sql }], 'read');
    if (exists?.rows[0]?.[0] !== 1) return undefined;
    const [record] = await db.batch(
      [{ sql: 'SELECT id, checksum FROM schema_migrations ORDER BY id' }],
      'read',
    );
    return (record?.rows ?? []).map(([id, checksum]) => ({ id: String(id), checksum: String(checksum) }));
  } catch (thrown) {
    throw refused(thrown, 'The record of migrations cannot be read');
  }
}

function compare(applied: readonly Applied[], known: readonly Known[]): void {
  for (const [index, row] of applied.entries()) {
    const expected = known[index];
    const code = known.find(({ id }) => id === row.id);
    if (code === undefined) {
      throw new SchemaError(
        'newer',
        `The database went through migration ${row.id}, which this program does not know: it was used by a newer ` +
          'version. Start that version, or restore the backup that was made before the upgrade.',
      );
    }
    if (expected?.id !== row.id) {
      throw new SchemaError(
        'gap',
        `The database went through migration ${row.id} but not through ${expected?.id}, which comes before it. ` +
          'Its record of migrations was edited or damaged: restore the database from a backup.',
      );
    }
    if (expected.checksum !== row.checksum) {
      throw new SchemaError(
        'changed',
        `Migration ${row.id} was changed after it had been applied to this database. Start the version of the ` +
          'program that applied it; a change of the schema belongs into a new migration.',
      );
    }
  }
}

/** Applies one; false when another process was faster or may have been, which the next look at the record tells. */
async function apply(db: Db, { id, checksum, statements }: Known, now: number): Promise<boolean> {
  const claim: Statement = {
    sql: 'INSERT INTO schema_migrations (id, checksum, applied_at) VALUES (?, ?, ?)',
    args: [id, checksum, now],
  };
  try {
    await db.batch([claim, ...statements.map((sql) => ({ sql }))], 'write');
    return true;
  } catch (thrown) {
    const done = (await readApplied(db))?.some((row) => row.id === id) ?? false;
    if (done) return false;
    throw refused(thrown, `Migration ${id} failed and nothing of it was kept`);
  }
}

async function attempt(db: Db, statements: Statement[], what: string): Promise<void> {
  try {
    await db.batch(statements, 'write');
  } catch (thrown) {
    throw refused(thrown, what);
  }
}

function refused(thrown: unknown, what: string): SchemaError {
  if (thrown instanceof SchemaError) return thrown;
  const advice = adviceFor(thrown);
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new SchemaError('failed', `${what} (${detail}). ${advice}`, { cause: thrown });
}

function adviceFor(thrown: unknown): string {
  if (!(thrown instanceof DbError)) return 'Start again.';
  if (thrown.code === 'SQLITE_NOTADB' || thrown.code?.startsWith('SQLITE_CORRUPT')) {
    return 'The database is damaged: restore it from a backup.';
  }
  if (thrown.kind === 'busy')
    return 'Another program holds the database, or it cannot be reached: try again.';
  if (thrown.kind === 'full') return 'Make room on the disk and start again.';
  if (thrown.kind === 'unknown') return 'Start again: the record of migrations tells what was done.';
  return `If starting again does not help, ${REPORT}`;
}

async function withChecksums(migrations: readonly Migration[]): Promise<Known[]> {
  for (const [index, { id, statements }] of migrations.entries()) {
    const number = String(index + 1).padStart(4, '0');
    if (!/^\d{4}_[a-z0-9_]+$/.test(id) || !id.startsWith(number) || statements.length === 0) {
      throw new SchemaError(
        'malformed',
        `Migration ${id} is in the place of ${number}_… or has no statements.`,
      );
    }
  }
  return Promise.all(
    migrations.map(async ({ id, statements }) => ({ id, statements, checksum: await checksum(statements) })),
  );
}

/** SHA-256 over the statements as JSON (so that no boundary between two can move), in hex. */
async function checksum(statements: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(statements));
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
