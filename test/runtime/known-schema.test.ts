/** Which databases are asked anything at all, before a backup is believed. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isKnownSchema } from '../../runtime/known-schema.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { tempDir } from '../support/temp.ts';

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

  it('is not where a trigger has a name that SQLite keeps to itself, which only a file can give it', async () => {
    const dir = await tempDir();
    try {
      const path = join(dir.path, 'vault.db');
      const made = await openEmbedded({ path });
      await migrate(made, migrations, 0);
      await made.batch(
        [{ sql: 'CREATE TRIGGER xqlite_more AFTER INSERT ON accounts BEGIN DELETE FROM accounts; END' }],
        'write',
      );
      await made.close();
      const bytes = (await readFile(path)).toString('latin1');
      await writeFile(path, bytes.replaceAll('xqlite_more', 'sqlite_more'), 'latin1');
      const db = await openEmbedded({ path });
      try {
        const sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'sqlite%'";
        const [named] = await db.batch([{ sql }], 'read');
        assert.deepEqual(named?.rows, [['sqlite_more']]);
        assert.equal(await isKnownSchema(db), false);
      } finally {
        await db.close();
      }
    } finally {
      await dir.remove();
    }
  });

  it('is known where its operator has had it analysed', async () => {
    await withSchema(migrations.length, async (db) => {
      await db.batch([{ sql: 'ANALYZE' }], 'write');
      assert.equal(await isKnownSchema(db), true);
    });
  });
});
