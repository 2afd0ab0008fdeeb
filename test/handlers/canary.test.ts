/**
 * A canary in everything that a caller can choose: bodies, headers known and unknown, ids, paths, queries,
 * passwords, tokens, method. None of it may come out in a log line or in the body of a refusal.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { inHouse } from '../support/house.ts';
import { runtimes, startServer, type TestServer } from '../support/server.ts';
import { type Ask, type Asked, askHouse, DEFECT, type Init, situations } from './situations.ts';

const freshMark = () => `canary${randomBytes(12).toString('hex')}`;

/** The spellings in which a mark could leak. */
function disguises(mark: string): string[] {
  const bytes = Buffer.from(mark);
  const middle = mark.slice(6);
  return [
    mark,
    mark.toUpperCase(),
    bytes.toString('hex'),
    encodeURIComponent(bytes.toString('base64')),
    // Whatever comes before it in a larger text: base64 of the middle at each of the three offsets.
    ...[0, 1, 2].map((offset) => Buffer.from(middle.slice(offset)).toString('base64').slice(4, 20)),
    [...mark].reverse().join(''),
  ];
}

function leaks(text: string, secrets: readonly string[]): string[] {
  const lower = text.toLowerCase();
  return secrets.filter((secret) => secret !== '' && lower.includes(secret.toLowerCase()));
}

/** Headers that a client, a browser or a proxy may send, each with the mark in it. */
function markedHeaders(mark: string): Record<string, string> {
  return {
    authorization: `Bearer ${mark}`,
    'proxy-authorization': `Basic ${mark}`,
    cookie: `session=${mark}; __Host-sallyport_session=${mark}`,
    'user-agent': `agent/${mark}`,
    referer: `http://door.test/${mark}`,
    origin: `http://${mark}.test`,
    forwarded: `for=${mark}`,
    'x-forwarded-for': mark,
    'x-forwarded-proto': mark,
    'x-forwarded-host': mark,
    'x-real-ip': mark,
    'x-original-url': `/admin/${mark}`,
    'x-rewrite-url': `/admin/${mark}`,
    'x-http-method-override': mark,
    'x-request-id': `${mark} is no request id`,
    'x-csrf-token': mark,
    'x-ssl-client-sha1': mark,
    'x-proxy-secret': mark,
    'accept-language': mark,
    traceparent: `00-${mark}-01`,
    [`x-${mark}`]: mark,
  };
}

const FIELDS = [
  'bytes',
  'duration_ms',
  'level',
  'listener',
  'method',
  'msg',
  'request_id',
  'route',
  'status',
];

/** The words that patterns are made of: those of the tables, and names of parameters. */
const words = new Set(
  [...mainRoutes, ...adminRoutes]
    .flatMap(({ path }) => path.slice(1).split('/'))
    .map((part) => (part.startsWith(':') ? `{${part.slice(1)}}` : part))
    .concat('{route}', '{token}', '{stream_id}'),
);
for (const word of [
  'i',
  'e',
  'v1',
  'admin',
  'api',
  'data',
  'viewer-payload',
  'streams',
  'download',
  'incident',
])
  words.add(word);

function checkLine(line: Readonly<Record<string, unknown>>): void {
  const what = JSON.stringify(line);
  const names = Object.keys(line).filter((name) => name !== 'time' && name !== 'slow');
  assert.equal(line.slow, Number(line.duration_ms) >= 10_000 || undefined, what);
  const extra = names.filter((name) => !FIELDS.includes(name));
  // A defect adds its type's name, storage that is away the kind of that, a broken transfer the name of what broke it.
  if (Number(line.status) >= 500 || line.broken !== undefined)
    assert.ok(
      extra.every((name) => ['error_type', 'error_kind', 'broken'].includes(name)),
      what,
    );
  else assert.deepEqual(extra, [], what);
  for (const name of FIELDS) assert.ok(names.includes(name), `${name} in ${what}`);
  assert.equal(line.msg, 'request');
  assert.ok(line.listener === 'main' || line.listener === 'admin', what);
  assert.match(String(line.method), /^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|OTHER)$/);
  for (const name of ['status', 'bytes', 'duration_ms'])
    assert.ok(Number.isSafeInteger(line[name]) && Number(line[name]) >= 0, what);
  for (const part of String(line.route).slice(1).split('/')) assert.ok(part === '' || words.has(part), what);
  if (extra.length > 0) assert.match(String(line.error_type ?? line.broken), /^[A-Za-z]{1,40}$/);
}

describe('what a caller sends stays out of the log and out of refusals', () => {
  for (const situation of situations) {
    it(situation.name, () =>
      inHouse(situation.options, async (house) => {
        const mark = freshMark();
        const secrets = [...disguises(mark), DEFECT, 'SQLITE', '.ts:', 'file://', 'node_modules'];
        let asked = 0;
        await situation.run(
          async (door, path, init: Init = {}) => {
            const headers = new Headers(markedHeaders(mark));
            for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
            const [before, query = ''] = path.split('?');
            const answer = await askHouse(house, door, `${before}?${query}&${mark}=${mark}`, {
              ...init,
              headers,
            });
            asked += 1;
            if (answer.status >= 400) {
              assert.deepEqual(leaks(answer.text, secrets), [], `body of ${init.method} ${path}`);
              assert.deepEqual(leaks(JSON.stringify([...answer.headers]), secrets), [], `headers of ${path}`);
            }
            secrets.push(...capabilities(answer));
            return answer;
          },
          mark,
          house,
        );
        assert.equal(house.log.length, asked, 'one line a request');
        for (const line of house.log) checkLine({ ...line });
        assert.deepEqual(leaks(JSON.stringify([...house.log, ...house.details]), secrets), []);
        for (const line of house.details) assert.match(String(line.code), /^[a-z0-9_]{3,60}$/);
        if (situation.name.startsWith('a defect'))
          assert.ok(house.log.every((line) => /^(?:RangeError|string)$/.test(String(line.error_type))));
      }),
    );
  }
});

