/** Browser sessions: the cookie to the letter, its CSRF token, and who may log a browser in. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSettings } from '../../src/core/settings.ts';
import { APP, answers, ask, COOKIE, credentials, isLive, logIn, post, session, WEB } from '../support/ask.ts';
import { type House, inHouse, ORIGIN } from '../support/house.ts';
import { newcomer, PASSWORD } from '../support/people.ts';

const LOGIN = '/v1/auth/web/login';
const CSRF = '/v1/auth/web/csrf';
const LOGOUT = '/v1/auth/web/logout';
const BODY = { username: 'somebody', password: PASSWORD };

function inWeb(
  use: (house: House) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  return inHouse({ env: { ...WEB, ...env } }, async (house) => {
    await newcomer(house, 'somebody');
    await use(house);
  });
}

const webLogin = (house: House, headers: Record<string, string> = {}) =>
  ask(house, LOGIN, { body: BODY, headers });

describe('the session cookie', () => {
  const EXPIRES = 'Fri, 02 Jan 2026 15:04:05 GMT';
  const value = (text: string | null) => (text ?? '').replace(/=[A-Za-z0-9_-]{43};/, '=TOKEN;');

  it('is for this host, over TLS, for no script, and for no other site', async () => {
    await inWeb(async (house) => {
      const answer = answers(await webLogin(house), 201);
      assert.equal(
        value(answer.headers.get('set-cookie')),
        `${COOKIE}=TOKEN; HttpOnly; Secure; SameSite=Lax; Path=/; Expires=${EXPIRES}`,
      );
    });
  });

  it('is for no link from another site either, where the operator wants that', async () => {
    await inWeb(
      async (house) => {
        assert.match((await webLogin(house)).headers.get('set-cookie') ?? '', /; SameSite=Strict; /);
      },
      { SAFE_WEB_SESSION_COOKIE_SAMESITE: 'strict' },
    );
  });

  it('goes without TLS only where every allowed origin is this machine, and then under another name', async () => {
    const local = {
      SAFE_WEB_ALLOWED_ORIGINS: 'http://127.0.0.1:3000,http://localhost:3000',
      SAFE_WEB_SESSION_COOKIE_SECURE: 'false',
      SAFE_WEB_SESSION_COOKIE_NAME: 'sallyport_session',
    };
    await inWeb(async (house) => {
      assert.equal(
        value((await webLogin(house)).headers.get('set-cookie')),
        `sallyport_session=TOKEN; HttpOnly; SameSite=Lax; Path=/; Expires=${EXPIRES}`,
      );
    }, local);
    const starts = (env: object) => parseSettings({ env: { ...WEB, ...local, ...env } }).ok;
    assert.equal(starts({}), true);
    assert.equal(starts({ SAFE_WEB_ALLOWED_ORIGINS: `http://127.0.0.1:3000,${APP}` }), false);
    assert.equal(starts({ SAFE_WEB_SESSION_COOKIE_NAME: '__Host-sallyport_session' }), false);
    assert.equal(starts({ SAFE_WEB_SESSION_COOKIE_NAME: '__Secure-sallyport_session' }), false);
  });

  it('is cleared by logging out, which ends the session', async () => {
    await inWeb(async (house) => {
      const as = await logIn(house, 'somebody', 'cookie');
      const other = await logIn(house, 'somebody', 'cookie');
      const answer = answers(await ask(house, LOGOUT, { method: 'POST', as }), 200);
      assert.deepEqual(answer.body, { revoked: true });
      assert.equal(
        answer.headers.get('set-cookie'),
        `${COOKIE}=; HttpOnly; Secure; SameSite=Lax; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0`,
      );
      assert.equal(await isLive(house, as), false);
      assert.equal(await isLive(house, other), true);
    });
  });

  it('is cleared also when there is no session, or one that has ended', async () => {
    await inWeb(async (house) => {
      const ended = await logIn(house, 'somebody', 'cookie');
      await ask(house, LOGOUT, { method: 'POST', as: ended });
      for (const headers of [{}, { cookie: `${COOKIE}=${ended.token}` }, { cookie: `${COOKIE}=nonsense` }]) {
        const answer = answers(await ask(house, LOGOUT, { method: 'POST', headers }), 200);
        assert.deepEqual(answer.body, { revoked: false });
        assert.match(answer.headers.get('set-cookie') ?? '', new RegExp(`^${COOKIE}=; .*Max-Age=0$`));
      }
    });
  });

  it('does not end a session without the CSRF token', async () => {
    await inWeb(async (house) => {
      const as = await logIn(house, 'somebody', 'cookie');
      const headers = { cookie: `${COOKIE}=${as.token}` };
      answers(await ask(house, LOGOUT, { method: 'POST', headers }), 403, 'csrf_required');
      assert.ok(await isLive(house, as));
    });
  });

  it('is no bearer token, and a bearer token is no cookie', async () => {
    await inWeb(async (house) => {
      const [web, bearer] = [
        await logIn(house, 'somebody', 'cookie'),
        await logIn(house, 'somebody', 'bearer'),
      ];
      answers(
        await ask(house, '/v1/account', { as: { ...web, way: 'bearer' } }),
        401,
        'authentication_required',
      );
      answers(
        await ask(house, '/v1/account', { as: { ...bearer, way: 'cookie' } }),
        401,
        'authentication_required',
      );
      for (const [method, path] of [
        ['GET', CSRF],
        ['POST', LOGOUT],
      ] as const) {
        answers(await ask(house, path, { method, as: bearer }), 400, 'web_cookie_required');
        const both = { authorization: `Bearer ${bearer.token}`, cookie: `${COOKIE}=${web.token}` };
        answers(await ask(house, path, { method, headers: both }), 400, 'ambiguous_credentials');
      }
    });
  });

  it('is found among others, and another name is not it', async () => {
    await inWeb(async (house) => {
      const { token } = await logIn(house, 'somebody', 'cookie');
      const headers = (cookie: string) => ({ headers: { cookie } });
      answers(await ask(house, '/v1/account', headers(`a=b; ${COOKIE}=${token} ; c=d`)), 200);
      for (const cookie of [
        `x${COOKIE}=${token}`,
        `${COOKIE.toLowerCase()}x=${token}`,
        `sallyport_session=${token}`,
      ]) {
        answers(await ask(house, '/v1/account', headers(cookie)), 401, 'authentication_required');
      }
    });
  });
});

describe('where browser sessions are off', () => {
  it('none of their routes is there, and a cookie is nothing', async () => {
    await inHouse({}, async (house) => {
      const person = await newcomer(house, 'somebody');
      const { token } = await session(house, person, 'cookie');
      const headers = { cookie: `${COOKIE}=${token}` };
      answers(await ask(house, LOGIN, { body: BODY }), 404, 'not_found');
      answers(await ask(house, CSRF, { headers }), 404, 'not_found');
      answers(await ask(house, LOGOUT, { method: 'POST', headers }), 404, 'not_found');
      answers(await ask(house, '/v1/account', { headers }), 401, 'authentication_required');
      const both = { ...headers, authorization: `Bearer ${(await session(house, person)).token}` };
      answers(await ask(house, '/v1/account', { headers: both }), 200);
    });
  });
});

describe('the CSRF token', () => {
  it('is 64 hex digits, the same for a session and another for each, and never stored', async () => {
    await inWeb(async (house) => {
      const [one, two] = [await logIn(house, 'somebody', 'cookie'), await logIn(house, 'somebody', 'cookie')];
      const tokenOf = async (token: string) => {
        const headers = { cookie: `${COOKIE}=${token}` };
        const { body } = answers(await ask(house, CSRF, { headers }), 200);
        assert.deepEqual(Object.keys(body).sort(), ['csrf_token', 'header_name']);
        assert.equal(body.header_name, 'X-CSRF-Token');
        return body.csrf_token as string;
      };
      const token = await tokenOf(one.token);
      assert.match(token, /^[0-9a-f]{64}$/);
      assert.equal(await tokenOf(one.token), token);
      assert.notEqual(await tokenOf(two.token), token);
      const [sessions] = await house.db.batch([{ sql: 'SELECT * FROM sessions' }], 'read');
      assert.ok(!JSON.stringify(sessions?.rows).includes(token));
    });
  });

  it('travels in the header that the operator names, and in no other', async () => {
    await inWeb(
      async (house) => {
        const as = await logIn(house, 'somebody', 'cookie');
        const headers = await credentials(house, as);
        const [name = '', token = ''] = Object.entries(headers).find(([key]) => key !== 'cookie') ?? [];
        assert.equal(name, 'X-Vault-Token');
        const cookie = { cookie: `${COOKIE}=${as.token}` };
        const elsewhere = { ...cookie, 'x-csrf-token': token };
        const logout = (sent: Record<string, string>) =>
          ask(house, LOGOUT, { method: 'POST', headers: sent });
        answers(await logout(elsewhere), 403, 'csrf_required');
        answers(await logout({ ...cookie, 'x-vault-token': `${token}0` }), 403, 'csrf_required');
        answers(await logout({ ...cookie, 'x-vault-token': token }), 200);
      },
      { SAFE_WEB_CSRF_HEADER_NAME: 'X-Vault-Token' },
    );
  });

  it('is asked for on every unsafe method with a cookie, and of nobody with a bearer token', async () => {
    await inWeb(async (house) => {
      const [web, bearer] = [
        await logIn(house, 'somebody', 'cookie'),
        await logIn(house, 'somebody', 'bearer'),
      ];
      const enroll = '/v1/account/second-factor/totp/enroll';
      const headers = { cookie: `${COOKIE}=${web.token}` };
      answers(await ask(house, enroll, { body: {}, headers }), 403, 'csrf_required');
      answers(await post(house, enroll, web), 201);
      answers(await post(house, enroll, bearer), 201);
    });
  });
});

describe('logging a browser in', () => {
  const cases: [string, Record<string, string>, boolean][] = [
    ['a client that says nothing', {}, true],
    ['an allowed origin', { origin: APP }, true],
    ['an allowed origin of the same site', { origin: APP, 'sec-fetch-site': 'same-site' }, true],
    ['our own origin', { origin: ORIGIN, 'sec-fetch-site': 'same-origin' }, true],
    ['another origin', { origin: 'https://evil.example' }, false],
    ['an allowed host by another scheme', { origin: 'http://app.example' }, false],
    ['an allowed host on another port', { origin: `${APP}:8443` }, false],
    ['a host that ends like an allowed one', { origin: 'https://evil-app.example' }, false],
    ['a host below an allowed one', { origin: 'https://x.app.example' }, false],
    ['an allowed origin with a slash', { origin: `${APP}/` }, false],
    ['an allowed origin in upper case', { origin: 'https://APP.example' }, false],
    ['an opaque origin', { origin: 'null' }, false],
    ['an empty origin', { origin: '' }, false],
    ['another site that hides its origin', { 'sec-fetch-site': 'cross-site' }, false],
    ['the same site without an origin', { 'sec-fetch-site': 'same-site' }, false],
    ['an allowed origin of another site', { origin: APP, 'sec-fetch-site': 'cross-site' }, false],
    ['a link that was opened or typed', { 'sec-fetch-site': 'none' }, false],
    ['a site nobody has heard of', { 'sec-fetch-site': 'bogus' }, false],
  ];
  for (const [who, headers, allowed] of cases) {
    it(`from ${who} is ${allowed ? 'let through' : 'refused'}`, async () => {
      await inWeb(async (house) => {
        const answer = await webLogin(house, headers);
        if (allowed) answers(answer, 201);
        else {
          answers(answer, 403, 'origin_not_allowed');
          assert.equal(answer.headers.has('set-cookie'), false);
        }
      });
    });
  }
});
