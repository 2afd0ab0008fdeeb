/**
 * Who may do what at the dashboard, for every page and form of the admin's table: what is expected follows from the
 * route's gate, so that a new route is tested by being there.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { csrfToken } from '../../src/handlers/kit/csrf.ts';
import type { Route } from '../../src/handlers/kit/route.ts';
import { verified } from '../support/ask.ts';
import { newIncident } from '../support/evidence.ts';
import { type House, openHouse } from '../support/house.ts';
import {
  liveSessionOf,
  newcomer,
  type Person,
  sessionFor,
  settled,
  verifiedSession,
} from '../support/people.ts';
import { DOOR, OWN, type Page, Visitor } from './admin-visitor.ts';

const forms = adminRoutes.filter(({ gate }) => gate.startsWith('dashboard form, '));
const pages = adminRoutes.filter(({ gate }) => /^dashboard, /.test(gate));

type Reach = 'anyone' | 'any session or none' | 'any' | 'setting up' | 'inside';
const reachOf = ({ gate }: Route) => gate.replace(/^dashboard (form)?, ?|^dashboard, /, '') as Reach;

/** What each page of a refusal is told by. */
const REFUSALS = {
  login: [401, 'Admin login is required.'],
  origin: [403, 'The form was sent from another site, so nothing was done.'],
  csrf: [403, 'The form expired. Reload the page and try again.'],
  role: [403, 'Admin role is required.'],
  setup: [403, 'Set up your second factor before you do this.'],
  verify: [403, 'Show your second factor before you do this.'],
  form: [400, 'The form was not understood. Reload the page and try again.'],
  type: [415, 'A form is sent as application/x-www-form-urlencoded. Reload the page and try again.'],
  large: [413, 'The form is larger than 64 KiB, so it was not read.'],
} as const;
type Refusal = keyof typeof REFUSALS;

function refusalOf(page: Page): Refusal | 'passes' {
  const found = Object.entries(REFUSALS).find(
    ([, [status, sentence]]) => page.status === status && page.alerts.includes(sentence),
  );
  return (found?.[0] as Refusal | undefined) ?? 'passes';
}

let house: House;
let admin: Person;
let fresh: Person;
let user: Person;
/** Whose page the forms of accounts are of. */
let target: Person;
/** Whose page the forms of incidents are of. */
let incident: string;

before(async () => {
  house = await openHouse();
  admin = await settled(house, 'gate.admin', 'admin');
  fresh = await newcomer(house, 'gate.fresh', 'admin');
  user = await settled(house, 'gate.user', 'user');
  target = await newcomer(house, 'gate.target');
  const recorder = await settled(house, 'gate.recorder');
  incident = await newIncident(house, await verified(house, recorder));
});
after(() => house.close());

const pathOf = ({ path }: Route) =>
  path.replace(':id', path.startsWith('/admin/incidents/') ? incident : target.account.id);

async function csrfOf(
  token: string,
  purpose: Parameters<typeof csrfToken>[0] = 'sallyport-admin-web-csrf-v1',
) {
  return csrfToken(purpose, token, (await liveSessionOf(house, token)).session);
}

interface Sent {
  readonly cookie?: string;
  readonly headers?: Record<string, string>;
  readonly body?: BodyInit;
}

interface State {
  readonly name: string;
  readonly make: () => Promise<Sent>;
  readonly expect: (reach: Reach) => Refusal | 'passes';
}

const encoded = (fields: Record<string, string>) => new URLSearchParams(fields);
const needsSession = (refusal: Refusal | 'passes') => (reach: Reach) =>
  reach === 'anyone' || reach === 'any session or none' ? 'passes' : refusal;
/** For forms that carry a token: the forms in front of the door have none, and take no field of that name. */
const needsToken = (refusal: Refusal | 'passes') => (reach: Reach) => (reach === 'anyone' ? 'form' : refusal);

const right = async () => {
  const token = await verifiedSession(house, admin, 'admin_web');
  return { token, csrf: await csrfOf(token) };
};

