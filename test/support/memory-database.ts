/**
 * Databases in memory, already at the newest schema, that one test hands to the next: a thread for each and eleven
 * migrations in it would cost more than most tests that want one. What a test gets is empty, and what it left running
 * reaches nobody else's.
 */
import { after } from 'node:test';
import { type Db, DbError, type Statement } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';

/** One that waits for its next test. */
interface Kept {
  readonly db: Db;
  /** Brings it to what it was after its migrations, in one transaction. */
  readonly emptying: readonly Statement[];
  /** As SQLite counts it: another one means that somebody has changed tables, or that the database was lost. */
  readonly schema: number;
}

/** So many wait at most; few tests want more than one at a time. */
const WAITING = 3;
const waiting: Kept[] = [];
/** A program that is no test keeps nothing, since nobody would end its threads. */
let keeps = process.env.NODE_TEST_CONTEXT !== undefined;
if (keeps)
  after(async () => {
    keeps = false;
    for (const { db } of waiting.splice(0)) await db.close();
  });

/** An empty database at the newest schema. The caller closes it. @param now when it was migrated, in milliseconds */
export async function memoryDatabase(now: number): Promise<Db> {
  const kept = (await emptied()) ?? (await opened(now));
  let closed = false;
  return {
    async batch(statements, mode) {
      if (closed) throw new DbError('internal', 'The database is closed.');
      return kept.db.batch(statements, mode);
    },
    async close() {
      if (closed) return;
      closed = true;
      if (keeps && waiting.length < WAITING) waiting.push(kept);
      else await kept.db.close();
    },
  };
}

async function opened(now: number): Promise<Kept> {
  const db = await openEmbedded({ path: ':memory:' });
  await migrate(db, migrations, now);
  return { db, emptying: await emptyingOf(db), schema: await schemaOf(db) };
}

/** One of those that wait, emptied; undefined where none can be used. */
async function emptied(): Promise<Kept | undefined> {
  for (let kept = waiting.pop(); kept !== undefined; kept = waiting.pop()) {
    const { db, emptying, schema } = kept;
    // What was sent to it before is done before: a database in memory has one thread and one queue.
    const before = await schemaOf(db).catch(() => undefined);
    if (before === schema && (await db.batch(emptying, 'write').then(Boolean, () => false)))
      return { ...kept, schema: await schemaOf(db) };
    await db.close();
  }
  return undefined;
}

async function schemaOf(db: Db): Promise<number> {
  const [version] = await db.batch([{ sql: 'SELECT schema_version FROM pragma_schema_version' }], 'read');
  return Number(version?.rows[0]?.[0]);
}

/**
 * Everything out, and back in what the migrations had put there. The triggers are away meanwhile: some count what
 * goes, others forbid that it does.
 */
async function emptyingOf(db: Db): Promise<Statement[]> {
  const list = async (sql: string) => (await db.batch([{ sql }], 'read'))[0]?.rows ?? [];
  const triggers = await list("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid");
  // Latest first, so that no row goes before those that refer to it.
  const tables = await list(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid DESC",
  );
  const back: Statement[] = [];
  const out: Statement[] = [];
  for (const [name] of [
    ...tables,
    ...(await list("SELECT name FROM sqlite_schema WHERE name = 'sqlite_sequence'")),
  ]) {
    out.push({ sql: `DELETE FROM "${name}"` });
    const [first, ...more] = await list(`SELECT * FROM "${name}"`);
    for (const row of first === undefined ? [] : [first, ...more])
      back.unshift({ sql: `INSERT INTO "${name}" VALUES (${row.map(() => '?').join()})`, args: row });
  }
  return [
    ...triggers.map(([name]) => ({ sql: `DROP TRIGGER "${name}"` })),
    ...out,
    ...back,
    ...triggers.map(([, sql]) => ({ sql: String(sql) })),
  ];
}
