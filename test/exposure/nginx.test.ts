/** What a real nginx makes of the generated allow-list, in front of a real server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { allowList } from '../../cli/sallyport/exposed/allow-list.ts';
import { GROUPS, type Group, groupOf } from '../../cli/sallyport/exposed/groups.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { adminRoutes } from '../../src/handlers/admin.ts';
import type { Route } from '../../src/handlers/kit/route.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { answers, post } from '../support/ask.ts';
import { makePair, type Pair } from '../support/certificates.ts';
import { newViewerToken } from '../support/evidence.ts';
import { rounds } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ownersAt } from '../support/server-owner.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { tlsDoor } from '../support/tls-door.ts';
import { digestOf, ENDED, expectOutcome, pendingChunk, STARTED } from '../support/uploading.ts';
import { METHODS, NEVER_ON_MAIN, pathsOf } from './paths.ts';
import {
  demandRefusal,
  type Front,
  front,
  NAME,
  onTheWire,
  rawClient,
  reached,
  SAMPLES,
  SECRET,
  SETTINGS,
  samplePath,
} from './proxied.ts';
import { RawClient } from './raw-socket.ts';
import { rawSpellings, spellings } from './spellings.ts';

describe('a real nginx with the generated allow-list', () => {
  let dir: TempDir;
  let server: TestServer;
  let pair: Pair;
  let clients: Pair;
  let me: Pair;
  let all: Front;
  let viewer: Front;
  before(async () => {
    dir = await tempDir();
    pair = makePair(dir.path, 'server', undefined, NAME);
    clients = makePair(dir.path, 'authority');
    me = makePair(dir.path, 'me', 'authority');
    server = await startServer({ settings: SETTINGS });
    const [first = '', second = ''] = ['all', 'viewer'].map((name) => join(dir.path, name));
    await Promise.all([mkdir(first), mkdir(second)]);
    const tls = ['--cert', pair.certFile, '--key', pair.keyFile];
    const identity = ['--client-ca', clients.certFile, '--secret-file', join(dir.path, 'secret.conf')];
    all = await front(first, server.main, GROUPS.join(','), [...tls, ...identity]);
    viewer = await front(second, server.main, 'viewer', tls);
  });
  after(async () => {
    await all?.nginx.close();
    await viewer?.nginx.close();
    await server?.stop();
    await dir.remove();
  });
  const through = ({ port }: Front, as: Partial<Pair> = {}) =>
    tlsDoor({
      port,
      serverName: NAME,
      ca: pair.cert,
      ...(as.cert !== undefined && { cert: as.cert, key: as.key }),
    });

  it('passes every exposed route on, with every method that it has, and nothing else of any group', async () => {
    await reached(server);
    const parsed = parseSettings({ env: {}, files: new Map() });
    assert.ok(parsed.ok);
    const { settings } = parsed;
    for (const [at, groups] of [
      [all, GROUPS],
      [viewer, ['viewer']],
    ] as const) {
      const door = through(at);
      const client = rawClient(at);
      const expected: string[] = [];
      const allowed = allowList(settings, { groups, identified: true });
      for (const route of mainRoutes) {
        const path = samplePath(route);
        const pattern = route.path.replace(/:(\w+)/g, '{$1}');
        const exposed = (groups as readonly Group[]).includes(groupOf(route));
        assert.equal(
          allowed.some((place) => place.pattern === pattern),
          exposed,
          pattern,
        );
        for (const method of [route.method, ...(route.method === 'GET' ? ['HEAD'] : [])]) {
          const answer = await door(new Request(`https://${NAME}${path}?a=b`, { method }));
          const what = `${method} ${path}: ${answer.status}`;
          assert.equal(answer.headers.has('x-request-id'), exposed, what);
          if (exposed) expected.push(`${method} ${pattern}`);
          assert.match(answer.headers.get('strict-transport-security') ?? '', /^max-age=\d+$/, what);
          if (!exposed) assert.equal(answer.status, 404, what);
        }
        for (const method of METHODS) {
          const right = allowed.find((place) => place.pattern === pattern)?.methods.includes(method);
          if (right === true || method === 'BREW') continue;
          const answer = await client.ask(method, path);
          demandRefusal(answer, method, `${method} ${path}`);
          assert.ok(answer, `${method} ${path}`);
        }
      }
      client.close();
      assert.deepEqual(await reached(server), expected);
    }
  });

  it('refuses the private door in every spelling before the server sees it', async () => {
    await reached(server);
    const paths = [...new Set([...pathsOf(adminRoutes, '', SAMPLES), ...NEVER_ON_MAIN])];
    const client = rawClient(all);
    for (const [index, path] of paths.entries()) {
      // The soak spells all of them; which ones are spelled here changes with the tables alone.
      const spelled = rounds(1) > 1 || index % 5 === 0 || path === '/metrics';
      for (const target of spelled ? spellings(path) : [path, path.toUpperCase(), `/${path}`, `${path}/`]) {
        // A question mark or a fragment in front: those spell the root, which is exposed.
        if (/^\/[?#]/.test(target)) continue;
        demandRefusal(await client.ask('GET', onTheWire(target)), 'GET', JSON.stringify(target));
      }
      for (const method of ['HEAD', 'POST', 'DELETE', 'OPTIONS'])
        demandRefusal(await client.ask(method, path), method, `${method} ${path}`);
    }
    for (const path of ['/admin', '/admin/api/stats', '/metrics']) {
      for (const method of ['GET', 'POST', 'CONNECT', 'TRACE', 'BREW']) {
        for (const target of rawSpellings(path)) {
          if (/^[?#]/.test(target)) continue;
          const answer = await client.ask(method, onTheWire(target));
          demandRefusal(answer, method, `${method} ${JSON.stringify(target)}`);
        }
      }
    }
    client.close();
    assert.deepEqual(await reached(server), []);
  });

  it('refuses it over HTTP/2 as well, where the path is a header', async () => {
    await reached(server);
    const session = connectHttp2(`https://127.0.0.1:${all.port}`, { servername: NAME, ca: pair.cert });
    const statuses: unknown[] = [];
    const targets = ['/admin', '/admin/', '//admin', '/%61dmin', '/x/../admin', '/Admin', '/;/admin'];
    for (const path of [...targets, `https://${NAME}/admin`, 'admin']) {
      const stream = session.request({ ':path': path, ':authority': NAME });
      stream.on('error', () => {});
      const answered = new Promise<void>((resolve) => {
        stream.once('response', (headers) => {
          statuses.push(headers[':status']);
          stream.resume();
        });
        stream.once('close', resolve);
      });
      stream.end();
      await answered;
    }
    session.close();
    assert.ok(statuses.length >= targets.length);
    for (const status of statuses) assert.ok(status === 404 || status === 400, String(status));
    assert.deepEqual(await reached(server), []);
  });

  it('answers to its one name alone', async () => {
    await reached(server);
    for (const host of ['other.example', '127.0.0.1', `${NAME}.other.example`, '']) {
      const client = rawClient(all, host);
      const answer = await client.ask('GET', '/');
      assert.ok(answer === undefined || answer.status === 421 || answer.status === 400, host);
      client.close();
    }
    const unnamed = rawClient(all, NAME, { servername: 'other.example' });
    await assert.rejects(unnamed.ask('GET', '/'), /alert|unrecognized/i);
    assert.deepEqual(await reached(server), []);
  });

  it('redirects a typed name to TLS, and repeats no path', async () => {
    const at = `http://127.0.0.1:${all.plainPort}`;
    const root = new RawClient(at, { host: NAME });
    const moved = await root.ask('GET', '/');
    assert.equal(moved?.status, 301);
    assert.equal(moved?.headers.location, `https://${NAME}:${all.port}/`);
    for (const path of [samplePath(mainRoutes[2] as Route), '/admin', `/i/${SAMPLES.token}`]) {
      const answer = await root.ask('GET', path);
      assert.equal(answer?.status, 404);
      assert.equal(answer?.headers.location, undefined);
    }
    root.close();
  });

  it('bounds bodies by route, before the server sees them', async () => {
    await reached(server);
    /** What is answered to a head that announces so many bytes, before any of them. */
    const announced = (method: string, path: string, bytes: number) =>
      new Promise<[number, string]>((resolve, reject) => {
        const place = { host: '127.0.0.1', port: all.port, servername: NAME, ca: pair.cert, agent: false };
        const headers = { host: NAME, 'content-length': bytes, expect: '100-continue' };
        const asking = request({ ...place, method, path, headers }, (answer) => {
          let text = '';
          answer.setEncoding('utf8').on('data', (more: string) => {
            text += more;
          });
          answer.once('end', () => {
            resolve([answer.statusCode ?? 0, text]);
            asking.destroy();
          });
        });
        asking.once('error', reject);
        asking.flushHeaders();
      });
    for (const [method, path, bytes] of [
      ['POST', '/', 50 * 1024 * 1024 + 1],
      ['POST', '/v1/auth/login', 64 * 1024 + 1],
      ['POST', `/v1/incidents/${SAMPLES.id}/chunks/reconcile`, 64 * 1024 + 1],
      ['PUT', `/v1/incidents/${SAMPLES.id}/streams/${SAMPLES.stream_id}/chunks/1`, 252 * 1024 * 1024],
      ['GET', '/challenge', 2],
    ] as const) {
      const [status, text] = await announced(method, path, bytes);
      assert.equal(status, 413, path);
      assert.equal(JSON.parse(text).error.code, 'request_too_large');
    }
    assert.deepEqual(await reached(server), []);
  });

  it('lets no request hide in the body of another', async () => {
    await reached(server);
    const hidden = `GET /admin HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`;
    const size = hidden.length.toString(16);
    for (const head of [
      `Content-Length: ${hidden.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
      `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${size}\r\n${hidden}\r\n0\r\n\r\n`,
      `Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}`,
      `Transfer-Encoding : chunked\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      `Content-Length: +${hidden.length}\r\n\r\n${hidden}`,
      `X: y\rContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    ]) {
      const text = await new Promise<string>((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port: all.port, servername: NAME, ca: pair.cert });
        let received = '';
        socket.on('data', (bytes: Buffer) => {
          received += bytes.toString('latin1');
        });
        socket.once('error', reject);
        socket.once('close', () => resolve(received));
        socket.end(`POST /v1/auth/login HTTP/1.1\r\nHost: ${NAME}\r\n${head}`, 'latin1');
      });
      assert.doesNotMatch(text, /HTTP\/1\.1 2/, head);
    }
    for (const line of await reached(server)) assert.equal(line, 'POST /v1/auth/login');
  });

  it('works for people: pastes, a recording, a link, a bundle', async () => {
    const main = through(all);
    const bytes = new Uint8Array(2 * 1024 * 1024).map((_, index) => index * 7);
    const made = await main(new Request(`https://${NAME}/`, { method: 'POST', body: bytes }));
    assert.equal(made.status, 201);
    const { id, delete_token: token } = (await made.json()) as { id: string; delete_token: string };
    const read = await main(new Request(`https://${NAME}/${id}/raw`));
    assert.deepEqual(new Uint8Array(await read.arrayBuffer()), bytes);
    const removed = await main(
      new Request(`https://${NAME}/${id}`, { method: 'DELETE', headers: { 'x-delete-token': token } }),
    );
    assert.equal(removed.status, 200);

    const { doors, owners } = await ownersAt(server);
    const [as] = owners;
    assert.ok(as);
    const proxied = { ...doors, main };
    const chunk = await pendingChunk(proxied, as, { size: 1024 * 1024 });
    const { incidentId, streamId } = chunk;
    const sent = await chunk.send('PUT', chunk.path, {
      body: chunk.bytes,
      headers: {
        ...{ 'content-digest': digestOf(chunk.bytes), 'x-media-type': 'audio' },
        ...{ 'x-started-at': STARTED, 'x-ended-at': ENDED },
      },
    });
    expectOutcome(sent, '201');
    const done = { expected_chunk_count: 1 };
    answers(await post(proxied, `/v1/incidents/${incidentId}/streams/${streamId}/complete`, as, done), 200);
    const { token: link } = await newViewerToken(proxied, as, incidentId);
    const visit = (path: string) => through(viewer)(new Request(`https://${NAME}/i/${link}${path}`));
    const page = await visit('');
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
    const bundle = await visit(`/streams/${streamId}/download`);
    assert.equal(bundle.status, 200);
    assert.equal((await bundle.arrayBuffer()).byteLength, Number(bundle.headers.get('content-length')));
    const everything = `${await all.nginx.words()}${await viewer.nginx.words()}`;
    for (const secret of [id, token, link, incidentId, streamId]) assert.ok(!everything.includes(secret));
  });

  it('tells the server who showed which certificate, and nobody else can say so', async () => {
    const mark = 'a'.repeat(64);
    const forged = {
      'x-proxy-secret': SECRET,
      'x-ssl-client-sha256': mark,
      'x-ssl-client-sha1': 'b'.repeat(40),
    };
    const owner = async (as: Partial<Pair>, headers: Record<string, string>, at = all) => {
      const made = await through(
        at,
        as,
      )(new Request(`https://${NAME}/`, { method: 'POST', body: `${Math.random()}`, headers }));
      const { id } = (await made.json()) as { id: string };
      // Only the owner may delete without a token.
      const mine = await through(
        all,
        as,
      )(new Request(`https://${NAME}/${id}`, { method: 'DELETE', headers }));
      return mine.status;
    };
    assert.equal(await owner(me, {}), 200);
    assert.notEqual(await owner({}, {}), 200);
    assert.notEqual(await owner({}, forged), 200);
    const stranger = makePair(dir.path, 'stranger');
    const refused = await through(all, stranger)(new Request(`https://${NAME}/`));
    assert.equal(refused.status, 400);
  });

  it('writes an access log of patterns, and no path, query, header or address', async () => {
    const mark = 'canary0123456789abcdefghijklmnopqrstuvwxyzA';
    assert.equal(mark.length, 43);
    const lines = (await all.nginx.accesses(0)).length;
    const door = through(all);
    const headers = {
      authorization: `Bearer ${mark}`,
      cookie: `a=${mark}`,
      'user-agent': mark,
      referer: `https://${mark}/`,
    };
    for (const path of [`/i/${mark}`, `/i/${mark}/data?${mark}`, `/${mark}`, `/?${mark}`])
      await door(new Request(`https://${NAME}${path}`, { headers }));
    const client = rawClient(all);
    await client.ask('GET', `/i/${mark}%00`);
    await client.ask('CANARY', `/${mark}`);
    client.close();
    const seen = (await all.nginx.accesses(lines + 6)).slice(lines);
    assert.deepEqual(
      seen.map(({ method, route, status }) => [method, route, status]),
      [
        ['GET', '/i/{token}', 404],
        ['GET', '/i/{token}/data', 404],
        ['OTHER', '', 404],
        ['GET', '/', 200],
        ['OTHER', '', 400],
        ['OTHER', '', 404],
      ],
    );
    assert.ok(!(await all.nginx.words()).toLowerCase().includes(mark.toLowerCase()));
    assert.ok(!JSON.stringify(await all.nginx.accesses(1)).includes('127.0.0.1'));
  });
});