/** Ids and tokens that an answer gave away: they are secrets from then on. */
function capabilities({ status, text, headers }: Asked): string[] {
  if ((status !== 200 && status !== 201) || text === '') return [];
  const found = [headers.get('x-delete-token') ?? ''];
  if (headers.get('content-type') === 'application/json') {
    const { id, delete_token: token, token: work } = JSON.parse(text) as Record<string, unknown>;
    for (const secret of [id, token, work]) if (typeof secret === 'string') found.push(secret);
  }
  return found.filter((secret) => secret.length > 8);
}

/** Asks a real server, the mark in every header and in the query. */
function askServer(server: TestServer, mark: string, secrets: string[]): Ask {
  return async (door, path, { method = 'GET', headers, body } = {}) => {
    const response = await fetch(`${server[door]}${path}?${mark}`, {
      // What the parser of HTTP does not know as a method never becomes a request; it is sent by hand below.
      method: method.startsWith('CANARY') ? 'PATCH' : method,
      headers: { ...markedHeaders(mark), ...(headers as Record<string, string>) },
      ...(body === undefined || body === null ? {} : { body }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    const refused = response.status >= 400 && text !== '';
    const code = refused ? (JSON.parse(text) as { error: { code: string } }).error.code : undefined;
    if (refused) assert.deepEqual(leaks(text, secrets), [], path);
    const answer = { status: response.status, headers: response.headers, bytes, text, code };
    secrets.push(...capabilities(answer));
    return answer;
  };
}

/** Requests that are none, each with the mark in it. */
const malformed = (mark: string) => [
  `${mark}\r\n\r\n`,
  `${mark.toUpperCase()} /${mark} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET /${mark}\r\n\r\n`,
  `GET /${mark} HTTP/9.9\r\nHost: ${mark}\r\n\r\n`,
  `GET /${mark} HTTP/1.1\r\n${mark}\r\n\r\n`,
  `GET /${mark} HTTP/1.1\r\nHost: ${mark}\r\nContent-Length: ${mark}\r\n\r\n`,
  `GET /${mark} HTTP/1.1\r\nHost: ${mark} ${mark}\r\n\r\n`,
  `GET /${mark} HTTP/1.1\r\nHost: x\r\nHost: ${mark}\r\n\r\n`,
  `GET /${mark} HTTP/1.1\r\nHost: x\r\nX-${mark}: ${mark.repeat(1000)}\r\n\r\n`,
  `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${mark}\r\n${mark}`,
  `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: ${mark}\r\n\r\n${mark}`,
  `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n${mark}`,
  `POST / HTTP/1.1\r\nHost: x\r\nExpect: ${mark}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
  `CONNECT ${mark}:443 HTTP/1.1\r\nHost: ${mark}\r\n\r\n`,
  `GET http://${mark}@${mark}:1/${mark} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  `OPTIONS ${mark} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${mark}`,
  `\x16\x03\x01\x02\x00${mark}`,
];

/** Sends bytes and waits for the server to end the connection. */
function sendRaw(url: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
    socket.end(bytes, 'latin1');
  });
}

/** Those that need no replaced ports and no settings of their own, and send nothing that fetch would not. */
const overSockets = situations.filter(({ name }) =>
  ['everything as usual', 'protected and burning pastes', 'places where nothing is'].includes(name),
);

for (const runtime of runtimes) {
  describe(`a real server on ${runtime}`, () => {
    it('writes nothing of it to standard output or standard error either', () =>
      inHouse({}, async (house) => {
        const mark = freshMark();
        const secrets = disguises(mark);
        await using server = await startServer({
          runtime,
          settings: {
            SAFE_PROXY_SECRET: `proxy-secret-${mark}`,
            SAFE_LOG_LEVEL: 'debug',
            SAFE_METRICS_TOKEN: `metrics-token-${mark}`,
            SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
            SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
          },
        });
        assert.equal(overSockets.length, 3);
        for (const situation of overSockets)
          await situation.run(askServer(server, mark, secrets), mark, house);
        for (const url of [server.main, server.admin]) {
          for (const bytes of malformed(mark)) {
            const received = await sendRaw(url, bytes);
            assert.deepEqual(leaks(received, secrets), [], JSON.stringify(bytes.slice(0, 80)));
          }
        }
        await server.stop('SIGTERM');
        const lines = server.lines().filter(({ msg }) => msg === 'request');
        assert.ok(lines.length > 300, `${lines.length} lines`);
        for (const line of lines) {
          checkLine(line);
          assert.match(String(line.time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        }
        assert.deepEqual(leaks(server.log(), secrets), []);
        assert.deepEqual(leaks(server.said(), secrets), []);
      }));
  });
}
