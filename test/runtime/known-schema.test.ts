/** Which databases are asked anything at all, before a backup is believed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isKnownSchema } from '../../runtime/known-schema.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';

async function withSchema(count: number, use: (db: Db) => Promise<void>): Promise<void> {
  const db = await openEmbedded({ path: ':memory:' });
  try {
    await migrate(db, migrations.slice(0, count), 0);
    await use(db);
  } finally {
    await db.close();
  }
}

describe('the schema of a database from elsewhere', () => {
  it('is known where this version made it, or one before', async () => {
    for (const count of [1, 6, migrations.length])
      await withSchema(count, async (db) => assert.equal(await isKnownSchema(db), true, `${count}`));
  });

  it('is not where a table is missing, a view, a trigger or a column is too much, or there is nothing', async () => {
    await withSchema(0, async (db) => assert.equal(await isKnownSchema(db), false));
    const changes = [
      ['DROP TABLE spent_work'],
      ['DROP TABLE spent_work', 'CREATE VIEW spent_work AS SELECT 1 AS id'],
      ['CREATE TRIGGER more AFTER INSERT ON pastes BEGIN DELETE FROM pastes; END'],
      ['ALTER TABLE pastes ADD COLUMN more TEXT'],
    ];
    for (const change of changes)
      await withSchema(migrations.length, async (db) => {
        await db.batch(
          change.map((sql) => ({ sql })),
          'write',
        );
        assert.equal(await isKnownSchema(db), false, change.join());
      });
  });
});
