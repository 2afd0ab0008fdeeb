/** A burn paste is read once: over any number of readers, and over any number of processes on one database. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { openRemote } from '../../src/store/remote.ts';
import { type House, inHouse } from '../support/house.ts';
import { rounds } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';
import { type Burning, burning, type Door, handlerDoor, raceToRead, shapeOf, socketDoor } from './racing.ts';

const READERS = 32;
const ROUNDS = rounds(50);
const noServer = hasSqld ? false : 'npm has no libSQL server for this platform';

const settingsFor = (url: string, key: string) => ({
  SAFE_DATABASE_URL: url,
  SAFE_SECRET_KEY: key,
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
});

describe(`${ROUNDS} rounds of ${READERS} readers`, () => {
  it('one process on a file: exactly one reader each round', () =>
    inHouse({ data: 'file' }, async (house) => {
      const door = handlerDoor(house.main);
      for (let round = 0; round < ROUNDS; round += 1)
        await raceToRead([door], await burning(door, shapeOf(round)), READERS);
      assert.equal((await house.deps.store.pastes.totals()).count, 0);
    }));

  it('one process on a file, over sockets: exactly one reader each round', async () => {
    await using server = await startServer({ settings: { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false' } });
    const door = socketDoor(server.main);
    for (let round = 0; round < ROUNDS; round += 1)
      await raceToRead([door], await burning(door, shapeOf(round)), READERS);
  });

  describe('two processes on one database', { skip: noServer }, () => {
    let sqld: Sqld;
    const servers: TestServer[] = [];
    before(async () => {
      sqld = await startSqld();
      const settings = settingsFor(sqld.url, randomBytes(32).toString('base64'));
      // One after the other: the first one makes the schema, and the key that signs for both.
      const first = await startServer({ settings });
      servers.push(first);
      servers.push(await startServer({ settings, besides: first }));
    });
    after(async () => {
      for (const server of servers) await server.stop();
      await sqld.stop();
    });

    it('exactly one reader each round', async (t) => {
      const doors = servers.map(({ main }) => socketDoor(main));
      let restarts = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const maker = doors[round % 2] ?? assert.fail();
        const race = async () => raceToRead(doors, await burning(maker, shapeOf(round)), READERS);
        // The server itself (sqld 0.24) can stop taking writes for good when several writers wait for it on a busy
        // machine. An operator restarts it then; the round was not decided, and another one is.
        for (let over = false; !over; ) {
          over = await race().then(
            () => true,
            (error: Error) => {
              if (!/\b503\b/.test(error.message)) throw error;
              return false;
            },
          );
          if (over) continue;
          restarts += 1;
          assert.ok(
            restarts <= ROUNDS / 10,
            'the database was away more often than its own trouble explains',
          );
          await sqld.kill();
          await sqld.start();
        }
      }
      if (restarts > 0) t.diagnostic(`${restarts} restarts of the database server`);
    });

    it('a transfer that breaks leaves nothing to read, and its bytes leave the database', async () => {
      const [door] = servers.map(({ main }) => socketDoor(main));
      assert.ok(door);
      const db = openRemote({ url: sqld.url });
      const count = async (sql: string) => Number((await db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0]);
      const bytes = new Uint8Array(randomBytes(3 * 1024 * 1024));
      const created = await door.send('/', {
        method: 'POST',
        body: bytes,
        headers: { 'x-burn-after-read': '1' },
      });
      const { id } = (await created.json()) as { id: string };
      assert.equal(await count('SELECT count(*) FROM segments'), 3);

      const socket = connect({ host: '127.0.0.1', port: Number(new URL(servers[0]?.main ?? '').port) });
      socket.write(`GET /${id}/raw HTTP/1.1\r\nHost: x\r\n\r\n`);
      const [first] = (await once(socket, 'data')) as [Buffer];
      assert.match(first.toString('latin1'), /^HTTP\/1\.1 200 /);
      socket.resetAndDestroy();

      for (const { main } of servers) {
        const again = await socketDoor(main).send(`/${id}/raw`);
        assert.equal(again.status, 404);
      }
      // The server learns of the break from its socket: asked until it has, at most two minutes.
      const deadline = Date.now() + 120_000;
      while ((await count('SELECT count(*) FROM segments')) > 0)
        assert.ok(Date.now() < deadline, 'bytes are left');
      assert.equal(await count('SELECT count(*) FROM loose_blobs'), 0);
      assert.equal(await count('SELECT count(*) FROM pastes'), 0);
      await db.close();
    });
  });
});

/** Everything that must leave a burn paste as it is. */
function harmless(door: Door, { id, headers }: Burning): (() => Promise<Response>)[] {
  const raw = (more: Record<string, string>, method = 'GET') =>
    door.send(`/${id}/raw`, { method, headers: { ...headers, ...more } });
  const wrong = { 'x-delete-token': randomBytes(32).toString('base64url') };
  return [
    () => raw({}, 'HEAD'),
    () => raw({}, 'OPTIONS'),
    () => raw({}, 'POST'),
    () => raw({ range: 'bytes=0-' }),
    () => raw({ range: 'bytes=0-0' }),
    () => raw({ range: 'nonsense' }),
    () => raw({ 'if-none-match': '*' }),
    () => raw({ 'if-none-match': '"x"' }),
    () => raw({ 'sec-purpose': 'prefetch' }),
    () => raw({ 'sec-purpose': 'prefetch;anonymous-client-ip' }),
    () => raw({ 'sec-purpose': 'PREFETCH;prerender' }),
    () => door.send(`/${id}`, { headers }),
    () => door.send(`/${id}`, { method: 'HEAD', headers }),
    () => door.send(`/${id}`, { method: 'OPTIONS' }),
    () => door.send(`/${id}`, { method: 'DELETE' }),
    () => door.send(`/${id}`, { method: 'DELETE', headers: wrong }),
    () => door.send(`/${id}`, { method: 'PUT', body: 'x' }),
    () => door.send(`/${id}`, { method: 'PUT', body: 'x', headers: wrong }),
    () => door.send(`/${id}/raw/`, { headers }),
    () => door.send(`/${id}%2fraw`, { headers }),
    ...(headers['x-paste-password'] === undefined
      ? []
      : [
          () => door.send(`/${id}/raw`),
          () => door.send(`/${id}/raw`, { headers: { 'x-paste-password': 'wrong' } }),
          () => door.send(`/${id}`, { headers: { 'x-paste-password': 'wrong' } }),
          () => door.send(`/${id}/raw`, { method: 'HEAD', headers: { 'x-paste-password': 'wrong' } }),
        ]),
  ];
}

