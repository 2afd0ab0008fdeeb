/** Which pages may call the API from a browser, and what a preflight tells them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { parseSettings } from '../../src/core/settings.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { APP, answers, ask, logIn, WEB } from '../support/ask.ts';
import { type House, inHouse, openHouse } from '../support/house.ts';
import { newcomer } from '../support/people.ts';

const PATH = '/v1/account';
const corsOf = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'));

describe('a preflight', () => {
  let house: House;
  before(async () => {
    house = await openHouse({ env: { ...WEB, SAFE_WEB_ALLOWED_ORIGINS: `${APP},https://other.example` } });
  });
  after(() => house.close());

  const preflight = (headers: Record<string, string>, path = PATH) =>
    ask(house, path, { method: 'OPTIONS', headers });
  const asking = (method: string, names?: string, origin = APP) =>
    preflight({
      origin,
      'access-control-request-method': method,
      ...(names !== undefined && { 'access-control-request-headers': names }),
    });

  it('tells an allowed origin what it may send, and for how long that holds', async () => {
    const answer = answers(await asking('POST', 'content-type, x-csrf-token'), 204);
    const headers = corsOf(answer.headers);
    assert.equal(headers['access-control-allow-origin'], APP);
    assert.equal(headers['access-control-allow-credentials'], 'true');
    assert.equal(headers['access-control-allow-methods'], 'GET, HEAD, POST, PUT, PATCH, DELETE');
    assert.equal(headers['access-control-max-age'], '600');
    assert.equal(headers.vary, 'Origin');
    const permitted = (headers['access-control-allow-headers'] ?? '').split(', ');
    for (const name of [
      ...['accept', 'authorization', 'content-type', 'content-digest', 'idempotency-key'],
      ...['x-media-type', 'x-started-at', 'x-ended-at', 'x-csrf-token', 'repr-digest'],
      ...['upload-complete', 'upload-draft-interop-version', 'upload-length', 'upload-offset'],
      ...['tus-resumable', 'upload-checksum', 'upload-defer-length', 'upload-metadata'],
      'x-http-method-override',
    ]) {
      assert.ok(permitted.includes(name), `${name} is not permitted`);
    }
    assert.equal(answer.text, '');
    assert.equal(answer.headers.has('content-length'), false);
  });

  it('tells each allowed origin its own name', async () => {
    const answer = await asking('GET', undefined, 'https://other.example');
    assert.equal(answer.headers.get('access-control-allow-origin'), 'https://other.example');
  });

  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    it(`permits ${method}`, async () => {
      assert.ok((await asking(method)).headers.has('access-control-allow-methods'));
    });
  }

  const nothing: [string, () => ReturnType<typeof ask>][] = [
    ['another origin', () => asking('GET', undefined, 'https://evil.example')],
    ['an opaque origin', () => asking('GET', undefined, 'null')],
    ['no origin', () => preflight({ 'access-control-request-method': 'GET' })],
    ['a page that names no method', () => preflight({ origin: APP })],
    ['another method', () => asking('TRACE')],
    ['a method in lower case', () => asking('post')],
    ['an unknown header', () => asking('GET', 'x-evil')],
    ['an unknown header among known ones', () => asking('GET', 'content-type, x-evil, accept')],
    ['a header that is none', () => asking('GET', '*')],
  ];
  for (const [who, what] of nothing) {
    it(`permits ${who} nothing`, async () => {
      const answer = answers(await what(), 204);
      assert.deepEqual(corsOf(answer.headers), { vary: 'Origin' });
    });
  }

  it('reads header names in any case', async () => {
    assert.ok(
      (await asking('GET', ' Content-Type ,X-CSRF-TOKEN')).headers.has('access-control-allow-headers'),
    );
  });

  it('is answered on every route of the incident rooms', async () => {
    const rooms = ['incidents', 'checkins', 'streams', 'deletion', 'viewer-tokens'];
    const routes = mainRoutes.filter(({ id }) => rooms.includes(id.split('.')[0] ?? ''));
    assert.ok(routes.length >= 16);
    for (const route of routes) {
      const headers = { origin: APP, 'access-control-request-method': route.method };
      const answer = answers(await preflight(headers, route.path.replaceAll(/:\w+/g, 'x')), 204);
      assert.equal(answer.headers.get('access-control-allow-origin'), APP, route.path);
    }
  });

  it('of an upload says besides what the protocols of uploads announce, with and without permission', async () => {
    const path = '/v1/uploads/uop_01ARZ3NDEKTSV4RRFFQ69G5FAV';
    const wanted = { 'access-control-request-method': 'PATCH' };
    for (const origin of [APP, 'https://evil.example']) {
      const answer = answers(await preflight({ origin, ...wanted }, path), 204);
      assert.equal(answer.headers.get('tus-version'), '1.0.0');
      assert.equal(answer.headers.has('access-control-allow-methods'), origin === APP, origin);
    }
  });

  it('is answered only where something is: not on an unknown path, nor for pastes, nor at the private door', async () => {
    const headers = { origin: APP, 'access-control-request-method': 'GET' };
    for (const path of ['/v1/nothing', '/v1/accounts', '/admin', '/v1/account/']) {
      const answer = answers(await preflight(headers, path), 404, 'not_found');
      assert.equal(answer.headers.has('access-control-allow-origin'), false, path);
    }
    for (const path of ['/admin/api/accounts', '/admin', '/v1/account']) {
      const answer = await house.admin(
        new Request(`http://127.0.0.1:8081${path}`, { method: 'OPTIONS', headers }),
      );
      assert.equal(answer.status, 404, path);
      assert.equal(answer.headers.has('access-control-allow-origin'), false, path);
    }
  });
});

describe('an answer', () => {
  it('may be read by an allowed origin alone, and says that it differs by origin', async () => {
    await inHouse({ env: WEB }, async (house) => {
      await newcomer(house, 'somebody');
      const as = await logIn(house, 'somebody', 'bearer');
      const allowed = await ask(house, PATH, { as, headers: { origin: APP } });
      assert.deepEqual(corsOf(answers(allowed, 200).headers), {
        'access-control-allow-credentials': 'true',
        'access-control-allow-origin': APP,
        'access-control-expose-headers': [
          ...['X-Request-ID', 'Retry-After', 'Idempotency-Replayed', 'Location', 'Content-Digest', 'ETag'],
          ...['Upload-Complete', 'Upload-Length', 'Upload-Limit', 'Upload-Offset', 'Content-Location'],
          ...['Tus-Checksum-Algorithm', 'Tus-Extension', 'Tus-Max-Size', 'Tus-Resumable', 'Tus-Version'],
          ...['Upload-Defer-Length', 'Upload-Expires', 'Upload-Metadata'],
        ].join(', '),
        vary: 'Origin',
      });
      const refused = await ask(house, PATH, { headers: { origin: APP } });
      assert.equal(
        answers(refused, 401, 'authentication_required').headers.get('access-control-allow-origin'),
        APP,
      );
      for (const headers of [{ origin: 'https://evil.example' }, { origin: `${APP}.evil.example` }, {}]) {
        const answer = answers(await ask(house, PATH, { as, headers }), 200);
        assert.deepEqual(corsOf(answer.headers), { vary: 'Origin' });
      }
    });
  });
});

describe('the allowed origins', () => {
  it('without any, nobody gets a header, and a preflight finds nothing', async () => {
    await inHouse({}, async (house) => {
      const headers = { origin: APP, 'access-control-request-method': 'GET' };
      const preflight = answers(await ask(house, PATH, { method: 'OPTIONS', headers }), 404, 'not_found');
      assert.deepEqual(corsOf(preflight.headers), {});
      const answer = answers(await ask(house, PATH, { headers }), 401, 'authentication_required');
      assert.deepEqual(corsOf(answer.headers), {});
    });
  });

  for (const origins of ['*', `${APP},*`, 'https://*.example', 'null', 'app.example', `${APP}/path`]) {
    it(`refuses to start with ${origins}`, () => {
      assert.equal(parseSettings({ env: { ...WEB, SAFE_WEB_ALLOWED_ORIGINS: origins } }).ok, false);
    });
  }
});
