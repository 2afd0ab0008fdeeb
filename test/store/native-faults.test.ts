import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { type Db, DbError, type Statement } from '../../src/store/db.ts';
import { type EmbeddedOptions, openEmbedded } from '../../src/store/native/embedded.ts';
import { type Child, runScript } from '../support/child.ts';
import { tempDir } from '../support/temp.ts';
import { ROW_TABLES } from './fixtures/rows.ts';

const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}.ts`, import.meta.url));

interface Setting {
  readonly path: string;
  readonly db: Db;
  readonly other: Child;
}

/** A database in this process with the tables of the fixtures, and another process on the same file. */
async function setting(t: TestContext, options: Partial<EmbeddedOptions> = {}): Promise<Setting> {
  const dir = await tempDir();
  const path = join(dir.path, 'test.db');
  const db = await openEmbedded({ path, busyTimeoutMs: 50, ...options });
  const other = runScript(fixture('other-process'), [path]);
  t.after(async () => {
    await other.end();
    await db.close();
    await dir.remove();
  });
  await db.batch(ROW_TABLES, 'write');
  return { path, db, other };
}

async function tell(child: Child, command: string): Promise<unknown> {
  child.say(command);
  return JSON.parse(await child.line());
}

const item = (id: number): Statement => ({ sql: 'INSERT INTO item (id, parts) VALUES (?, 0)', args: [id] });
const big = (id: number, bytes: number): Statement[] => [
  item(id),
  { sql: 'INSERT INTO part VALUES (?, 0, zeroblob(?))', args: [id, bytes] },
];

/** Writes all at once; answers the ids that were acknowledged, and checks that the others were refused as `kinds`. */
async function writeAll(
  db: Db,
  batches: Map<number, Statement[]>,
  kinds: readonly string[],
): Promise<number[]> {
  const acknowledged: number[] = [];
  await Promise.all(
    [...batches].map(async ([id, statements]) => {
      try {
        await db.batch(statements, 'write');
        acknowledged.push(id);
      } catch (thrown) {
        assert.ok(thrown instanceof DbError && kinds.includes(thrown.kind), String(thrown));
      }
    }),
  );
  return acknowledged.sort((a, b) => a - b);
}

const items = (from: number, count: number) =>
  new Map(Array.from({ length: count }, (_, i) => [from + i, [item(from + i)]]));

describe('the engine by itself', () => {
  // If this fails, the engine has been mended: then connections need no longer be reopened after SQLITE_BUSY.
  it('reports writes as done that are not, once it has met a lock', async (t) => {
    const dir = await tempDir();
    t.after(dir.remove);
    const path = join(dir.path, 'test.db');
    const [first, second] = [new Database(path), new Database(path)];
    first.exec('PRAGMA journal_mode=WAL; CREATE TABLE item (id INTEGER)');
    second.exec('BEGIN IMMEDIATE');
    const locked = first.prepare('INSERT INTO item VALUES (1)');
    assert.throws(() => locked.run([]), { code: 'SQLITE_BUSY' });
    second.exec('COMMIT');
    assert.equal(first.prepare('INSERT INTO item VALUES (2)').run([]).changes, 1);
    assert.deepEqual(second.prepare('SELECT id FROM item').raw().all([]), []);
    first.close();
    second.close();
  });
});

describe('a file that another process has locked', () => {
  it('refuses writes as busy, still reads, and loses nothing that it acknowledges afterwards', async (t) => {
    const { db, other } = await setting(t);
    const expected = await writeAll(db, items(1, 20), []);
    for (let round = 1; round <= 3; round++) {
      await tell(other, 'lock');
      assert.deepEqual(await writeAll(db, items(round * 1000, 300), ['busy']), []);
      const [count] = await db.batch([{ sql: 'SELECT count(*) FROM item' }], 'read');
      assert.deepEqual(count?.rows, [[expected.length]]);
      await tell(other, 'unlock');
      expected.push(...(await writeAll(db, items(round * 1000 + 500, 20), [])));
      assert.deepEqual(await tell(other, 'ids'), expected);
    }
  });

  it('waits for a lock that goes away in time', async (t) => {
    const { db, other } = await setting(t, { busyTimeoutMs: 10_000 });
    await tell(other, 'lock');
    const writing = writeAll(db, items(1, 50), []);
    await tell(other, 'unlock');
    assert.equal((await writing).length, 50);
  });
});

describe('a database that is full', () => {
  it('refuses what does not fit, keeps its neighbours and loses nothing afterwards', async (t) => {
    const { db, other } = await setting(t, { maxPages: 200 });
    const batches = items(1, 60);
    for (let id = 100; id < 110; id++) batches.set(id, big(id, 2_000_000));
    const acknowledged = await writeAll(db, batches, ['full']);
    assert.deepEqual(acknowledged, [...items(1, 60).keys()]);
    assert.deepEqual(await tell(other, 'ids'), acknowledged);
    await assert.rejects(db.batch(big(200, 2_000_000), 'write'), { kind: 'full', code: 'SQLITE_FULL' });
    await db.batch([{ sql: 'DELETE FROM item WHERE id < 50' }], 'write');
    await writeAll(db, items(300, 60), []);
    assert.deepEqual(await tell(other, 'ids'), [
      ...acknowledged.filter((id) => id >= 50),
      ...items(300, 60).keys(),
    ]);
  });
});

const limitable = process.platform === 'linux' && works('prlimit', ['--version']);

describe('a disk that refuses to write', {
  skip: limitable ? false : 'prlimit (util-linux) sets the fault',
}, () => {
  it('costs no acknowledged write, before or after it writes again', async (t) => {
    const dir = await tempDir();
    const path = join(dir.path, 'test.db');
    const child = runScript(fixture('obey'), [path]);
    let other: Child | undefined;
    t.after(async () => {
      await child.end();
      await other?.end();
      await dir.remove();
    });
    const fileSize = (limit: string) =>
      works('prlimit', ['--pid', String(child.pid), `--fsize=${limit}:unlimited`]);
    assert.equal(await child.line(), 'ready');
    other = runScript(fixture('other-process'), [path]);
    const acknowledged: number[] = [];
    const refused: string[] = [];
    async function write(bytes: number, count: number): Promise<void> {
      for (let i = 0; i < count; i++) {
        const { id, error, code } = (await tell(child, `write ${bytes}`)) as Record<string, unknown>;
        if (error === undefined) acknowledged.push(Number(id));
        else refused.push(`${error} ${code}`);
      }
    }
    for (let round = 0; round < 3; round++) {
      await write(200_000, 3);
      // The log and the file may not grow: the first writes that need room fail, wherever that is.
      assert.ok(fileSize(String(100_000 + round * 50_000)));
      const before = refused.length;
      await write(300_000, 4);
      assert.ok(refused.length > before, 'the fault was met');
      await write(10, 5);
      assert.ok(fileSize('unlimited'));
      await write(200_000, 3);
      const visible = await tell(other, 'ids');
      assert.ok(Array.isArray(visible));
      for (const id of acknowledged) assert.ok(visible.includes(id), `acknowledged item ${id} is missing`);
    }
    t.diagnostic([...new Set(refused)].join(', '));
    for (const refusal of refused) assert.match(refusal, /^(unknown|internal|full) SQLITE_(IOERR|FULL)/);
    assert.deepEqual(await damage(path), ['ok']);
  });
});

async function damage(path: string): Promise<unknown> {
  const db = new Database(path);
  const found = db.prepare('PRAGMA integrity_check').raw().all([]).flat();
  db.close();
  return found;
}

function works(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
