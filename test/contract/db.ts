/**
 * What every driver promises, whatever it drives. The cases know no test runner, so that they run under node:test
 * and inside a plain script of another runtime alike.
 */

import assert from 'node:assert/strict';
import { type Db, DbError, type DbErrorKind, type SqlValue, type Statement } from '../../src/store/db.ts';

export interface DbUnderTest {
  readonly db: Db;
  /** A second, independent driver on the same database, or undefined where there is no such thing. */
  readonly other: (() => Promise<Db>) | undefined;
  /** Closes the drivers and removes the database. */
  close(): Promise<void>;
}

/** Makes a driver on an empty database; `maxWaiting` bounds its queue. */
export type DbFactory = (options?: { maxWaiting?: number }) => Promise<DbUnderTest>;

export interface DbCase {
  readonly name: string;
  run(): Promise<void>;
}

/** The cases of the contract for the databases that `make` makes, a fresh one for each. */
export function dbContract(make: DbFactory): readonly DbCase[] {
  const cases: DbCase[] = [];
  function it(name: string, body: (subject: DbUnderTest) => Promise<void>, options?: { maxWaiting: number }) {
    cases.push({
      name,
      async run() {
        const subject = await make(options);
        try {
          await body(subject);
        } finally {
          await subject.close();
        }
      },
    });
  }
  batches(it);
  values(it);
  refusals(it);
  concurrency(it);
  closing(it);
  return cases;
}

type It = (
  name: string,
  body: (subject: DbUnderTest) => Promise<void>,
  options?: { maxWaiting: number },
) => void;

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, n INTEGER CHECK (n < 100), b BLOB)';

const sql = (text: string, ...args: SqlValue[]): Statement => ({ sql: text, args });
const insert = (k: string): Statement => sql('INSERT INTO t (k) VALUES (?)', k);

function write(db: Db, ...statements: (string | Statement)[]) {
  return db.batch(
    statements.map((s) => (typeof s === 'string' ? sql(s) : s)),
    'write',
  );
}

function read(db: Db, ...statements: (string | Statement)[]) {
  return db.batch(
    statements.map((s) => (typeof s === 'string' ? sql(s) : s)),
    'read',
  );
}

async function keys(db: Db): Promise<readonly unknown[]> {
  const [result] = await read(db, 'SELECT k FROM t ORDER BY k');
  return (result?.rows ?? []).map(([k]) => k);
}

async function refused(promise: Promise<unknown>, kind: DbErrorKind): Promise<DbError> {
  const thrown = await promise.then(
    () => assert.fail(`expected a refusal (${kind})`),
    (reason: unknown) => reason,
  );
  assert.ok(thrown instanceof DbError, String(thrown));
  assert.equal(thrown.kind, kind, thrown.message);
  return thrown;
}

