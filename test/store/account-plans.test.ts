/**
 * What the hot and the sweeping statements about accounts cost: the engine's own plan. A database that was asked
 * for plans is used for nothing else, since the engine keeps such a statement open.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { AccountStore } from '../../src/store/accounts.ts';
import type { Statement } from '../../src/store/db.ts';
import { accountStore } from '../../src/store/libsql/accounts.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { hashOf, NOW } from '../contract/account-room.ts';
import { memoryDatabase } from '../support/databases.ts';

interface Watched {
  readonly modes: readonly string[];
  /** What each statement does: its searches, scans and sorts. */
  readonly plans: readonly string[];
}

/** Runs a verb on an empty database and asks how the engine carries its statements out. */
async function watch(verb: (accounts: AccountStore) => Promise<unknown>): Promise<Watched> {
  const modes: string[] = [];
  const seen: Statement[] = [];
  const { db, close } = await memoryDatabase();
  try {
    await migrate(db, migrations, NOW);
    await verb(
      accountStore({
        batch(statements, mode) {
          modes.push(mode);
          seen.push(...statements);
          return db.batch(statements, mode);
        },
        close: async () => {},
      }),
    );
    const plans: string[] = [];
    for (const { sql, args = [] } of seen) {
      const [plan] = await db.batch([{ sql: `EXPLAIN QUERY PLAN ${sql}`, args }], 'read');
      plans.push(...(plan?.rows ?? []).map((row) => String(row.at(-1))));
    }
    return { modes, plans };
  } finally {
    await close();
  }
}

const costly = (plans: readonly string[]) =>
  plans.filter((line) => /\bSCAN (?!CONSTANT ROW)|TEMP B-TREE/.test(line));

it('a session is looked up in one reading batch that scans no table', async () => {
  const { modes, plans } = await watch((accounts) => accounts.liveSession(hashOf(1), NOW));
  assert.deepEqual(modes, ['read']);
  assert.ok(plans.some((line) => line.startsWith('SEARCH s USING INDEX')));
  assert.deepEqual(costly(plans), []);
});

it('a sweep scans and sorts no table', async () => {
  const { modes, plans } = await watch((accounts) => accounts.sweep(NOW, 10));
  assert.deepEqual(modes, ['write']);
  assert.ok(plans.length > 8);
  assert.deepEqual(costly(plans), []);
});

it('an account is found by its name without a scan', async () => {
  const { plans } = await watch((accounts) => accounts.byUsername('somebody'));
  assert.ok(plans.length > 0);
  assert.deepEqual(costly(plans), []);
});