/** A right session and its token, with other headers. */
const from = (headers: Record<string, string>) => async () => {
  const { token, csrf } = await right();
  return { cookie: token, headers, body: encoded({ csrf_token: csrf }) };
};

/** A right session and its token, with another body. */
const posting = (type: string, make: (csrf: string) => string) => async () => {
  const { token, csrf } = await right();
  return { cookie: token, headers: { ...OWN, 'content-type': type }, body: make(csrf) };
};
const FORM = 'application/x-www-form-urlencoded';

const STATES: readonly State[] = [
  { name: 'without a session', make: async () => ({ body: '' }), expect: needsSession('login') },
  {
    name: 'with a bearer token in its header',
    make: async () => {
      const token = await verifiedSession(house, admin, 'bearer');
      return { headers: { ...OWN, authorization: `Bearer ${token}` }, body: '' };
    },
    expect: needsSession('login'),
  },
  ...(['bearer', 'web'] as const).map((kind) => ({
    name: `with a ${kind} token in the dashboard's cookie`,
    make: async () => ({ cookie: await verifiedSession(house, admin, kind), body: '' }),
    expect: needsSession('login'),
  })),
  {
    name: 'with an expired session',
    make: async () => {
      const { token } = await right();
      house.clock.advance(house.deps.settings.auth.sessionTtlMs);
      return { cookie: token, body: '' };
    },
    expect: needsSession('login'),
  },
  {
    name: 'with a session that was signed out',
    make: async () => {
      const { token, csrf } = await right();
      const out = await new Visitor(house, token).postRaw('/admin/logout', { csrf_token: csrf });
      assert.equal(out.status, 303);
      return { cookie: token, body: '' };
    },
    expect: needsSession('login'),
  },
  ...[
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: `${DOOR}.evil.example` },
    { origin: DOOR, 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
  ].map((headers) => ({
    name: `sent with ${JSON.stringify(headers)}`,
    make: from(headers),
    expect: (): Refusal => 'origin',
  })),
  { name: 'sent by a client that names no origin', make: from({}), expect: needsToken('passes') },
  {
    name: 'without a CSRF token',
    make: async () => ({ cookie: (await right()).token, body: '' }),
    expect: (reach) => (reach === 'anyone' ? 'passes' : 'csrf'),
  },
  {
    name: "with another session's CSRF token",
    make: async () => {
      const { token } = await right();
      const other = await right();
      return { cookie: token, body: encoded({ csrf_token: other.csrf }) };
    },
    expect: needsToken('csrf'),
  },
  {
    name: "with a CSRF token of the main door's making",
    make: async () => {
      const { token } = await right();
      return { cookie: token, body: encoded({ csrf_token: await csrfOf(token, 'sallyport-web-csrf-v1') }) };
    },
    expect: needsToken('csrf'),
  },
  {
    name: 'by somebody who is no admin',
    make: async () => {
      const token = await verifiedSession(house, user, 'admin_web');
      return { cookie: token, body: encoded({ csrf_token: await csrfOf(token) }) };
    },
    expect: (reach) => (reach === 'any session or none' ? 'passes' : needsToken('role')(reach)),
  },
  {
    name: 'by somebody who is no admin, without a CSRF token',
    make: async () => ({ cookie: await verifiedSession(house, user, 'admin_web'), body: '' }),
    expect: (reach) => (reach === 'anyone' ? 'passes' : 'csrf'),
  },
  {
    name: 'before the second factor is set up',
    make: async () => {
      const token = await sessionFor(house, fresh, 'admin_web');
      return { cookie: token, body: encoded({ csrf_token: await csrfOf(token) }) };
    },
    expect: (reach) => needsToken(reach === 'inside' ? 'setup' : 'passes')(reach),
  },
  {
    name: 'before the second factor was shown',
    make: async () => {
      const token = await sessionFor(house, admin, 'admin_web');
      return { cookie: token, body: encoded({ csrf_token: await csrfOf(token) }) };
    },
    expect: (reach) => needsToken(reach === 'inside' || reach === 'setting up' ? 'verify' : 'passes')(reach),
  },
  {
    name: 'with a field that the form does not have',
    make: posting(FORM, (csrf) => `csrf_token=${csrf}&admin=1`),
    expect: () => 'form',
  },
  {
    name: 'with a field twice',
    make: posting(FORM, (csrf) => `csrf_token=${csrf}&csrf_token=${csrf}`),
    expect: () => 'form',
  },
  {
    name: 'with broken percent-encoding',
    make: posting(FORM, (csrf) => `csrf_token=${csrf}&username=%zz`),
    expect: () => 'form',
  },
  {
    name: 'with bytes that are not UTF-8',
    make: posting(FORM, (csrf) => `csrf_token=${csrf}&username=%ff%fe`),
    expect: () => 'form',
  },
  {
    name: 'as JSON',
    make: posting('application/json', (csrf) => JSON.stringify({ csrf_token: csrf })),
    expect: () => 'type',
  },
  {
    name: 'as plain text, which another site may send',
    make: posting('text/plain', (csrf) => `csrf_token=${csrf}`),
    expect: () => 'type',
  },
  {
    name: 'with more than 64 KiB',
    make: posting(FORM, (csrf) => `csrf_token=${csrf}&username=${'x'.repeat(64 * 1024)}`),
    expect: () => 'large',
  },
  {
    name: 'with everything right',
    make: from(OWN),
    expect: needsToken('passes'),
  },
];