function batches(it: It): void {
  it('answers one result a statement, with columns, rows and changes', async ({ db }) => {
    const results = await write(
      db,
      T,
      sql('INSERT INTO t (k, n) VALUES (?, ?), (?, ?) RETURNING k, n AS number', 'a', 1, 'b', 2),
      'UPDATE t SET n = n + 1 WHERE n > 1',
      'SELECT k, n FROM t ORDER BY k',
      'DELETE FROM t',
      'SELECT k FROM t',
    );
    assert.deepEqual(results, [
      { columns: [], rows: [], changes: 0 },
      {
        columns: ['k', 'number'],
        rows: [
          ['a', 1],
          ['b', 2],
        ],
        changes: 2,
      },
      { columns: [], rows: [], changes: 1 },
      {
        columns: ['k', 'n'],
        rows: [
          ['a', 1],
          ['b', 3],
        ],
        changes: 0,
      },
      { columns: [], rows: [], changes: 2 },
      { columns: ['k'], rows: [], changes: 0 },
    ]);
  });

  it('keeps all of a batch or nothing', async ({ db }) => {
    await write(db, T, insert('a'));
    await refused(write(db, insert('b'), insert('c'), insert('a')), 'constraint');
    await refused(write(db, insert('d'), 'INSERT INTO nowhere VALUES (1)'), 'internal');
    assert.deepEqual(await keys(db), ['a']);
  });

  it('does not count what triggers change', async ({ db }) => {
    await write(
      db,
      T,
      'CREATE TABLE seen (k TEXT)',
      'CREATE TRIGGER twice AFTER INSERT ON t BEGIN INSERT INTO seen VALUES (new.k), (new.k); END',
    );
    const [plain] = await write(db, insert('a'));
    const [returning] = await write(db, sql("INSERT INTO t (k) VALUES ('b') RETURNING id"));
    assert.deepEqual([plain?.changes, returning?.changes], [1, 1]);
    assert.deepEqual((await read(db, 'SELECT count(*) FROM seen'))[0]?.rows, [[4]]);
  });

  it('says with RETURNING that a conditional write did not apply', async ({ db }) => {
    await write(db, T, insert('a'));
    const [taken, again] = await write(
      db,
      "DELETE FROM t WHERE k = 'a' RETURNING k",
      "DELETE FROM t WHERE k = 'a' RETURNING k",
    );
    assert.deepEqual([taken?.rows, taken?.changes], [[['a']], 1]);
    assert.deepEqual([again?.rows, again?.changes], [[], 0]);
  });

  it('returns every row of a long answer once', async ({ db }) => {
    const series = 'WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < ?)';
    await write(db, T);
    for (const count of [99, 100, 101, 1000]) {
      const [made] = await write(db, sql(`${series} INSERT INTO t (k) SELECT x FROM c RETURNING id`, count));
      assert.deepEqual([made?.rows.length, made?.changes], [count, count]);
      const [emptied] = await write(db, 'DELETE FROM t');
      assert.equal(emptied?.changes, count);
    }
  });

  it('shows what was written to whoever reads afterwards', async ({ db, other }) => {
    await write(db, T);
    const second = (await other?.()) ?? db;
    for (let i = 0; i < 50; i++) {
      await write(db, insert(`k${i}`));
      const [seen] = await read(second, sql('SELECT 1 FROM t WHERE k = ?', `k${i}`));
      assert.deepEqual(seen?.rows, [[1]]);
    }
  });

  it('looks up a row by its key as it reads anything else', async ({ db, other }) => {
    await write(db, T);
    const second = (await other?.()) ?? db;
    const look = async (column: string, k: string) =>
      db.batch([{ sql: `SELECT ${column} FROM t WHERE k = ? LIMIT 1`, args: [k], point: true }], 'read');
    for (let i = 0; i < 100; i++) {
      const k = `k${i}`;
      assert.deepEqual(await look('n', k), [{ columns: ['n'], rows: [], changes: 0 }]);
      await write(
        second,
        sql('INSERT INTO t (k, n, b) VALUES (?, ?, ?)', k, i % 100, new Uint8Array([i % 256, 0])),
      );
      const [found] = await look('n, b', k);
      assert.deepEqual(found?.columns, ['n', 'b']);
      const [n, b] = found?.rows[0] ?? [];
      assert.deepEqual([n, b instanceof Uint8Array && [...b]], [i % 100, [i % 256, 0]]);
      await write(second, sql('DELETE FROM t WHERE k = ?', k));
      assert.deepEqual((await look('n', k))[0]?.rows, []);
    }
    await refused(look('missing', 'k'), 'internal');
    await write(db, insert('k'));
    const [several] = await db.batch(
      [
        { sql: 'SELECT k FROM t WHERE k = ? LIMIT 1', args: ['k'], point: true },
        { sql: 'SELECT count(*) FROM t', args: [] },
      ],
      'read',
    );
    assert.deepEqual(several?.rows, [['k']]);
    const erasing = { sql: 'DELETE FROM t WHERE k = ?', args: ['k'], point: true };
    await refused(db.batch([erasing], 'read'), 'internal');
    assert.deepEqual(await keys(db), ['k']);
    await db.batch([erasing], 'write');
    assert.deepEqual(await keys(db), []);
  });

  it('sees a column that was added after a statement was first used', async ({ db }) => {
    await write(db, 'CREATE TABLE u (a)', 'INSERT INTO u VALUES (1)');
    assert.deepEqual((await read(db, 'SELECT * FROM u'))[0]?.columns, ['a']);
    for (let i = 0; i < 100; i++)
      assert.deepEqual((await db.batch([{ sql: 'SELECT * FROM u', point: true }], 'read'))[0]?.columns, [
        'a',
      ]);
    await write(db, 'ALTER TABLE u ADD COLUMN b DEFAULT 2');
    const point = { sql: 'SELECT * FROM u', point: true };
    for (const seen of [
      await read(db, 'SELECT * FROM u'),
      await write(db, 'SELECT * FROM u'),
      await db.batch([point], 'read'),
    ]) {
      assert.deepEqual(seen, [{ columns: ['a', 'b'], rows: [[1, 2]], changes: 0 }]);
    }
  });
}

