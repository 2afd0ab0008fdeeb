/** Rate limits that several processes share, on a real server that comes and goes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'iovalkey';
import { openCoordination, valkeyLimiter } from '../../runtime/valkey.ts';
import { Fault } from '../../src/core/faults.ts';
import { limiterContract } from '../contract/limiter.ts';
import { noRedis, type RedisServer, redisServer } from '../support/redis.ts';

const PASSWORD = 'a password for tests alone';
const MINUTE = 60_000;

describe('coordination', { skip: noRedis }, () => {
  let server: RedisServer;
  const settings = (given: object = {}) => ({
    ...{ backend: 'valkey' as const, username: undefined, password: PASSWORD, db: 0, tls: false },
    ...{ dialTimeoutMs: 5000, readTimeoutMs: 5000, writeTimeoutMs: 5000 },
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
      slackMs: 1000,
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
      openCoordination(settings(), log),
      openCoordination(settings(), log),
    ]);
    const hits = Array.from({ length: 40 }, (_, at) =>
      processes[at % 2]?.limiter.hit('sallyport:rate:main:v1:auth:shared', 15, MINUTE, Date.now()),
    );
    const let_through = (await Promise.all(hits)).filter((until) => until === undefined);
    assert.equal(let_through.length, 15);
    for (const one of processes) await one.close();
  });

  it('refuses to count while the server is away, and goes on when it is back', async (t) => {
    const { limiter, close } = await openCoordination(settings(), log);
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

  it('does not start without its server, or with the wrong password', async () => {
    for (const given of [{ address: { host: '127.0.0.1', port: 1 } }, { password: 'wrong' }]) {
      await assert.rejects(openCoordination(settings(given), log), /cannot be used/);
    }
  });
});
