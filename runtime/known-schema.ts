/**
 * Whether the schema of a database is one that the migrations make: for a file that comes from elsewhere, before
 * anything is asked of it. A view in the place of a table answers whatever its maker likes, without an end.
 */
import type { Db } from '../src/store/db.ts';
import { migrate } from '../src/store/libsql/migrate.ts';
import { migrations } from '../src/store/libsql/migrations/index.ts';
import { openEmbedded } from '../src/store/native/embedded.ts';

/**
 * All that has a text (indexes that a table implies have none) but what `ANALYZE` leaves. Told by the text: a name that
 * begins with `sqlite_` cannot be given to anything, but it can be written into a file, and a trigger of such a name
 * works like any other.
 */
const OBJECTS = `SELECT type || ' ' || name AS name, sql FROM sqlite_schema WHERE sql NOT IN
  ('CREATE TABLE sqlite_stat1(tbl,idx,stat)', 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)')`;

/** What there is, by kind and name; reads nothing but the list of it. */
async function objectsOf(db: Db): Promise<ReadonlyMap<string, unknown>> {
  const [result] = await db.batch([{ sql: OBJECTS }], 'read');
  return new Map((result?.rows ?? []).map(([name, text]) => [String(name), text]));
}

function differences(expected: ReadonlyMap<string, unknown>, found: ReadonlyMap<string, unknown>): string[] {
  const names = [...new Set([...expected.keys(), ...found.keys()])];
  return names.filter((name) => expected.get(name) !== found.get(name));
}

async function withFresh<T>(use: (fresh: Db) => Promise<T>): Promise<T> {
  const fresh = await openEmbedded({ path: ':memory:' });
  try {
    return await use(fresh);
  } finally {
    await fresh.close();
  }
}

/** Tables, indexes and triggers that are missing, too many or other ones than the newest migration makes, by name. */
export function schemaDifferences(db: Db): Promise<readonly string[]> {
  return withFresh(async (fresh) => {
    await migrate(fresh, migrations, 0);
    return differences(await objectsOf(fresh), await objectsOf(db));
  });
}

/** Whether the schema is exactly that of this version or of one before it. */
export function isKnownSchema(db: Db): Promise<boolean> {
  return withFresh(async (fresh) => {
    const found = await objectsOf(db);
    for (const [at] of migrations.entries()) {
      await migrate(fresh, migrations.slice(0, at + 1), 0);
      if (differences(await objectsOf(fresh), found).length === 0) return true;
    }
    return false;
  });
}