function values(it: It): void {
  async function echo(db: Db, ...sent: SqlValue[]): Promise<readonly SqlValue[] | undefined> {
    const [result] = await read(db, sql(`SELECT ${sent.map(() => '?').join(', ')}`, ...sent));
    return result?.rows[0];
  }

  it('carries numbers, text and NULL there and back', async ({ db }) => {
    const sent = [
      null,
      0,
      -1,
      1.5,
      1e300,
      2 ** 53 - 1,
      -(2 ** 53 - 1),
      1_700_000_000_000,
      '',
      'ä – 🜚',
      "'; --",
    ];
    assert.deepEqual(await echo(db, ...sent), sent);
    const [kept] = await write(db, 'CREATE TABLE n (v)', sql('INSERT INTO n VALUES (?)', 2 ** 53 - 1)).then(
      () => read(db, 'SELECT v FROM n'),
    );
    assert.deepEqual(kept?.rows, [[2 ** 53 - 1]]);
  });

  it('binds whole numbers as integers and others as reals', async ({ db }) => {
    const [types] = await read(db, sql('SELECT typeof(?), typeof(?), typeof(?), ? / 2', 3, -7, 1.5, 7));
    assert.deepEqual(types?.rows, [['integer', 'integer', 'real', 3]]);
  });

  it('carries blobs of any size, byte for byte', async ({ db }) => {
    await write(db, T);
    for (const size of [0, 1, 255, 4096, 65_535, 65_536, 65_537, 1024 * 1024]) {
      const expected = pattern(size);
      await write(db, sql('INSERT INTO t (k, b) VALUES (?, ?)', `b${size}`, pattern(size)));
      const [back] = await read(db, sql('SELECT b, typeof(b), length(b) FROM t WHERE k = ?', `b${size}`));
      const [blob, type, length] = back?.rows[0] ?? [];
      assert.deepEqual([type, length], ['blob', size]);
      assertBytes(blob, expected);
      const [returned] = await write(db, sql('UPDATE t SET n = 1 WHERE k = ? RETURNING b', `b${size}`));
      assertBytes(returned?.rows[0]?.[0], expected);
    }
  });

  it('takes a view into a larger buffer and leaves the rest of it alone', async ({ db }) => {
    const whole = pattern(300_000);
    const view = whole.subarray(1000, 201_000);
    assertBytes((await echo(db, view))?.[0], pattern(300_000).subarray(1000, 201_000));
    assert.equal(whole.byteLength, 300_000);
  });

  it('takes the same bytes twice in a batch', async ({ db }) => {
    const bytes = pattern(100_000);
    const back = await echo(db, bytes, bytes);
    assertBytes(back?.[0], pattern(100_000));
    assertBytes(back?.[1], pattern(100_000));
  });

  it('refuses what SQL cannot hold, and goes on', async ({ db }) => {
    const given = pattern(100_000);
    structuredClone(given, { transfer: [given.buffer] });
    const wrong: unknown[] = [true, undefined, {}, [1], 10n, new Date(0), new ArrayBuffer(3), Number.NaN];
    for (const value of [...wrong, Number.POSITIVE_INFINITY, new Uint16Array(2), 'a\0b', given]) {
      // The types forbid these; a mistake must still be a refusal and not the end of the process.
      await refused(echo(db, value as SqlValue), 'internal');
    }
    assert.deepEqual(await echo(db, 1), [1]);
  });
}