describe('what never burns', () => {
  it('none of it takes the paste, all of it at once, and then it is read', () =>
    inHouse({ data: 'file' }, async ({ main }) => {
      const door = handlerDoor(main);
      for (const shape of ['small', 'staged', 'proof', 'password'] as const) {
        const paste = await burning(door, shape);
        const calls = harmless(door, paste);
        const statuses = await Promise.all(
          calls.map(async (call) => {
            const response = await call();
            await response.arrayBuffer();
            return response.status;
          }),
        );
        // Metadata by GET and HEAD, and HEAD of the bytes; everything else is refused.
        assert.equal(statuses.filter((status) => status === 200).length, 3, `${shape}: ${statuses}`);
        assert.ok(
          statuses.every((status) => [200, 401, 403, 404, 412, 416, 425].includes(status)),
          `${statuses}`,
        );
        await raceToRead([door], paste, 4);
      }
    }));

  it('with readers in between, exactly one of them gets it', () =>
    inHouse({ data: 'file' }, async ({ main }) => {
      const door = handlerDoor(main);
      for (let round = 0; round < 20; round += 1) {
        const paste = await burning(door, (['small', 'staged', 'proof'] as const)[round % 3] ?? 'small');
        const others = harmless(door, paste).map(async (call) => (await call()).arrayBuffer());
        await raceToRead([door], paste, 8);
        await Promise.all(others);
      }
    }));

  it('a wrong password locks its peer out, and the right one reads it when the lock is over', () =>
    inHouse({ data: 'file' }, async ({ main, clock }) => {
      const door = handlerDoor(main);
      const paste = await burning(door, 'proof');
      const wrong = () => door.send(`/${paste.id}/raw`, { headers: { 'x-paste-password': 'wrong' } });
      const burst = await Promise.all(Array.from({ length: 40 }, wrong));
      const count = (status: number) => burst.filter((response) => response.status === status).length;
      assert.deepEqual([count(403), count(429)], [10, 30], 'no more guesses than the count allows');
      const right = () => door.send(`/${paste.id}/raw`, { headers: paste.headers });
      assert.equal((await right()).status, 429);
      clock.advance(15 * 60_000);
      await raceToRead([door], paste, 8);
    }));
});

describe('a transfer that breaks', () => {
  const left = async ({ db }: House) => {
    const sql = 'SELECT (SELECT count(*) FROM segments), (SELECT count(*) FROM loose_blobs)';
    return (await db.batch([{ sql }], 'read'))[0]?.rows[0];
  };

  for (const [when, pieces] of [
    ['before its first byte', 0],
    ['after its first piece', 1],
    ['in the middle', 2],
  ] as const) {
    it(`${when} leaves no paste and no bytes`, () =>
      inHouse({ data: 'file' }, async (house) => {
        const door = handlerDoor(house.main);
        const { id } = await burning(door, 'staged');
        const response = await door.send(`/${id}/raw`);
        const reader = response.body?.getReader() ?? assert.fail();
        for (let i = 0; i < pieces; i += 1) assert.equal((await reader.read()).done, false);
        await reader.cancel();
        assert.equal((await door.send(`/${id}/raw`)).status, 404);
        assert.equal((await door.send(`/${id}`)).status, 404);
        assert.deepEqual(await left(house), [0, 0]);
        assert.equal((await house.deps.store.pastes.totals()).count, 0);
        assert.equal(house.log.filter(({ broken }) => broken !== undefined).length, 1);
      }));
  }

  it('that nobody ever reads or cancels is swept when its time is over', () =>
    inHouse({ data: 'file' }, async (house) => {
      const door = handlerDoor(house.main);
      const { id } = await burning(door, 'staged');
      await door.send(`/${id}/raw`);
      house.clock.advance(60 * 60_000 - 1);
      await house.sweep();
      assert.deepEqual(await left(house), [3, 1]);
      house.clock.advance(1);
      await house.sweep();
      assert.deepEqual(await left(house), [0, 0]);
    }));

  it('a reader that was given the paste keeps it while a sweep goes by', () =>
    inHouse({ data: 'file' }, async (house) => {
      const door = handlerDoor(house.main);
      const paste = await burning(door, 'staged');
      const reader = (await door.send(`/${paste.id}/raw`)).body?.getReader() ?? assert.fail();
      const parts: Uint8Array[] = [];
      for (let step = await reader.read(); !step.done; step = await reader.read()) {
        parts.push(step.value);
        await house.sweep();
      }
      assert.ok(Buffer.concat(parts).equals(paste.bytes));
      assert.deepEqual(await left(house), [0, 0]);
    }));
});
