/** What the operator sees of pastes: the same as before however many there are, and at the same cost. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fillPastes } from '../../bench/lib/fill.ts';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import type { Db, Statement } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { bytesOf, create, HOUR, MINUTE, NOW, refOf, replacement } from '../contract/room.ts';
import { memoryDatabase } from '../support/databases.ts';
import { costly, watch } from '../support/plans.ts';

async function onDatabase(use: (db: Db) => Promise<void>, steps = migrations): Promise<void> {
  const { db, close } = await memoryDatabase();
  try {
    await migrate(db, steps, NOW);
    await use(db);
  } finally {
    await close();
  }
}

it('the sums of pastes are looked up, not counted', async () => {
  const { plans } = await watch(({ listing }) => listing.pasteStats(NOW, NOW - HOUR));
  const scans = costly(plans).filter((line) => !/pragma_page/.test(line));
  assert.deepEqual(scans, []);
  assert.ok(
    plans.some((line) => line.includes('pastes_by_creation (created_at>?)')),
    plans.join('\n'),
  );
});

for (const order of ['oldest', 'newest'] as const)
  it(`the ${order} pastes are read from the end of an index`, async () => {
    const { plans } = await watch(({ listing }) => listing.topPastes(order, 10));
    // Only those of one moment are sorted, by their refs.
    assert.deepEqual(costly(plans), [
      'SCAN pastes USING INDEX pastes_by_creation',
      'USE TEMP B-TREE FOR RIGHT PART OF ORDER BY',
    ]);
  });

it('the largest pastes are found wherever they lie, and ties are in the order of refs', async () => {
  await onDatabase(async (db) => {
    const { pastes, listing } = libsqlStore(db);
    await create(pastes, 1, { pending: { kind: 'inline', bytes: bytesOf(50) } });
    await fillPastes(db, { count: 2500, bytes: 8, created: [NOW, NOW + MINUTE], ttlMs: HOUR });
    await create(pastes, 3, { pending: { kind: 'inline', bytes: bytesOf(90) } });
    await create(pastes, 2, { pending: { kind: 'inline', bytes: bytesOf(50) } });
    const found = await listing.topPastes('largest', 4);
    assert.deepEqual(
      found.slice(0, 3).map(({ ref, size }) => [ref, size]),
      [
        [refOf(3), 90],
        [refOf(1), 50],
        [refOf(2), 50],
      ],
    );
    assert.equal(found[3]?.size, 8);
    const statements: number[] = [];
    const looking = libsqlStore({
      ...db,
      batch(asked, mode) {
        statements.push(asked.length);
        return db.batch(asked, mode);
      },
    });
    await looking.listing.topPastes('largest', 4);
    assert.ok(statements.length > 2, 'all of them were looked at in one statement');
  });
});

it('pastes that wait to be burned are counted as they come, change and go', async () => {
  await onDatabase(async (db) => {
    const { pastes, listing } = libsqlStore(db);
    const waiting = async () => (await listing.pasteStats(NOW, NOW - HOUR)).burnPending;
    await create(pastes, 1, { burn: true });
    await create(pastes, 2, { burn: true, expiresAt: NOW + MINUTE });
    await create(pastes, 3);
    assert.equal(await waiting(), 2);
    await pastes.replace(replacement(3, { burn: true }));
    assert.equal(await waiting(), 3);
    await pastes.replace(replacement(3, { burn: false, revision: 2 }));
    assert.equal(await waiting(), 2);
    assert.notEqual(await pastes.claim(refOf(1), 1, NOW, NOW + HOUR), undefined);
    assert.equal(await waiting(), 1);
    assert.equal((await pastes.sweep(NOW + MINUTE, 10)).removed, 1);
    assert.equal(await waiting(), 0);
  });
});

it('what waited to be burned before it was counted is counted', async () => {
  const before = migrations.findIndex(({ id }) => id === '0012_growth');
  await onDatabase(
    async (db) => {
      const sql = `INSERT INTO pastes (ref, size, mime_type, sealed, burn, delete_token_hash, created_at, expires_at,
          revision, body)
        VALUES (printf('%032x', ?1), 1, 'text/plain', 0, ?1 % 2, printf('%064x', ?1), 1, 2, 1, x'00')`;
      await db.batch(
        [1, 2, 3].map((n) => ({ sql, args: [n] })),
        'write',
      );
      await migrate(db, migrations, NOW);
      assert.equal((await libsqlStore(db).listing.pasteStats(NOW, NOW)).burnPending, 2);
    },
    migrations.slice(0, before),
  );
});

it('what waits to be erased is not read when something is staged', async () => {
  await onDatabase(async (db) => {
    const seen: Statement[] = [];
    const watched: Db = {
      ...db,
      batch(statements, mode) {
        seen.push(...statements);
        return db.batch(statements, mode);
      },
    };
    const blobs = libsqlBlobs(watched, { stagingQuotaBytes: 2 ** 20, stagingLifetimeMs: HOUR });
    assert.equal(await blobs.append('a-blob', 0, bytesOf(10), NOW), true);
    assert.equal(await blobs.append('a-blob', 1, bytesOf(10), NOW), true);
    const sums: string[] = [];
    for (const { sql, args = [] } of seen) {
      const [plan] = await db.batch([{ sql: `EXPLAIN QUERY PLAN ${sql}`, args }], 'read');
      sums.push(...costly((plan?.rows ?? []).map((row) => String(row.at(-1)))));
    }
    const sum = 'SCAN loose_blobs USING INDEX loose_blobs_staged';
    assert.deepEqual(sums, [sum, sum]);
  });
});
