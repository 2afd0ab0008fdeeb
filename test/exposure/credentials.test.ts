/** Each door answers 404 to everything of the other, whoever asks: being somebody opens nothing that is not there. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { csrfToken } from '../../src/handlers/kit/csrf.ts';
import type { Route } from '../../src/handlers/kit/route.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { type House, ORIGIN, openHouse } from '../support/house.ts';
import { liveSessionOf, settled, verifiedSession } from '../support/people.ts';

const PROXY_SECRET = 'only-a-test-knows-this-proxy-secret';
const NOT_FOUND = { code: 'not_found', message: 'endpoint was not found' };

/** Paths as they lie in the tables, with an id of each shape in place of parameters. */
const pathsOf = (route: Route) =>
  ['0123456789abcdefghjkmnpqrs', 'acct_01ARZ3NDEKTSV4RRFFQ69G5FAV', 'f'.repeat(32)].map((id) =>
    route.path.replaceAll(/:\w+/g, id),
  );

describe('with valid credentials of every kind', () => {
  let house: House;
  const credentials = new Map<string, Record<string, string>>();

  before(async () => {
    const env = { SAFE_WEB_AUTH_ENABLED: 'true', SAFE_WEB_ALLOWED_ORIGINS: 'https://app.example' };
    house = await openHouse({ env: { ...env, SAFE_PROXY_SECRET: PROXY_SECRET } });
    const admin = await settled(house, 'an-admin', 'admin');
    const web = await verifiedSession(house, admin, 'web');
    const { session } = await liveSessionOf(house, web);
    credentials.set('an admin’s bearer token', {
      authorization: `Bearer ${await verifiedSession(house, admin, 'bearer')}`,
    });
    credentials.set('a browser session and its CSRF token', {
      cookie: `__Host-sallyport_session=${web}`,
      'x-csrf-token': csrfToken('sallyport-web-csrf-v1', web, session),
    });
    credentials.set('a session of the dashboard', {
      cookie: `sallyport_admin_session=${await verifiedSession(house, admin, 'admin_web')}`,
    });
    credentials.set('a client certificate', {
      'x-proxy-secret': PROXY_SECRET,
      'x-ssl-client-sha256': 'a'.repeat(64),
    });
  });
  after(() => house.close());

  for (const [door, other, routes] of [
    ['main', 'the private door', adminRoutes],
    ['admin', 'the main door', mainRoutes],
  ] as const) {
    it(`${door} has nothing of ${other}`, async () => {
      for (const [name, headers] of credentials) {
        for (const route of routes) {
          for (const path of pathsOf(route)) {
            const response = await house[door](
              new Request(`${ORIGIN}${path}`, { method: route.method, headers }),
            );
            const what = `${route.method} ${path} with ${name}`;
            assert.equal(response.status, 404, what);
            const { error } = (await response.json()) as { error: Record<string, string> };
            assert.deepEqual({ code: error.code, message: error.message }, NOT_FOUND, what);
          }
        }
      }
    });
  }
});
