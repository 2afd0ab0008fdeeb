/**
 * The order of refusals, for every route of both tables. What is expected follows from the route's gate alone, so
 * that a new route is tested by being there, and a new kind of gate fails until somebody has said what it means.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { csrfToken } from '../../src/handlers/kit/csrf.ts';
import type { Route } from '../../src/handlers/kit/route.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { type House, ORIGIN, openHouse } from '../support/house.ts';
import {
  liveSessionOf,
  newcomer,
  type Person,
  sessionFor,
  settled,
  verifiedSession,
} from '../support/people.ts';

/** Gates that open for anybody: there is no order to test. */
const OPEN = /^(anyone|browser$)/;
/** The dashboard's own gates answer pages and are tested with it; metrics have a token that is nobody's session. */
const ELSEWHERE = /^(dashboard|metrics token$)/;

const SESSION_GATES = [
  'account',
  'account, set-up allowed',
  'any session',
  'admin',
  'browser session',
  'browser session, if there is one',
] as const;
type SessionGate = (typeof SESSION_GATES)[number];

const GATE_CODES = new Set([
  'ambiguous_credentials',
  'authentication_required',
  'origin_not_allowed',
  'csrf_required',
  'second_factor_setup_required',
  'second_factor_verification_required',
  'forbidden',
  'web_cookie_required',
]);

type Expected = string | 'passes';

interface State {
  readonly name: string;
  /** Headers that put a request into the state. */
  readonly headers: (people: People) => Promise<Record<string, string>>;
  readonly expect: (gate: SessionGate, route: Route) => Expected;
}

