/** Copies of a database that is being written: one moment, nothing that was deleted, and nobody waits for them. */
import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Db } from '../../src/store/db.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

const DELETED = 'what was deleted must not come back';
const COUNT = { sql: 'SELECT count(*) FROM t' };

describe('a copy of a database', () => {
  let dir: TempDir;
  let db: Db;
  before(async () => {
    dir = await tempDir();
    db = await openEmbedded({ path: join(dir.path, 'source.db') });
    const insert = (text: string) => ({ sql: 'INSERT INTO t (text) VALUES (?)', args: [text] });
    await db.batch([{ sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT) STRICT' }], 'write');
    for (let i = 0; i < 40; i += 1) await db.batch([insert(DELETED.repeat(100)), insert('kept')], 'write');
    await db.batch([{ sql: `DELETE FROM t WHERE text <> 'kept'` }], 'write');
  });
  after(async () => {
    await db.close();
    await dir.remove();
  });
  const copy = (name: string) =>
    db.snapshot?.(join(dir.path, name), [COUNT]) ?? assert.fail('there is no snapshot');

  it('holds what was committed, in a file that is sound and closed to others', async () => {
    const path = join(dir.path, "it's.db");
    await writeFile(path, '', { mode: 0o600 });
    const [counted] = await copy("it's.db");
    assert.deepEqual(counted?.rows, [[40]]);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const opened = await openEmbedded({ path, readers: 1 });
    assert.deepEqual((await opened.batch([COUNT], 'read'))[0]?.rows, [[40]]);
    await opened.close();
  });

  it('holds nothing that was deleted', async () => {
    await copy('clean.db');
    assert.ok(!(await readFile(join(dir.path, 'clean.db'))).includes(DELETED));
  });

  it('is of one moment, while writing goes on', async () => {
    const transfer = [
      { sql: `INSERT INTO t (text) VALUES ('one of two')` },
      { sql: `INSERT INTO t (text) VALUES ('one of two')` },
    ];
    let writing = true;
    const load = (async () => {
      while (writing) await db.batch(transfer, 'write');
    })();
    for (let round = 0; round < 5; round += 1) {
      const [seen] = await db.batch([COUNT], 'read');
      const [counted] = await copy(`moment-${round}.db`);
      const count = Number(counted?.rows[0]?.[0]);
      assert.equal(count % 2, 0, 'half of a transaction');
      assert.ok(count >= Number(seen?.rows[0]?.[0]), 'what was committed before is missing');
    }
    writing = false;
    await load;
  });

  it('that cannot be made is refused, over a file that holds something too, and the database goes on', async () => {
    await assert.rejects(copy('no/such/folder.db'), { name: 'DbError' });
    await writeFile(join(dir.path, 'full.db'), 'something');
    await assert.rejects(copy('full.db'), { name: 'DbError' });
    assert.equal(await readFile(join(dir.path, 'full.db'), 'utf8'), 'something');
    await db.batch([{ sql: `INSERT INTO t (text) VALUES ('x')` }], 'write');
    assert.equal(await db.truncateLog?.(), true);
  });

  it('is waited for when the database is closed, and is not made afterwards', async () => {
    const other = await openEmbedded({ path: join(dir.path, 'source.db') });
    const copied = other.snapshot?.(join(dir.path, 'last.db'), [COUNT]);
    await other.close();
    assert.equal((await copied)?.length, 1);
    await assert.rejects(other.snapshot?.(join(dir.path, 'late.db'), []) ?? assert.fail(), {
      name: 'DbError',
    });
  });

  it('of memory there is none', async () => {
    const memory = await openEmbedded({ path: ':memory:' });
    assert.equal(memory.snapshot, undefined);
    await memory.close();
  });
});