describe('an nginx with everything that settings can move', () => {
  it('takes the file', async () => {
    const dir = await tempDir();
    const pair = makePair(dir.path, 'server', undefined, NAME);
    const tls = ['--cert', pair.certFile, '--key', pair.keyFile, '--acme-webroot', dir.path];
    const moved = {
      SAFE_URL_PREFIX: '/a/b-c',
      SAFE_LEGACY_VIEWER_ALIASES: 'true',
      SAFE_WEB_AUTH_ENABLED: 'true',
      SAFE_WEB_ALLOWED_ORIGINS: 'https://app.example',
    };
    const at = await front(dir.path, 'http://127.0.0.1:9', 'viewer,pastes,product', tls, moved);
    try {
      const client = rawClient(at);
      // Nobody is behind it: what is passed on is 502, and everything else ends here.
      for (const [method, path, status] of [
        ['GET', '/a/b-c/', 502],
        ['GET', '/a/b-c', 404],
        ['GET', '/', 404],
        ['GET', `/e/${SAMPLES.token}`, 502],
        ['OPTIONS', '/v1/account', 502],
        ['OPTIONS', '/a/b-c/', 404],
        ['OPTIONS', '/admin', 404],
      ] as const)
        assert.equal((await client.ask(method, path))?.status, status, `${method} ${path}`);
      client.close();
    } finally {
      await at.nginx.close();
      await dir.remove();
    }
  });
});

