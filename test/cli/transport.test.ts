/** Broken connections, busy servers, proofs of work: one paste comes of it, or none. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Fpaste, installFpaste } from '../support/fpaste.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openWire } from '../support/wire.ts';

let server: TestServer;
let demanding: TestServer;
let fpaste: Fpaste;

before(async () => {
  server = await startServer({ settings: { SAFE_PASTE_DEDUP_MAX: '1' } });
  demanding = await startServer({
    settings: { SAFE_PASTE_POW_DIFFICULTY: '12', SAFE_PASTE_MIN_ENTROPY: '7.2' },
  });
  fpaste = await installFpaste(server.main);
});

after(async () => {
  await fpaste?.remove();
  await demanding?.stop();
  await server?.stop();
});

test('an upload that is cut in the middle is sent again, and one paste is made', async () => {
  const content = randomBytes(2_500_000);
  // The first connection asks for the limits.
  const wire = await openWire(server.main, (number) => (number === 2 ? { afterSent: 300_000 } : {}));
  try {
    const { code, stdout, stderr } = await fpaste.run(['create', '-e', '--server', wire.url], {
      input: content,
    });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /connection broke; trying again/);
    assert.equal(wire.connections(), 3);
    assert.deepEqual((await fpaste.run(['get', stdout.trim()])).bytes, content);
  } finally {
    await wire.close();
  }
});

for (const [what, afterAnswered] of [
  ['lost', 0],
  ['cut in its head', 20],
  ['cut in its body', 600],
] as const)
  test(`an answer that is ${what} does not make a second paste: the retry is answered with the first`, async () => {
    const wire = await openWire(server.main, (number) => (number === 2 ? { afterAnswered } : {}));
    try {
      // The server takes the same bytes once, so a second create would be refused.
      const { code, stdout, stderr } = await fpaste.run(['create', '--json', '--server', wire.url], {
        input: randomBytes(1000),
      });
      assert.equal(code, 0, stderr);
      const { id, delete_token: token } = JSON.parse(stdout);
      assert.ok(token);
      assert.match(wire.captured().toString('latin1'), /Idempotency-Replayed: true/i);
      await fpaste.ok(['delete', id, '--server', server.main, '--token', token]);
    } finally {
      await wire.close();
    }
  });

test('--no-retry tries once', async () => {
  const wire = await openWire(server.main, (number) => (number === 2 ? { afterSent: 1 } : {}));
  try {
    const { code, stderr } = await fpaste.run(['create', '--no-retry', '--server', wire.url], {
      input: 'once',
    });
    assert.equal(code, 3);
    assert.match(stderr, /connection broke/);
    assert.equal(wire.connections(), 2);
  } finally {
    await wire.close();
  }
});

test('a burn paste is never asked for twice', async () => {
  const link = await fpaste.ok(['create', '-e', '-b'], { input: randomBytes(500_000) });
  const [address = '', key] = link.split('#');
  const wire = await openWire(server.main, (number) => (number === 2 ? { afterAnswered: 0 } : {}));
  try {
    const reference = `${wire.url}${new URL(address).pathname}#${key}`;
    const { code, stdout, stderr } = await fpaste.run(['get', reference]);
    assert.deepEqual([code, stdout], [3, '']);
    assert.match(stderr, /can be read once, and is probably gone/);
    assert.equal(wire.connections(), 2);
  } finally {
    await wire.close();
  }
});

test('the work that a server asks for is done, and what it wants sealed is sealed', async () => {
  const { code, stdout, stderr } = await fpaste.run(['create', '--server', demanding.main], {
    input: 'demanding',
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /#[A-Za-z0-9_-]{43}\n$/);
  assert.match(stderr, /takes only sealed pastes, so this one is encrypted/);
  assert.equal(await fpaste.ok(['get', stdout.trim()]), 'demanding');
  const refused = await fpaste.run(['create', '--no-encrypt', '--server', demanding.main], {
    input: 'demanding',
  });
  assert.equal(refused.code, 1);
});

/** A server in front of the real one, which may answer in its place or change what passes. */
async function inFrontOf(
  target: string,
  change: (message: IncomingMessage, answer: ServerResponse) => boolean,
): Promise<Server & { url: string }> {
  const proxy = createServer((message, answer) => {
    if (change(message, answer)) return;
    const { hostname, port } = new URL(target);
    const { method, url, headers } = message;
    const upstream = forward({ hostname, port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    // After an early refusal the rest of the body has nowhere to go, which is no fault.
    upstream.on('error', () => {
      if (!answer.headersSent) answer.destroy();
    });
    message.pipe(upstream);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return Object.assign(proxy, { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` });
}

async function closed(proxy: Server): Promise<void> {
  proxy.closeAllConnections();
  proxy.close();
  await once(proxy, 'close');
}

test('work that is not accepted is done again, once', async () => {
  for (const [spoiled, code] of [
    [1, 0],
    [9, 1],
  ] as const) {
    const tokens = new Set<unknown>();
    const proxy = await inFrontOf(demanding.main, ({ method, headers }) => {
      if (method !== 'POST') return false;
      tokens.add(headers['x-pow-token']);
      if (tokens.size <= spoiled) headers['x-pow-solution'] = 'not a solution';
      return false;
    });
    try {
      const ran = await fpaste.run(['create', '-e', '--server', proxy.url], { input: `worked ${spoiled}` });
      assert.equal(ran.code, code, ran.stderr);
      assert.equal(tokens.size, 2);
    } finally {
      await closed(proxy);
    }
  }
});

test('a busy server is waited for as long as it says, with the same key', async () => {
  const keys: unknown[] = [];
  const proxy = await inFrontOf(server.main, (message, answer) => {
    if (message.method !== 'POST') return false;
    keys.push(message.headers['idempotency-key']);
    if (keys.length > 2) return false;
    message.resume();
    answer.writeHead(keys.length === 1 ? 429 : 503, {
      'retry-after': '1',
      'content-type': 'application/json',
    });
    answer.end('{"error":{"code":"rate_limited","message":"slower","request_id":"x"}}');
    return true;
  });
  try {
    const { code, stderr } = await fpaste.run(['create', '--server', proxy.url], { input: 'patient' });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /server is busy; trying again in 1 s/);
    assert.equal(keys.length, 3);
    assert.deepEqual(new Set(keys).size, 1);
  } finally {
    await closed(proxy);
  }
});

test('a wait beyond --max-wait is not begun, and the time is told', async () => {
  const proxy = await inFrontOf(server.main, (_message, answer) => {
    answer.writeHead(429, { 'retry-after': '3600', 'content-type': 'application/json' });
    answer.end('{"error":{"code":"rate_limited","message":"slower","request_id":"x"}}');
    return true;
  });
  try {
    const { code, stderr } = await fpaste.run(['info', '--max-wait', '1m', '--server', proxy.url]);
    assert.equal(code, 1);
    assert.match(stderr, /Try again in 1 h/);
  } finally {
    await closed(proxy);
  }
});

test('an address that is not Sallyport, or redirects, is said to be that', async () => {
  const proxy = await inFrontOf(server.main, (message, answer) => {
    answer.writeHead(message.url === '/elsewhere/' ? 302 : 200, { location: 'http://192.0.2.1/' });
    answer.end('<html>\u001b[31mhello</html>');
    return true;
  });
  try {
    for (const path of ['', '/elsewhere']) {
      const { code, stderr } = await fpaste.run(['info', '--server', `${proxy.url}${path}`]);
      assert.equal(code, 1);
      assert.match(stderr, /Check --server/);
      assert.ok(!stderr.includes('\u001b'));
    }
  } finally {
    await closed(proxy);
  }
});

test('a body that ends early is not taken for the whole', async () => {
  const link = await fpaste.ok(['create'], { input: randomBytes(100_000) });
  const proxy = await inFrontOf(server.main, (message, answer) => {
    if (!message.url?.endsWith('/raw')) return false;
    answer.writeHead(200, { 'content-length': '100000' });
    answer.write(Buffer.alloc(50_000), () => answer.destroy());
    return true;
  });
  try {
    const { code } = await fpaste.run([
      'get',
      '--no-retry',
      '-o',
      'half',
      `${proxy.url}${new URL(link).pathname}`,
    ]);
    assert.equal(code, 3);
    await assert.rejects(stat(join(fpaste.work, 'half')));
  } finally {
    await closed(proxy);
  }
});