function refusals(it: It): void {
  it('tells a constraint from other failures', async ({ db }) => {
    await write(
      db,
      T,
      'CREATE TABLE child (t INTEGER NOT NULL REFERENCES t (id))',
      'CREATE TABLE late (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)',
      insert('a'),
    );
    for (const violation of [
      "INSERT INTO t (k) VALUES ('a') RETURNING id",
      'INSERT INTO t (id) VALUES (1)',
      'INSERT INTO t (n) VALUES (100)',
      'INSERT INTO child VALUES (NULL)',
      'INSERT INTO child VALUES (99)',
      'INSERT INTO late VALUES (99)',
      "INSERT OR ROLLBACK INTO t (k) VALUES ('a')",
    ]) {
      await refused(write(db, insert('b'), violation), 'constraint');
    }
    for (const mistake of ['INSRT', 'SELECT * FROM nowhere', 'INSERT INTO t (nothing) VALUES (1)']) {
      await refused(write(db, insert('b'), mistake), 'internal');
    }
    assert.deepEqual(await keys(db), ['a']);
  });

  it('does not let a refused batch touch its neighbours', async ({ db }) => {
    await write(
      db,
      T,
      'CREATE TABLE late (t INTEGER REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)',
      insert('x'),
    );
    const spoilers: Statement[] = [
      insert('x'),
      sql('INSERT INTO late VALUES (99)'),
      sql("INSERT OR ROLLBACK INTO t (k) VALUES ('x')"),
      sql('SELECT * FROM nowhere'),
    ];
    const expected = ['x'];
    for (const [round, spoiler] of spoilers.entries()) {
      const group = Array.from({ length: 40 }, (_, i) => ({
        key: `r${round}-${String(i).padStart(2, '0')}`,
        i,
      }));
      const outcomes = await Promise.allSettled(
        group.map(({ key, i }) => write(db, insert(key), ...(i % 7 === 3 ? [spoiler] : []))),
      );
      for (const { key, i } of group) {
        assert.equal(outcomes[i]?.status, i % 7 === 3 ? 'rejected' : 'fulfilled', key);
        if (i % 7 !== 3) expected.push(key);
      }
    }
    assert.deepEqual(await keys(db), expected.sort());
  });

  it('leaves nothing of a refused statement that is a batch by itself', async ({ db }) => {
    await write(db, T, insert('x'));
    const expected = ['x'];
    for (const verb of ['INSERT', 'INSERT OR FAIL', 'INSERT OR ABORT']) {
      // Twice, since a driver knows more of a statement that it has seen.
      for (let round = 0; round < 2; round += 1) {
        const named = (i: number) => `${verb} ${round} ${i}`;
        const outcomes = await Promise.allSettled(
          Array.from({ length: 12 }, (_, i) =>
            write(db, i % 3 === 1 ? sql(`${verb} INTO t (k) VALUES (?), ('x')`, named(i)) : insert(named(i))),
          ),
        );
        for (const [i, { status }] of outcomes.entries()) {
          assert.equal(status, i % 3 === 1 ? 'rejected' : 'fulfilled', named(i));
          if (i % 3 !== 1) expected.push(named(i));
        }
      }
    }
    assert.deepEqual(await keys(db), expected.sort());
  });

  it('answers one row where the statement says so, and none where there is none', async ({ db }) => {
    await write(db, T, insert('one'), insert('two'));
    const one = 'SELECT k FROM t WHERE k >= ? ORDER BY k LIMIT 1';
    for (const [from, rows] of [
      ['a', [['one']]],
      ['p', [['two']]],
      ['z', []],
    ] as const) {
      const [answer] = await db.batch([sql(one, from)], 'read');
      assert.deepEqual(answer, { columns: ['k'], rows, changes: 0 });
    }
    const [plan] = await db.batch(
      [sql(`EXPLAIN QUERY PLAN SELECT * FROM t, t AS u WHERE t.n > u.n LIMIT 1`)],
      'read',
    );
    assert.equal(plan?.rows.length, 2);
  });

  it('refuses every way of writing in a batch that reads', async ({ db }) => {
    await write(db, T, insert('a'));
    for (const attempt of [
      insert('b'),
      sql("WITH x AS (SELECT 'b') INSERT INTO t (k) SELECT * FROM x RETURNING k"),
      sql('DELETE FROM t RETURNING k'),
      sql("/* SELECT */ UPDATE t SET k = 'c'"),
      sql('-- SELECT\nDROP TABLE t'),
      sql('CREATE TABLE u (a)'),
    ]) {
      await refused(read(db, 'SELECT 1', attempt), 'internal');
    }
    assert.deepEqual(await keys(db), ['a']);
    const [fine] = await read(db, "WITH x AS (SELECT 'insert' AS k) SELECT k, replace(k, 'in', 'de') FROM x");
    assert.deepEqual(fine?.rows, [['insert', 'desert']]);
  });

  it('refuses transactions, pragmas and second statements in a batch', async ({ db }) => {
    await write(db, T);
    const forbidden = [
      'BEGIN',
      'COMMIT',
      'end',
      'ROLLBACK',
      'savepoint a',
      'RELEASE a',
      'PRAGMA foreign_keys=OFF',
    ];
    const files = ["ATTACH 'x' AS x", 'DETACH x', 'VACUUM', "vacuum into 'x'"];
    const several = [
      'SELECT 1; DELETE FROM t',
      "SELECT ';' ; SELECT 2",
      'SELECT 1;;SELECT 2',
      '',
      ' -- nothing',
    ];
    for (const text of [...forbidden, ...files, ...several]) {
      await refused(write(db, insert('a'), text), 'internal');
      await refused(write(db, insert('a'), `/* x */ ${text}`), 'internal');
    }
    await refused(db.batch([], 'write'), 'internal');
    assert.deepEqual(await keys(db), []);
    const [fine] = await read(db, "SELECT ';', 'a''; b' AS \"c;d\" ; -- the end; of it");
    assert.deepEqual(fine?.rows, [[';', "a'; b"]]);
  });
}

