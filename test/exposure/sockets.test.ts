/** The two doors over real sockets, with request lines that no client library would send. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { rounds } from '../support/seed.ts';
import { runtimes, startServer, type TestServer } from '../support/server.ts';
import { METHODS, NEVER_ON_ADMIN, NEVER_ON_MAIN, pathsOf } from './paths.ts';
import { type RawAnswer, RawClient } from './raw-socket.ts';
import { rawSpellings, spellings } from './spellings.ts';

const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  // Nobody reads a line for each of forty thousand requests.
  SAFE_LOG_LEVEL: 'error',
};
const NOT_FOUND = '{"error":{"code":"not_found","message":"endpoint was not found","request_id":"here"}}';

/** A target as it travels: what is not ASCII is sent as its UTF-8 bytes. */
const onTheWire = (target: string) => Buffer.from(target, 'utf8').toString('latin1');
const isAscii = (target: string) => /^[\x21-\x7e]+$/.test(target);

function demand404(answer: RawAnswer | undefined, method: string, what: string): void {
  assert.equal(answer?.status, 404, what);
  assert.equal(answer?.body, method === 'HEAD' ? '' : NOT_FOUND, what);
  assert.equal(answer?.headers.location, undefined, what);
  assert.equal(answer?.headers.allow, undefined, what);
  assert.equal(answer?.headers['x-request-id'], 'here', what);
}

/** Refused before it was a request, or answered with the 404: never anything else. */
function demandRefusal(answer: RawAnswer | undefined, method: string, what: string): void {
  if (answer === undefined) return;
  assert.ok([400, 404].includes(answer.status), `${what}: ${answer.status}`);
  assert.equal(answer.headers['x-content-type-options'], 'nosniff', what);
  assert.equal(answer.headers['cache-control'], 'no-store', what);
  assert.match(answer.headers['x-request-id'] ?? '', /^[A-Za-z0-9._-]{1,64}$/, what);
  if (method !== 'HEAD') {
    const { error } = JSON.parse(answer.body) as { error: { code: string } };
    assert.equal(error.code, answer.status === 400 ? 'bad_request' : 'not_found', what);
  }
}

async function refusesAll(
  url: string,
  paths: readonly string[],
  token: string,
  methods: readonly string[] = METHODS,
): Promise<void> {
  const client = new RawClient(url);
  const headers = ['X-Request-ID: here', `X-Delete-Token: ${token}`];
  try {
    for (const path of paths) {
      for (const method of methods) {
        const known = method !== 'BREW';
        for (const target of spellings(path)) {
          const answer = await client.ask(method, onTheWire(target), headers);
          const what = `${method} ${JSON.stringify(target)}`;
          // A method that the parser does not know, and bytes outside of ASCII, may be refused before routing.
          if (known && isAscii(target) && target.startsWith('/')) demand404(answer, method, what);
          else demandRefusal(answer, method, what);
        }
        for (const target of rawSpellings(path)) {
          const answer = await client.ask(method, onTheWire(target), headers);
          demandRefusal(answer, method, `${method} ${JSON.stringify(target)}`);
        }
      }
    }
  } finally {
    client.close();
  }
}

async function storePaste(server: TestServer) {
  const response = await fetch(`${server.main}/`, { method: 'POST', body: 'kept' });
  assert.equal(response.status, 201);
  const { id, delete_token: token } = (await response.json()) as { id: string; delete_token: string };
  return { id, token };
}

/** Spellings meet GET, and further methods in the soak: the handlers meet them every day. */
const methods = (...more: string[]) => ['GET', ...(rounds(1) > 1 ? more : [])];

for (const runtime of runtimes) {
  describe(`the two doors on ${runtime}, byte by byte`, () => {
    let server: TestServer;
    before(async () => {
      server = await startServer({ runtime, settings: SETTINGS });
    });
    after(() => server?.stop());

    it('neither answers for the other, whatever stands in the request line', async () => {
      const { id, token } = await storePaste(server);
      await refusesAll(server.main, pathsOf(adminRoutes, '', {}), token, methods('POST', 'HEAD'));
      await refusesAll(server.admin, pathsOf(mainRoutes, '', { id }), token, methods('POST', 'DELETE'));
      const still = await fetch(`${server.main}/${id}/raw`);
      assert.equal(await still.text(), 'kept');
    });

    it('neither has what the contract denies it, with any method, by any name of the host', async () => {
      for (const [url, paths] of [
        [server.main, NEVER_ON_MAIN],
        [server.admin, NEVER_ON_ADMIN],
      ] as const) {
        const client = new RawClient(url);
        for (const path of paths) {
          for (const method of METHODS) {
            for (const target of [path, `http://localhost${path}`]) {
              const answer = await client.ask(method, target, ['X-Request-ID: here']);
              if (method === 'BREW') demandRefusal(answer, method, target);
              else demand404(answer, method, `${method} ${target}`);
            }
          }
        }
        client.close();
      }
    });

    it('neither is a proxy: CONNECT, TRACE and the asterisk get nothing', async () => {
      for (const url of [server.main, server.admin]) {
        for (const [method, target] of [
          ['CONNECT', 'localhost:80'],
          ['CONNECT', `127.0.0.1:${new URL(server.admin).port}`],
          ['CONNECT', '/'],
          ['CONNECT', '/admin'],
          ['TRACE', '/'],
          ['TRACE', '/admin'],
          ['TRACE', '*'],
          ['OPTIONS', '*'],
          ['GET', '*'],
          ['PRI', '*'],
        ] as const) {
          const client = new RawClient(url);
          const answer = await client.ask(method, target, ['X-Request-ID: here', 'X-Echo: echoed']);
          const what = `${method} ${target}`;
          demandRefusal(answer, method, what);
          assert.ok(!(answer?.body ?? '').includes('echoed'), what);
          client.close();
        }
      }
    });

    it('an upgrade to another protocol is answered like any other request', async () => {
      for (const [url, path, status] of [
        [server.main, '/admin', 404],
        [server.admin, '/', 404],
        [server.main, '/', 200],
      ] as const) {
        const client = new RawClient(url);
        const answer = await client.ask('GET', path, [
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
          'X-Request-ID: here',
        ]);
        assert.equal(answer?.status, status, path);
        client.close();
      }
    });
  });
}
