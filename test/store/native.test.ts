import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Worker } from 'node:worker_threads';
import Database from 'libsql';
import { type Db, DbError, type SqlValue } from '../../src/store/db.ts';
import { type EmbeddedOptions, openEmbedded } from '../../src/store/native/embedded.ts';
import { tempDir } from '../support/temp.ts';

async function openIn(
  t: TestContext,
  options: Partial<EmbeddedOptions> = {},
): Promise<{ db: Db; path: string }> {
  const dir = await tempDir();
  const path = join(dir.path, 'data', 'test.db');
  const db = await openEmbedded({ path, ...options });
  t.after(async () => {
    await db.close();
    await dir.remove();
  });
  return { db, path };
}

async function row(
  db: Db,
  sql: string,
  mode: 'read' | 'write' = 'read',
): Promise<readonly SqlValue[] | undefined> {
  return (await db.batch([{ sql }], mode))[0]?.rows[0];
}

const SETTINGS = [
  'journal_mode',
  'synchronous',
  'secure_delete',
  'foreign_keys',
  'busy_timeout',
  'temp_store',
];
const settings = `SELECT ${SETTINGS.map((name) => `(SELECT * FROM pragma_${name})`).join(', ')}`;

describe('an embedded file', () => {
  it('is set up for durable commits and overwritten deletes, whichever connection answers', async (t) => {
    const { db } = await openIn(t, { busyTimeoutMs: 1234, readers: 2 });
    const expected = ['wal', 2, 1, 1, 1234, 2];
    assert.deepEqual(await row(db, settings, 'write'), expected);
    const readers = await Promise.all(Array.from({ length: 4 }, () => row(db, settings)));
    for (const reader of readers) assert.deepEqual(reader, expected);
    assert.deepEqual(await row(db, 'SELECT * FROM pragma_query_only'), [1]);
    assert.deepEqual(await row(db, 'SELECT * FROM pragma_query_only', 'write'), [0]);
  });

  it('is readable by its owner alone, log and index included', async (t) => {
    const { db, path } = await openIn(t);
    await db.batch([{ sql: 'CREATE TABLE t (a)' }], 'write');
    const modes = [];
    for (const name of ['', '-wal', '-shm']) modes.push((await stat(path + name)).mode & 0o777);
    assert.deepEqual(modes, [0o600, 0o600, 0o600]);
    assert.equal((await stat(join(path, '..'))).mode & 0o777, 0o700);
  });

  it('takes rights away from others that a file already there gives them', async (t) => {
    const dir = await tempDir();
    t.after(dir.remove);
    const path = join(dir.path, 'test.db');
    await writeFile(path, '', { mode: 0o666 });
    const db = await openEmbedded({ path });
    await db.close();
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('is one file with everything in it after closing', async (t) => {
    const { db, path } = await openIn(t);
    await db.batch(
      [{ sql: 'CREATE TABLE t (a)' }, { sql: 'INSERT INTO t VALUES (zeroblob(100000))' }],
      'write',
    );
    await db.close();
    const log = await stat(`${path}-wal`).catch(() => undefined);
    assert.equal(log?.size ?? 0, 0);
    assert.ok((await stat(path)).size > 100_000);
  });

  it('keeps its log bounded while it is written and read without a pause', async (t) => {
    const { db, path } = await openIn(t);
    await db.batch([{ sql: 'CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)' }], 'write');
    let writing = true;
    let longest = 0;
    const reading = (async () => {
      while (writing) {
        await Promise.all(Array.from({ length: 4 }, () => row(db, 'SELECT count(*), sum(length(b)) FROM t')));
      }
    })();
    for (let i = 0; i < 120; i++) {
      const replace = {
        sql: 'INSERT OR REPLACE INTO t VALUES (?, ?)',
        args: [i % 8, new Uint8Array(1024 * 1024)],
      };
      await db.batch([replace], 'write');
      longest = Math.max(longest, (await stat(`${path}-wal`)).size);
    }
    writing = false;
    await reading;
    // 120 MiB and their overwriting went through it; 64 MiB is where writing waits for readers.
    assert.ok(longest < 80 * 1024 * 1024, `${longest} bytes`);
  });

  it('cuts its log to nothing when writing pauses', { timeout: 180_000 }, async (t) => {
    const { db, path } = await openIn(t);
    const size = async () => (await stat(`${path}-wal`)).size;
    await db.batch([{ sql: 'CREATE TABLE t (a)' }], 'write');
    // Where this thread is held up between the two, the pause has come already.
    do await db.batch([{ sql: 'DELETE FROM t' }, { sql: 'INSERT INTO t VALUES (1)' }], 'write');
    while ((await size()) === 0);
    // A pause of a second ends it; a test that waits in vain is ended by its own timeout.
    while ((await size()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(await row(db, 'SELECT a FROM t'), [1]);
  });

  it('empties its log when it is told to, once no reader is in the way', async (t) => {
    const { db, path } = await openIn(t);
    await db.batch([{ sql: 'CREATE TABLE t (x)' }], 'write');
    const size = async () => (await stat(`${path}-wal`)).size;
    const outside = new Database(path);
    outside.exec('BEGIN');
    outside.prepare('SELECT * FROM t').all([]);
    await db.batch([{ sql: 'INSERT INTO t VALUES (1)' }], 'write');
    assert.equal(await db.truncateLog?.(), false);
    assert.ok((await size()) > 0);
    outside.exec('COMMIT');
    outside.close();
    assert.equal(await db.truncateLog?.(), true);
    assert.equal(await size(), 0);
    await db.close();
    await assert.rejects(async () => db.truncateLog?.());
    assert.equal(await (await openIn(t, { path: ':memory:' })).db.truncateLog?.(), true, 'memory has none');
  });

  it('leaves nothing of what was deleted in its files', async (t) => {
    const { db, path } = await openIn(t);
    const canary = 'canary-'.repeat(2000);
    await db.batch(
      [{ sql: 'CREATE TABLE t (a)' }, { sql: 'INSERT INTO t VALUES (?)', args: [canary] }],
      'write',
    );
    await db.batch([{ sql: 'DELETE FROM t' }], 'write');
    await db.close();
    assert.equal((await readFile(path)).includes('canary-canary'), false);
  });

  it('moves large buffers instead of copying them, and only whole ones', async (t) => {
    const { db } = await openIn(t);
    const [large, small] = [new Uint8Array(64 * 1024), new Uint8Array(64 * 1024 - 1)];
    const view = new Uint8Array(new ArrayBuffer(200_000), 8, 100_000);
    await db.batch([{ sql: 'SELECT ?, ?, ?', args: [large, small, view] }], 'read');
    assert.deepEqual([large.byteLength, small.byteLength, view.byteLength], [0, 64 * 1024 - 1, 100_000]);
  });

  it('says who refuses when its directory cannot be made', async (t) => {
    const dir = await tempDir();
    t.after(dir.remove);
    await writeFile(join(dir.path, 'file'), '');
    const path = join(dir.path, 'file', 'test.db');
    await assert.rejects(openEmbedded({ path }), { kind: 'internal', message: /cannot be opened/ });
  });
});

describe('a damaged file', () => {
  const advice = /test\.db is damaged.*restore the file from a backup.*-wal and .*-shm away/s;

  async function damaged(t: TestContext, damage: (bytes: Buffer) => Buffer): Promise<string> {
    const { db, path } = await openIn(t);
    await db.batch([{ sql: 'CREATE TABLE t (a)' }], 'write');
    for (let i = 0; i < 20; i++) await db.batch([{ sql: 'INSERT INTO t VALUES (zeroblob(20000))' }], 'write');
    await db.close();
    await writeFile(path, damage(await readFile(path)));
    return path;
  }

  it('is refused with what to do when it is no database at all', async (t) => {
    const path = await damaged(t, () => Buffer.from('this is no database, '.repeat(1000)));
    await assert.rejects(openEmbedded({ path }), { kind: 'internal', message: advice });
  });

  it('is refused with what to do when pages of it are overwritten', async (t) => {
    const path = await damaged(t, (bytes) => bytes.fill(0xa5, 4096, 40_960));
    await assert.rejects(openEmbedded({ path }), { kind: 'internal', message: advice });
  });

  it('is refused with what to do when it is cut off', async (t) => {
    const path = await damaged(t, (bytes) => bytes.subarray(0, bytes.length / 2));
    await assert.rejects(openEmbedded({ path }), { kind: 'internal', message: advice });
  });
});

describe('an encrypted file', () => {
  const key = 'the key of a test';

  it('opens with its key alone and shows nothing of its content', async (t) => {
    const { db, path } = await openIn(t, { encryptionKey: key });
    await db.batch(
      [{ sql: 'CREATE TABLE canary (a)' }, { sql: "INSERT INTO canary VALUES ('canary')" }],
      'write',
    );
    assert.equal((await readFile(`${path}-wal`)).includes('canary'), false);
    await db.close();
    assert.equal((await readFile(path)).includes('canary'), false);
    const again = await openEmbedded({ path, encryptionKey: key });
    assert.deepEqual(await row(again, 'SELECT a FROM canary'), ['canary']);
    await again.close();
    for (const encryptionKey of ['another key', undefined]) {
      const refusal = await openEmbedded({ path, encryptionKey }).then(
        () => assert.fail('it opened'),
        (thrown: unknown) => thrown,
      );
      assert.ok(refusal instanceof DbError);
      assert.match(refusal.message, /encryption key/);
      assert.doesNotMatch(refusal.message, /another key|key of a test/);
    }
  });
});

describe('a database thread that ends by itself', () => {
  it('rejects what was in flight, is reported once, and leaves a driver that refuses', async (t) => {
    const workers: Worker[] = [];
    const collect = (worker: Worker) => void workers.push(worker);
    process.on('worker', collect);
    t.after(() => process.off('worker', collect));
    const fatal: DbError[] = [];
    const { db } = await openIn(t, { onFatal: (error) => fatal.push(error), readers: 1 });
    await db.batch([{ sql: 'CREATE TABLE t (a)' }], 'write');
    // Ended while they are idle (in the midst of a statement the engine would end the whole process), but before
    // they see what is submitted now.
    const ended = workers.map((worker) => worker.terminate());
    const insert = [{ sql: 'INSERT INTO t VALUES (1)' }];
    const writes = Array.from({ length: 3 }, () => db.batch(insert, 'write'));
    const outcomes = Promise.allSettled([...writes, db.batch([{ sql: 'SELECT 1' }], 'read')]);
    await Promise.all(ended);
    const kinds = (await outcomes).map((o) => (o.status === 'rejected' ? o.reason.kind : 'fulfilled'));
    assert.deepEqual(kinds, ['unknown', 'unknown', 'unknown', 'internal']);
    assert.equal(fatal.length, 1);
    await assert.rejects(db.batch([{ sql: 'SELECT 1' }], 'read'), { kind: 'internal' });
    await db.close();
  });
});

describe('an embedded database', () => {
  it('opens and closes many times without leaving threads or files open', async (t) => {
    const dir = await tempDir();
    t.after(dir.remove);
    await mkdir(join(dir.path, 'data'));
    // Linux shows its own open files; elsewhere the test tells of threads alone, which would keep it from ending.
    const openFiles = () => (process.platform === 'linux' ? readdirSync('/proc/self/fd') : []);
    const before = openFiles().length;
    for (let i = 0; i < 5; i++) {
      const db = await openEmbedded({ path: join(dir.path, 'data', 'test.db') });
      await row(db, 'SELECT 1');
      await db.close();
    }
    assert.ok(openFiles().length <= before + 2);
  });
});