describe('every form of the dashboard', () => {
  for (const state of STATES) {
    it(state.name, async () => {
      assert.ok(forms.length > 15);
      for (const route of forms) {
        const { cookie, headers = OWN, body = '' } = await state.make();
        const who = new Visitor(house, cookie);
        const page = await who.send(pathOf(route), { method: 'POST', headers, body });
        assert.equal(
          refusalOf(page),
          state.expect(reachOf(route)),
          `${route.id} (${page.status} ${page.title})`,
        );
        assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8', route.id);
      }
    });
  }

  it('leaves the account alone in all of that', async () => {
    const account = await house.deps.store.accounts.byId(target.account.id);
    assert.deepEqual(account, target.account);
  });
});

describe('every page of the dashboard', () => {
  const READING: readonly (readonly [string, () => Promise<string | undefined>, (reach: Reach) => string])[] =
    [
      ['without a session', async () => undefined, () => 'login'],
      ['with a bearer token in its cookie', () => verifiedSession(house, admin, 'bearer'), () => 'login'],
      ['with the main door’s token in its cookie', () => verifiedSession(house, admin, 'web'), () => 'login'],
      ['by somebody who is no admin', () => verifiedSession(house, user, 'admin_web'), () => 'role'],
      [
        'before the second factor is set up',
        () => sessionFor(house, fresh, 'admin_web'),
        (reach) => (reach === 'inside' ? 'setup' : 'passes'),
      ],
      [
        'before the second factor was shown',
        () => sessionFor(house, admin, 'admin_web'),
        (reach) => (reach === 'inside' ? 'verify' : 'passes'),
      ],
      ['with everything right', () => verifiedSession(house, admin, 'admin_web'), () => 'passes'],
    ];
  for (const [name, session, expected] of READING) {
    it(name, async () => {
      assert.ok(pages.length >= 6);
      for (const route of pages) {
        const page = await new Visitor(house, await session()).get(pathOf(route));
        const want = expected(reachOf(route));
        assert.equal(refusalOf(page), want, `${route.id} (${page.status} ${page.title})`);
        if (want === 'passes') assert.equal(page.status, 200, route.id);
      }
    });
  }
});

describe('the dashboard’s cookie', () => {
  it('is nothing to the JSON of the same door, and nothing to the main door', async () => {
    const { token } = await right();
    for (const name of ['sallyport_admin_session', '__Host-sallyport_session']) {
      const headers = { cookie: `${name}=${token}` };
      const json = await house.admin(new Request(`${DOOR}/admin/api/accounts`, { headers }));
      assert.equal(json.status, 401, name);
      const main = await house.main(new Request('http://main.test/v1/account', { headers }));
      assert.equal(main.status, 401, name);
    }
  });
});
