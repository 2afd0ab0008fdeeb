/** What a real nginx makes of the generated allow-list, in front of a real server. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { allowList } from '../../cli/sallyport/exposed/allow-list.ts';
import { GROUPS, type Group, groupOf } from '../../cli/sallyport/exposed/groups.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { adminRoutes } from '../../src/handlers/admin.ts';
import type { Route } from '../../src/handlers/kit/route.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { answers, post } from '../support/ask.ts';
import { makePair, type Pair } from '../support/certificates.ts';
import { newViewerToken } from '../support/evidence.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { freePorts } from '../support/ports.ts';
import { sallyport } from '../support/sallyport.ts';
import { rounds } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { ownersAt } from '../support/server-owner.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { tlsDoor } from '../support/tls-door.ts';
import { digestOf, ENDED, expectOutcome, pendingChunk, STARTED } from '../support/uploading.ts';
import { METHODS, NEVER_ON_MAIN, pathOf, pathsOf } from './paths.ts';
import { type RawAnswer, RawClient } from './raw-socket.ts';
import { rawSpellings, spellings } from './spellings.ts';

const NAME = 'vault.example';
const SECRET = 'not-a-real-proxy-secret';
const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_TRUSTED_PROXIES: '127.0.0.1',
  SAFE_PROXY_SECRET: SECRET,
};
const REFUSED = '{"error":{"code":"not_found","message":"endpoint was not found"}}';
const ULID = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
/** Parameters of the right shape, of nothing that exists. */
const SAMPLES = {
  token: 'A'.repeat(43),
  id: `inc_${ULID}`,
  stream_id: `str_${ULID}`,
  token_id: `itk_${ULID}`,
  index: '1',
  chunk_index: '1',
  media_type: 'audio',
};
const PASTE = { id: '0'.repeat(26) };
const samplePath = (route: Route) => pathOf(route, '', route.prefixed ? PASTE : SAMPLES);

interface Front {
  readonly nginx: Nginx;
  readonly port: number;
  readonly plainPort: number;
}

/** An nginx with the file that the command writes for these groups. */
async function front(folder: string, server: string, groups: string, options: string[]): Promise<Front> {
  const [port = 0, plainPort = 0] = await freePorts(2);
  const site = join(folder, 'site.conf');
  const line = [
    ...['proxy-config', 'nginx', '--expose', groups, '--server-name', NAME],
    ...['--upstream', server, '--listen', `127.0.0.1:${port}`, '--listen-plain', `127.0.0.1:${plainPort}`],
    ...['--log', join(folder, 'access.log'), '--out', site, ...options],
  ];
  const ran = await sallyport(folder, line, SETTINGS);
  assert.equal(ran.code, 0, ran.said);
  return { nginx: await startNginx(folder, site, port), port, plainPort };
}

let marks = 0;

/** What reached the server since it was asked last: method and pattern of each. Lines come in order. */
async function reached(server: TestServer): Promise<string[]> {
  const last = `mark-${marks}`;
  marks += 1;
  const next = `mark-${marks}`;
  await fetch(`${server.main}/nowhere/at/all`, { headers: { 'x-request-id': next } });
  for (;;) {
    const lines = server.lines().filter(({ msg }) => msg === 'request');
    const end = lines.findIndex((line) => line.request_id === next);
    if (end < 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    const from = lines.findIndex((line) => line.request_id === last) + 1;
    return lines.slice(from, end).map((line) => `${line.method} ${line.route}`);
  }
}

const rawClient = ({ port }: Front, host = NAME, tls: object = {}) =>
  new RawClient(`https://127.0.0.1:${port}`, {
    host,
    tls: { servername: NAME, rejectUnauthorized: false, ...tls },
  });

const onTheWire = (target: string) => Buffer.from(target, 'utf8').toString('latin1');

/** Refused by nginx: its own words, or a connection that it ends. */
function demandRefusal(answer: RawAnswer | undefined, method: string, what: string): void {
  if (answer === undefined) return;
  assert.ok([400, 404, 405, 421].includes(answer.status), `${what}: ${answer.status} ${answer.body}`);
  assert.equal(answer.headers['x-request-id'], undefined, what);
  if (answer.status === 404) {
    if (method !== 'HEAD') assert.equal(answer.body, REFUSED, what);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', what);
    assert.equal(answer.headers['cache-control'], 'no-store', what);
  }
}

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
    const door = through(all);
    for (const [method, path, bytes] of [
      ['POST', '/', 50 * 1024 * 1024 + 1],
      ['POST', '/v1/auth/login', 64 * 1024 + 1],
      ['POST', `/v1/incidents/${SAMPLES.id}/chunks/reconcile`, 64 * 1024 + 1],
    ] as const) {
      const client = rawClient(all);
      const answer = await client.ask(method, path, [`Content-Length: ${bytes}`]).catch(() => undefined);
      client.close();
      // Two lengths are refused as well; what is asked for here goes through the door below.
      assert.ok(answer === undefined || answer.status === 400, `${answer?.status}`);
      if (bytes > 1024 * 1024) continue;
      const refused = await door(
        new Request(`https://${NAME}${path}`, { method, body: new Uint8Array(bytes) }),
      );
      assert.equal(refused.status, 413, path);
      assert.equal(JSON.parse(await refused.text()).error.code, 'request_too_large');
    }
    assert.deepEqual(await reached(server), []);
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