describe('what the server is told by nginx', () => {
  it('has the headers that only the proxy may set, whatever the visitor sent', async () => {
    const dir = await tempDir();
    const pair = makePair(dir.path, 'server', undefined, NAME);
    let heard: IncomingHttpHeaders = {};
    const listener = createServer((request, response) => {
      heard = request.headers;
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const upstream = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    let at: Front | undefined;
    try {
      at = await front(dir.path, upstream, 'pastes', ['--cert', pair.certFile, '--key', pair.keyFile]);
      const sent = [
        ...[
          'x-forwarded-for',
          'x-real-ip',
          'forwarded',
          'x-forwarded-host',
          'x-original-url',
          'x-rewrite-url',
        ],
        ...['x-proxy-secret', 'x-ssl-client-sha1', 'x-ssl-client-sha256', 'x-ssl-client-verify', 'upgrade'],
        ...['x_ssl_client_sha1', 'x_forwarded_for', 'true-client-ip'],
      ];
      const client = rawClient(at);
      const lines = sent.map((name) => `${name}: 203.0.113.9`);
      const answer = await client.ask('GET', '/challenge', [...lines, 'X-Forwarded-Proto: http']);
      client.close();
      assert.equal(answer?.status, 200);
      assert.ok(!JSON.stringify(heard).includes('203.0.113.9'), JSON.stringify(heard));
      assert.equal(heard['x-forwarded-for'], '127.0.0.1');
      assert.equal(heard['x-forwarded-proto'], 'https');
      assert.equal(heard.host, `${NAME}:${at.port}`);
    } finally {
      await at?.nginx.close();
      listener.close();
      await dir.remove();
    }
  });
});