function concurrency(it: It): void {
  it('gives one of many takers the row', async ({ db, other }) => {
    await write(db, T);
    const second = (await other?.()) ?? db;
    for (let round = 0; round < 20; round++) {
      await write(db, insert(`r${round}`));
      const takers = Array.from({ length: 32 }, (_, i) =>
        write(i % 2 === 0 ? db : second, sql('DELETE FROM t WHERE k = ? RETURNING k', `r${round}`)),
      );
      // Where two processes share a file one may find it locked; then it took nothing.
      const outcomes = await Promise.allSettled(takers);
      const taken = outcomes.filter((o) => o.status === 'fulfilled' && o.value[0]?.rows.length === 1);
      assert.equal(taken.length, 1);
    }
  });

  it('counts every one of many increments', async ({ db }) => {
    await write(db, 'CREATE TABLE c (n INTEGER)', 'INSERT INTO c VALUES (0)');
    const increments = Array.from({ length: 300 }, () => write(db, 'UPDATE c SET n = n + 1 RETURNING n'));
    const seen = (await Promise.all(increments)).map(([result]) => Number(result?.rows[0]?.[0]));
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      Array.from({ length: 300 }, (_, i) => i + 1),
    );
  });

  it('reads one moment in all statements of a batch', async ({ db }) => {
    await write(db, 'CREATE TABLE a (x)', 'CREATE TABLE b (x)');
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 200; i++) await write(db, 'INSERT INTO a VALUES (1)', 'INSERT INTO b VALUES (1)');
      writing = false;
    })();
    while (writing) {
      const [a, b] = await read(db, 'SELECT count(*) FROM a', 'SELECT count(*) FROM b');
      assert.deepEqual(a?.rows, b?.rows);
    }
    await writer;
  });

  it(
    'refuses what would make the queue longer than its bound, and nothing of it happens',
    async ({ db }) => {
      await write(db, T);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 30 }, (_, i) => write(db, insert(`k${i}`))),
      );
      const kept = outcomes.filter(({ status }) => status === 'fulfilled').length;
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') await refused(Promise.reject(outcome.reason), 'overloaded');
      }
      assert.ok(kept >= 10 && kept < 30, `${kept} kept`);
      assert.equal((await keys(db)).length, kept);
      await write(db, insert('afterwards'));
    },
    { maxWaiting: 10 },
  );
}

function closing(it: It): void {
  it('finishes what it accepted before it closes, and takes nothing afterwards', async ({ db, other }) => {
    await write(db, T);
    const second = await other?.();
    const accepted = Array.from({ length: 100 }, (_, i) => write(db, insert(`k${i}`)));
    const reading = read(db, 'SELECT count(*) FROM t');
    const closed = db.close();
    await refused(write(db, insert('late')), 'internal');
    await refused(read(db, 'SELECT 1'), 'internal');
    await Promise.all([...accepted, reading, closed, db.close()]);
    await refused(write(db, insert('later')), 'internal');
    if (second !== undefined) assert.equal((await keys(second)).length, 100);
  });
}

/** Bytes in which every position tells where it is. */
function pattern(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8) * 17) & 0xff);
}

function assertBytes(value: SqlValue | undefined, expected: Uint8Array): void {
  assert.ok(value instanceof Uint8Array);
  assert.equal(Object.getPrototypeOf(value), Uint8Array.prototype, 'plain bytes, not a Buffer');
  assert.ok(value.buffer instanceof ArrayBuffer);
  assert.equal(value.byteLength, expected.byteLength);
  assert.ok(value.every((byte, i) => byte === expected[i]));
}
