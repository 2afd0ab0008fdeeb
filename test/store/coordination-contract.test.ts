/** Leases, counts and the outbox, and the limiter that counts by them, on every database that Sallyport runs on. */
import { it } from 'node:test';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { coordinationCases } from '../contract/coordination.ts';
import { limiterContract } from '../contract/limiter.ts';
import { NOW } from '../contract/room.ts';
import { emptying, onEveryDatabase } from '../support/store-contract.ts';

const EMPTY = emptying(['rate_limits', 'leases', 'mail_outbox']);

onEveryDatabase('coordination', EMPTY, (fresh) => {
  for (const { name, run } of coordinationCases) {
    it(name, async () => {
      const { db, second } = await fresh();
      await run({ store: libsqlStore(db), other: second && libsqlStore(second) });
    });
  }

  limiterContract('the database', async () => {
    const { db } = await fresh();
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
});
