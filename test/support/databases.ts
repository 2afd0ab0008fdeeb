/** Every database that Sallyport runs on, as the factories that the contract suites take. */

import { join } from 'node:path';
import type { Db } from '../../src/store/db.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { openRemote } from '../../src/store/remote.ts';
import type { DbFactory } from '../contract/db.ts';
import { tempDir } from './temp.ts';

/** A libSQL file in a directory of its own. */
export const fileDatabase: DbFactory = async (options = {}) => {
  const dir = await tempDir();
  const opened: Db[] = [];
  const open = async () => {
    const db = await openEmbedded({ path: join(dir.path, 'test.db'), ...options });
    opened.push(db);
    return db;
  };
  return {
    db: await open(),
    other: open,
    async close() {
      for (const db of opened) await db.close();
      await dir.remove();
    },
  };
};

/** A libSQL database in memory. */
export const memoryDatabase: DbFactory = async (options = {}) => {
  const db = await openEmbedded({ path: ':memory:', ...options });
  return { db, other: undefined, close: () => db.close() };
};

/** The libSQL server at `url`, emptied before each use. */
export function serverDatabase(url: string): DbFactory {
  return async (options = {}) => {
    const opened: Db[] = [];
    const open = async () => {
      // A busy machine is not what the contract is about.
      const db = openRemote({ url, timeoutMs: 60_000, ...options });
      opened.push(db);
      return db;
    };
    const db = await open();
    await dropEverything(db);
    return {
      db,
      other: open,
      async close() {
        for (const each of opened) await each.close();
      },
    };
  };
}

/** Empties the database behind `db`. */
export async function dropEverything(db: Db): Promise<void> {
  // Latest first, so that no table goes before those that refer to it.
  const sql =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid DESC";
  const [tables] = await db.batch([{ sql }], 'read');
  for (const [name] of tables?.rows ?? []) await db.batch([{ sql: `DROP TABLE "${name}"` }], 'write');
}
