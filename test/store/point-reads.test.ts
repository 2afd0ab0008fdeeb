import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { ResultSet, SqlValue, Statement } from '../../src/store/db.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { createPointReads, type PointReads } from '../../src/store/native/point-reads.ts';
import { tempDir } from '../support/temp.ts';

const LOOK = 'SELECT v FROM t WHERE k = ? LIMIT 1';
const look = (k: string): Statement => ({ sql: LOOK, args: [k], point: true });

/** A clock that stands still unless it is told otherwise. */
function clock() {
  const self = { at: 0, perLook: 0, now: () => (self.at += self.perLook) };
  return self;
}

async function file(t: TestContext, perTurn = Number.POSITIVE_INFINITY) {
  const dir = await tempDir();
  const path = join(dir.path, 'data', 'test.db');
  const db = await openEmbedded({ path });
  const write = (sql: string, ...args: SqlValue[]) => db.batch([{ sql, args }], 'write');
  await write('CREATE TABLE t (k TEXT PRIMARY KEY, v)');
  await write("INSERT INTO t VALUES ('one', 1)");
  const time = clock();
  const options = { path, encryptionKey: undefined, busyTimeoutMs: 2000, maxPages: undefined };
  const points = createPointReads(options, { now: time.now, perTurn });
  t.after(async () => {
    points.close();
    await db.close();
    await dir.remove();
  });
  return { db, path, write, points, time };
}

/** Asks until it answers by itself, as it does once it has opened its connection. */
async function answered(points: PointReads, k = 'one'): Promise<ResultSet> {
  for (;;) {
    const result = points.run(look(k));
    if (result !== undefined) return result;
    await setImmediate();
  }
}

describe('reading a row in the thread that asks', () => {
  it('leaves the first read to others, and then answers what was committed last', async (t) => {
    const { points, write } = await file(t);
    assert.equal(points.run(look('one')), undefined);
    assert.deepEqual(await answered(points), { columns: ['v'], rows: [[1]], changes: 0 });
    await write("UPDATE t SET v = 'two'");
    assert.deepEqual(points.run(look('one'))?.rows, [['two']]);
    assert.deepEqual(points.run(look('none'))?.rows, []);
  });

  it('answers blobs as plain bytes, as a thread does', async (t) => {
    const { db, points, write } = await file(t);
    await answered(points);
    await write('UPDATE t SET v = ?', new Uint8Array([1, 0, 255]));
    const row = points.run(look('one'))?.rows[0];
    assert.deepEqual(row, [new Uint8Array([1, 0, 255])]);
    assert.deepEqual(row, (await db.batch([{ sql: LOOK, args: ['one'] }], 'read'))[0]?.rows[0]);
  });

  it('leaves what comes in numbers to others, until a turn of the event loop brings few again', async (t) => {
    const { points } = await file(t, 2);
    await answered(points);
    const turn = async (reads: number) => {
      await setImmediate();
      return Array.from({ length: reads }, () => points.run(look('one')) !== undefined);
    };
    assert.deepEqual(await turn(2), [true, true]);
    assert.deepEqual(await turn(5), [true, true, false, false, false]);
    assert.deepEqual(await turn(3), [false, false, false]);
    assert.deepEqual(await turn(1), [false]);
    assert.deepEqual(await turn(2), [true, true]);
  });

  it('rests for a second where a disk must be waited for, and then tries again', async (t) => {
    const { points, time } = await file(t);
    await answered(points);
    time.perLook = 0.5;
    for (let i = 0; i < 100; i++) assert.ok(points.run(look('one')) !== undefined);
    time.perLook = 9;
    assert.ok(points.run(look('one')) !== undefined, 'it has the answer, and tells it');
    time.perLook = 0;
    assert.equal(points.run(look('one')), undefined);
    time.at += 999;
    assert.equal(points.run(look('one')), undefined);
    time.at += 1;
    assert.deepEqual(points.run(look('one'))?.rows, [[1]]);
  });

  it('rests as well when every row takes a little too long', async (t) => {
    const { points, time } = await file(t);
    await answered(points);
    time.perLook = 1.5;
    let before = 0;
    while (points.run(look('one')) !== undefined) before += 1;
    assert.ok(before > 1 && before < 20, `${before} rows`);
  });

  it('leaves to others what it is refused, opens anew after a second, and changes nothing', async (t) => {
    const { points, time } = await file(t);
    await answered(points);
    for (const sql of ['DELETE FROM t', 'SELECT nothing FROM t', 'no SQL']) {
      assert.equal(points.run({ sql, args: [] }), undefined, sql);
      assert.equal(points.run(look('one')), undefined, 'not trusted any more');
      time.at += 1000;
      assert.deepEqual((await answered(points)).rows, [[1]]);
    }
  });

  it('goes on asking others while there is nothing to open', async (t) => {
    const { path, time } = await file(t);
    const elsewhere = {
      path: join(path, 'below'),
      encryptionKey: undefined,
      busyTimeoutMs: 0,
      maxPages: undefined,
    };
    const points = createPointReads(elsewhere, { now: time.now });
    t.after(() => points.close());
    for (let i = 0; i < 3; i++) {
      assert.equal(points.run(look('one')), undefined);
      for (let turn = 0; turn < 50; turn++) await setImmediate();
      time.at += 1000;
    }
  });

  it('does not hold up the log, which can be cut between two reads', async (t) => {
    const { points, db, write } = await file(t);
    await answered(points);
    for (let i = 0; i < 20; i++) {
      await write('INSERT INTO t VALUES (?, ?)', `k${i}`, i);
      assert.deepEqual(points.run(look(`k${i}`))?.rows, [[i]]);
      assert.equal(await db.truncateLog?.(), true);
      assert.deepEqual(points.run(look(`k${i}`))?.rows, [[i]]);
    }
  });

  it('opens nothing once it was closed, be that while it opened', async (t) => {
    const { points } = await file(t);
    assert.equal(points.run(look('one')), undefined);
    points.close();
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    assert.equal(points.run(look('one')), undefined);
    points.close();
  });
});
