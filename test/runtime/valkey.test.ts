/** Rate limits and leases that several processes share, on a real server that comes and goes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it, type TestContext } from 'node:test';
import { Redis } from 'iovalkey';
import { openCoordination, valkeyLimiter } from '../../runtime/valkey.ts';
import { Fault } from '../../src/core/faults.ts';
import { uploadLeaseKey } from '../../src/core/upload-lease.ts';
import { limiterContract } from '../contract/limiter.ts';
import { type RedisServer, redisServer } from '../support/redis.ts';

const PASSWORD = 'a password for tests alone';
const MINUTE = 60_000;

describe('coordination', () => {
  let server: RedisServer;
  const settings = (given: object = {}) => ({
    ...{ backend: 'valkey' as const, username: undefined, password: PASSWORD, db: 0, tls: false },
    ...{ dialTimeoutMs: 60_000, readTimeoutMs: 60_000, writeTimeoutMs: 60_000 },
    address: { host: '127.0.0.1', port: server.port },
    ...given,
  });
  const said: string[] = [];
  const log = { write: (_level: string, message: string) => said.push(message) };
  before(async () => {
    server = await redisServer(PASSWORD);
  });
  after(() => server?.close());

  limiterContract('Valkey', async () => {
    const client = new Redis({ port: server.port, password: PASSWORD });
    await client.flushall();
    let moved = 0;
    return {
      limiter: valkeyLimiter(client),
      now: () => Date.now() + moved,
      slackMs: 10_000,
      async pass(ms) {
        moved += ms;
        // The server's own clock cannot be moved; the ends of all windows are.
        for (const key of await client.keys('*'))
          await client.pexpire(key, Math.trunc((await client.pttl(key)) - ms));
      },
      async close() {
        client.disconnect();
      },
    };
  });

  it('is one count for all processes', async () => {
    const processes = await Promise.all([
      openCoordination(settings(), MINUTE, log),
      openCoordination(settings(), MINUTE, log),
    ]);
    const hits = Array.from({ length: 40 }, (_, at) =>
      processes[at % 2]?.limiter.hit('sallyport:rate:main:v1:auth:shared', 15, MINUTE, Date.now()),
    );
    const let_through = (await Promise.all(hits)).filter((until) => until === undefined);
    assert.equal(let_through.length, 15);
    for (const one of processes) await one.close();
  });

  it('refuses to count while the server is away, and goes on when it is back', async (t) => {
    const { limiter, close } = await openCoordination(settings(), MINUTE, log);
    t.after(close);
    const hit = () => limiter.hit('sallyport:rate:main:v1:auth:x', 100, MINUTE, Date.now());
    assert.equal(await hit(), undefined);
    await server.stop();
    for (let i = 0; i < 3; i += 1)
      await assert.rejects(hit, (error) => error instanceof Fault && error.kind === 'rate_limit_unavailable');
    await server.start();
    for (;;) {
      if (
        await hit().then(
          () => true,
          () => false,
        )
      )
        break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual([said.at(-2), said.at(-1)], ['coordination is away', 'coordination is back']);
    assert.ok(!said.join().includes(PASSWORD));
  });

  it('ends windows by its own clock, whatever that of a process says', async (t) => {
    const { limiter, close } = await openCoordination(settings(), MINUTE, log);
    t.after(close);
    for (const now of [0, Date.now(), Date.now() + 10 * 24 * 60 * MINUTE]) {
      const hit = () => limiter.hit('sallyport:rate:main:v1:auth:clocks', 1, MINUTE, now);
      await hit();
      const until = (await hit()) ?? assert.fail('the second is too many');
      assert.ok(until > now && until <= now + MINUTE, 'so long from now, by the clock of who asks');
    }
  });

  describe('a lease of an upload', () => {
    const key = uploadLeaseKey({ incidentId: 'inc_1', streamId: 'str_1', chunkIndex: 1 });
    const inProgress = (error: unknown) =>
      error instanceof Fault &&
      error.kind === 'upload_in_progress' &&
      [1, 2, 3, 4, 5].includes(error.detail.retryAfterSeconds ?? 0);
    const two = async (t: TestContext) => {
      const both = await Promise.all([
        openCoordination(settings(), MINUTE, log),
        openCoordination(settings(), MINUTE, log),
      ]);
      t.after(() => Promise.all(both.map(({ close }) => close())));
      return [both[0].uploadLeases, both[1].uploadLeases] as const;
    };

    it('is had by one of many who ask at once, and by the next once it is given back', async (t) => {
      const processes = await two(t);
      const asked = Array.from({ length: 40 }, (_, at) => processes[at % 2 === 0 ? 0 : 1].take(key));
      const outcomes = await Promise.allSettled(asked);
      const [had, ...more] = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      assert.deepEqual(more, []);
      for (const one of outcomes) if (one.status === 'rejected') assert.ok(inProgress(one.reason));
      await had?.();
      await (await processes[1].take(key))();
    });

    it('ends by itself, and is then not taken from whoever has it next', async (t) => {
      const [one, other] = await two(t);
      const client = new Redis({ port: server.port, password: PASSWORD });
      t.after(() => client.disconnect());
      const giveBack = await one.take(key);
      assert.ok((await client.pttl(key)) > 0 && (await client.pttl(key)) <= MINUTE);
      await client.pexpire(key, -1);
      const giveBackOther = await other.take(key);
      await giveBack();
      await assert.rejects(one.take(key), inProgress);
      await giveBackOther();
      assert.deepEqual(await client.keys('sallyport:lease:*'), []);
    });

    it('is named by a digest of its place', () => {
      const digest = createHash('sha256').update('inc_1\nstr_1\n1').digest('hex');
      assert.equal(key, `sallyport:lease:upload:v1:${digest}`);
      const places = [
        { incidentId: 'a', streamId: 'b', chunkIndex: 1 },
        { incidentId: 'a', streamId: 'b', chunkIndex: 2 },
        { incidentId: 'a', streamId: 'c', chunkIndex: 1 },
        { incidentId: 'b', streamId: 'b', chunkIndex: 1 },
      ];
      assert.equal(new Set(places.map(uploadLeaseKey)).size, places.length);
    });
  });

  it('refuses in time while its server keeps its connections and answers nothing', async (t) => {
    const quick = settings({ readTimeoutMs: 1000, writeTimeoutMs: 1000 });
    const { limiter, uploadLeases, close } = await openCoordination(quick, MINUTE, log);
    t.after(close);
    server.freeze();
    const refuses = (kind: string) => (error: unknown) => error instanceof Fault && error.kind === kind;
    try {
      const hit = limiter.hit('sallyport:rate:main:v1:auth:frozen', 100, MINUTE, Date.now());
      await assert.rejects(hit, refuses('rate_limit_unavailable'));
      await assert.rejects(uploadLeases.take('frozen'), refuses('upload_coordination_unavailable'));
    } finally {
      server.thaw();
    }
    // The connection that was given up is made anew first.
    let giveBack: (() => Promise<void>) | undefined;
    while (giveBack === undefined)
      giveBack = await uploadLeases.take('thawed').catch((error: unknown) => {
        assert.ok(refuses('upload_coordination_unavailable')(error));
        return undefined;
      });
    await giveBack();
  });

  it('does not start without its server, with the wrong password, or in a database that is not there', async () => {
    for (const [given, word] of [
      [{ address: { host: '127.0.0.1', port: 1 } }, /cannot be used \(ECONNREFUSED\)/],
      [{ password: 'wrong' }, /cannot be used \(WRONGPASS\).* SAFE_VALKEY_PASSWORD/],
      [{ db: 99 }, /cannot be used \(ERR\).* SAFE_VALKEY_DB/],
    ] as const) {
      await assert.rejects(openCoordination(settings(given), MINUTE, log), word);
    }
  });
});