interface People {
  readonly house: House;
  /** Right in everything, on either door. */
  readonly admin: Person;
  readonly user: Person;
  readonly fresh: Person;
  readonly freshAdmin: Person;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const COOKIE = '__Host-sallyport_session';
const cookie = (token: string) => ({ cookie: `${COOKIE}=${token}` });

async function csrfOf(house: House, token: string): Promise<string> {
  const { session } = await liveSessionOf(house, token);
  return csrfToken('sallyport-web-csrf-v1', token, session);
}

const isUnsafe = (route: Route) => route.method !== 'GET';
const onlyCookie = (gate: SessionGate) =>
  gate === 'browser session' || gate === 'browser session, if there is one';
const leaves = (gate: SessionGate) => gate === 'browser session, if there is one';
/** For states of a bearer token: what a gate that wants none says. */
const unlessCookie = (expected: (gate: SessionGate) => Expected) => (gate: SessionGate) =>
  onlyCookie(gate) ? 'web_cookie_required' : expected(gate);

const STATES: readonly State[] = [
  {
    name: 'without a credential',
    headers: async () => ({}),
    expect: (gate) => (leaves(gate) ? 'passes' : 'authentication_required'),
  },
  {
    name: 'with a malformed Authorization header',
    headers: async () => ({ authorization: 'Bearer two words' }),
    expect: (gate) => (leaves(gate) ? 'passes' : 'authentication_required'),
  },
  {
    name: 'with both credentials',
    headers: async ({ house, admin }) => ({
      ...bearer(await verifiedSession(house, admin, 'bearer')),
      ...cookie(await verifiedSession(house, admin, 'web')),
    }),
    expect: () => 'ambiguous_credentials',
  },
  {
    name: 'with both credentials, neither valid',
    headers: async () => ({ ...bearer('x'.repeat(43)), ...cookie('y'.repeat(43)) }),
    expect: () => 'ambiguous_credentials',
  },
  {
    name: 'with an unknown bearer token',
    headers: async () => bearer('x'.repeat(43)),
    expect: unlessCookie(() => 'authentication_required'),
  },
  {
    name: 'with an expired bearer token',
    headers: async ({ house, admin }) => {
      const token = await verifiedSession(house, admin, 'bearer');
      house.clock.advance(house.deps.settings.auth.sessionTtlMs);
      return bearer(token);
    },
    expect: unlessCookie(() => 'authentication_required'),
  },
  {
    name: 'with a revoked bearer token',
    headers: async ({ house, admin }) => {
      const token = await verifiedSession(house, admin, 'bearer');
      const logout = new Request(`${ORIGIN}/v1/auth/logout`, { method: 'POST', headers: bearer(token) });
      assert.equal((await house.main(logout)).status, 200);
      return bearer(token);
    },
    expect: unlessCookie(() => 'authentication_required'),
  },
  {
    name: "with the cookie's token as a bearer token",
    headers: async ({ house, admin }) => bearer(await verifiedSession(house, admin, 'web')),
    expect: unlessCookie(() => 'authentication_required'),
  },
  {
    name: "with the dashboard's token as a bearer token",
    headers: async ({ house, admin }) => bearer(await verifiedSession(house, admin, 'admin_web')),
    expect: unlessCookie(() => 'authentication_required'),
  },
  {
    name: 'with a cookie and no CSRF token',
    headers: async ({ house, admin }) => cookie(await verifiedSession(house, admin, 'web')),
    expect: (_gate, route) => (isUnsafe(route) ? 'csrf_required' : 'passes'),
  },
  {
    name: "with a cookie and another session's CSRF token",
    headers: async ({ house, admin }) => {
      const token = await verifiedSession(house, admin, 'web');
      const other = await verifiedSession(house, admin, 'web');
      return { ...cookie(token), 'x-csrf-token': await csrfOf(house, other) };
    },
    expect: (_gate, route) => (isUnsafe(route) ? 'csrf_required' : 'passes'),
  },
  {
    name: 'with a cookie and its CSRF token, from another site',
    headers: async ({ house, admin }) => {
      const token = await verifiedSession(house, admin, 'web');
      return { ...cookie(token), 'x-csrf-token': await csrfOf(house, token), origin: 'https://evil.example' };
    },
    expect: (_gate, route) => (isUnsafe(route) ? 'origin_not_allowed' : 'passes'),
  },
  {
    name: 'with a cookie and its CSRF token, as a browser says for another site',
    headers: async ({ house, admin }) => {
      const token = await verifiedSession(house, admin, 'web');
      return { ...cookie(token), 'x-csrf-token': await csrfOf(house, token), 'sec-fetch-site': 'cross-site' };
    },
    expect: (_gate, route) => (isUnsafe(route) ? 'origin_not_allowed' : 'passes'),
  },
  {
    name: 'with a cookie and its CSRF token',
    headers: async ({ house, admin }) => {
      const token = await verifiedSession(house, admin, 'web');
      return { ...cookie(token), 'x-csrf-token': await csrfOf(house, token) };
    },
    expect: () => 'passes',
  },
  {
    name: 'before the second factor is set up',
    headers: async ({ house, fresh }) => bearer(await sessionFor(house, fresh, 'bearer')),
    expect: unlessCookie((gate) =>
      gate === 'account' || gate === 'admin' ? 'second_factor_setup_required' : 'passes',
    ),
  },
  {
    name: 'as an admin whose second factor is not set up',
    headers: async ({ house, freshAdmin }) => bearer(await sessionFor(house, freshAdmin, 'bearer')),
    expect: unlessCookie((gate) =>
      gate === 'account' || gate === 'admin' ? 'second_factor_setup_required' : 'passes',
    ),
  },
  {
    name: 'before the session has shown its factor',
    headers: async ({ house, admin }) => bearer(await sessionFor(house, admin, 'bearer')),
    expect: unlessCookie((gate) =>
      gate === 'any session' ? 'passes' : 'second_factor_verification_required',
    ),
  },
  {
    name: 'with the wrong role',
    headers: async ({ house, user }) => bearer(await verifiedSession(house, user, 'bearer')),
    expect: unlessCookie((gate) => (gate === 'admin' ? 'forbidden' : 'passes')),
  },
  {
    name: 'with everything in order',
    headers: async ({ house, admin }) => bearer(await verifiedSession(house, admin, 'bearer')),
    expect: unlessCookie(() => 'passes'),
  },
];

async function settle(): Promise<People> {
  const house = await openHouse({
    env: { SAFE_WEB_AUTH_ENABLED: 'true', SAFE_WEB_ALLOWED_ORIGINS: 'https://app.example' },
  });
  return {
    house,
    admin: await settled(house, 'an-admin', 'admin'),
    user: await settled(house, 'a-user'),
    fresh: await newcomer(house, 'a-newcomer'),
    freshAdmin: await newcomer(house, 'a-new-admin', 'admin'),
  };
}

/** Words and numbers where a route takes no other; an id of some shape for every other parameter. */
const pathOf = (route: Route) =>
  route.path
    .replace(':media_type', 'audio')
    .replace(':chunk_index', '1')
    .replaceAll(/:(\w+)/g, 'acct_01ARZ3NDEKTSV4RRFFQ69G5FAV');

async function codeOfAnswer(people: People, route: Route, headers: Record<string, string>): Promise<string> {
  const door = route.listener === 'main' ? people.house.main : people.house.admin;
  const init = { method: route.method, headers, ...(isUnsafe(route) && { body: '{}' }) };
  const response = await door(new Request(`${ORIGIN}${pathOf(route)}`, init));
  if (response.status < 400) return 'none';
  return ((await response.json()) as { error: { code: string } }).error.code;
}

describe('the order of refusals', () => {
  let people: People;
  before(async () => {
    people = await settle();
  });
  after(() => people.house.close());

  const routes: readonly Route[] = [...mainRoutes, ...adminRoutes];
  const known: readonly string[] = SESSION_GATES;

  for (const route of routes) {
    if (OPEN.test(route.gate) || ELSEWHERE.test(route.gate)) continue;
    it(`${route.listener}: ${route.method} ${route.path} (${route.gate})`, async () => {
      assert.ok(known.includes(route.gate), `nobody has said what the gate "${route.gate}" means`);
      for (const state of STATES) {
        const expected = state.expect(route.gate as SessionGate, route);
        const code = await codeOfAnswer(people, route, await state.headers(people));
        if (expected === 'passes') assert.ok(!GATE_CODES.has(code), `${state.name}: refused with ${code}`);
        else assert.equal(code, expected, state.name);
      }
    });
  }
});
