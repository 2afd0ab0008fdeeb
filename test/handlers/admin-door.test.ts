import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fault } from '../../src/core/faults.ts';
import { createAdmin } from '../../src/handlers/admin.ts';
import { BOOTSTRAP_SECRET, type House, inHouse } from '../support/house.ts';
import { codeOf, newcomer, PASSWORD, sessionFor, settled } from '../support/people.ts';
import { ADMIN, adminAt, bootstrapped, insider, OWN, Visitor } from './admin-visitor.ts';

const BOOTSTRAP = { bootstrap_secret: BOOTSTRAP_SECRET, ...ADMIN };

/** Outcomes of an action in the audit, oldest first. */
async function audited(house: House, action: string): Promise<string[]> {
  const rows = await house.deps.store.audit.list(undefined, 500);
  return rows
    .filter((row) => row.action === action)
    .map(({ outcome }) => outcome)
    .reverse();
}

describe('GET /admin shows each visitor the next step', () => {
  it('the form for the first admin, while there is none', () =>
    inHouse({}, async (house) => {
      const page = await new Visitor(house).get('/admin');
      assert.deepEqual([page.status, page.title], [200, 'Create the First Admin']);
      for (const name of ['bootstrap_secret', 'username', 'password']) {
        assert.ok(page.text.includes(`name="${name}"`), name);
      }
      assert.ok(page.text.includes('action="/admin/bootstrap"'));
    }));

  it('that bootstrap is not enabled, where there is no secret', () =>
    inHouse(
      { ports: { bootstrap: { current: async () => undefined, spent: async () => {} } } },
      async (house) => {
        const page = await new Visitor(house).get('/admin');
        assert.deepEqual([page.status, page.alerts], [403, ['Bootstrap is not enabled.']]);
        const posted = await new Visitor(house).postRaw('/admin/bootstrap', BOOTSTRAP);
        assert.deepEqual([posted.status, posted.alerts], [403, ['Bootstrap is not enabled.']]);
        assert.equal(await house.deps.store.accounts.adminExists(), false);
      },
    ));

  it('the form to sign in, once there is an admin, also for a session that has expired', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      house.clock.advance(house.deps.settings.auth.sessionTtlMs);
      for (const visitor of [new Visitor(house), who]) {
        const page = await visitor.get('/admin');
        assert.deepEqual([page.status, page.title], [200, 'Admin Login']);
        assert.ok(page.text.includes('action="/admin/login"'));
        assert.ok(!page.text.includes('bootstrap'), 'the other form is gone');
      }
    }));

  it('access denied to a session of somebody who is no admin, and takes the cookie away', () =>
    inHouse({}, async (house) => {
      await settled(house, 'an.admin', 'admin');
      const user = await settled(house, 'somebody');
      const who = new Visitor(house, await sessionFor(house, user, 'admin_web'));
      const page = await who.get('/admin');
      assert.deepEqual([page.status, page.title], [403, 'Access Denied']);
      assert.match(page.headers.get('set-cookie') ?? '', /^sallyport_admin_session=; .*Max-Age=0$/);
      assert.equal(who.cookie, undefined);
    }));

  it('the ways to set a second factor up, then to show it, then the overview', () =>
    inHouse({}, async (house) => {
      const setup = await (await adminAt(house, 'first.step', 'set up')).who.get('/admin');
      assert.deepEqual([setup.status, setup.title], [403, 'Set Up Admin 2FA']);
      assert.ok(setup.text.includes('action="/admin/second-factor/totp/enroll"'));
      const verify = await (await adminAt(house, 'second.step', 'verify')).who.get('/admin');
      assert.deepEqual([verify.status, verify.title], [403, 'Verify Admin 2FA']);
      assert.ok(verify.text.includes('action="/admin/second-factor/totp/verify"'));
      assert.ok(!verify.text.includes('/totp/enroll'), 'a password alone adds no factor');
      const inside = await (await adminAt(house, 'third.step', 'inside')).who.get('/admin');
      assert.deepEqual([inside.status, inside.title], [200, 'Overview']);
    }));

  it('nothing of the dashboard before the last step', () =>
    inHouse({}, async (house) => {
      for (const stage of ['set up', 'verify'] as const) {
        const page = await (await adminAt(house, stage.replace(' ', '.'), stage)).who.get('/admin');
        for (const word of ['/admin/accounts', '/admin/settings', 'SAFE_SESSION', '/admin/password']) {
          assert.ok(!page.text.includes(word), `${stage} ${word}`);
        }
      }
    }));

  it('answers HEAD alike, without the body', () =>
    inHouse({}, async (house) => {
      const head = await new Visitor(house).send('/admin', { method: 'HEAD' });
      assert.deepEqual([head.status, head.text], [200, '']);
    }));
});

describe('POST /admin/bootstrap', () => {
  it('makes the first admin, signs it in, and spends the secret', () =>
    inHouse({}, async (house) => {
      const who = new Visitor(house);
      const made = await who.postRaw('/admin/bootstrap', BOOTSTRAP);
      assert.deepEqual([made.status, made.location], [303, '/admin']);
      assert.match(
        made.headers.get('set-cookie') ?? '',
        /^sallyport_admin_session=[A-Za-z0-9_-]{43}; HttpOnly; SameSite=Strict; Path=\/admin; Expires=[^;]+ GMT$/,
      );
      const expires = /Expires=(.*)$/.exec(made.headers.get('set-cookie') ?? '')?.[1] ?? '';
      const session = house.deps.now() + house.deps.settings.auth.sessionTtlMs;
      assert.equal(Math.floor(session / 1000) * 1000, Date.parse(expires));
      assert.equal(await house.deps.bootstrap.current(), undefined);
      assert.equal((await who.get('/admin')).title, 'Set Up Admin 2FA');
      assert.deepEqual(await audited(house, 'bootstrap'), ['ok']);
    }));

  it('refuses a wrong secret with 401, beside its field, and sends nothing secret back', () =>
    inHouse({}, async (house) => {
      const who = new Visitor(house);
      const guess = 'a guess at the secret';
      const page = await who.postRaw('/admin/bootstrap', { ...BOOTSTRAP, bootstrap_secret: guess });
      assert.deepEqual([page.status, page.alerts], [401, ['Bootstrap secret is invalid.']]);
      assert.match(
        page.text,
        /name="bootstrap_secret"[^>]*aria-describedby="[^"]*bootstrap-bootstrap_secret-error"/,
      );
      assert.ok(page.text.includes('id="bootstrap-bootstrap_secret-error" role="alert"'));
      assert.ok(page.text.includes('value="ada"'), 'the username needs no typing again');
      assert.ok(!page.text.includes(guess) && !page.text.includes(ADMIN.password));
      assert.equal(who.cookie, undefined);
      assert.deepEqual(await audited(house, 'bootstrap'), ['denied']);
    }));

  for (const [field, value, sentence] of [
    ['username', 'x', /^Username must be 3 to 64 characters/],
    ['username', '<img src=x onerror=alert(1)>', /^Username must be/],
    ['password', 'too short', /^A password must have 12 to 256 bytes\.$/],
  ] as const) {
    it(`refuses ${field} ${JSON.stringify(value)} with 400 beside the field`, () =>
      inHouse({}, async (house) => {
        const page = await new Visitor(house).postRaw('/admin/bootstrap', { ...BOOTSTRAP, [field]: value });
        assert.equal(page.status, 400);
        assert.match(page.alerts[0] ?? '', sentence);
        assert.ok(page.text.includes(`id="bootstrap-${field}-error" role="alert"`));
        assert.ok(!page.text.includes('<img'), 'what was typed is text');
        assert.equal(await house.deps.store.accounts.adminExists(), false);
      }));
  }

  it('says so when somebody who is no admin has the name', () =>
    inHouse({}, async (house) => {
      await newcomer(house, ADMIN.username);
      const page = await new Visitor(house).postRaw('/admin/bootstrap', BOOTSTRAP);
      assert.deepEqual([page.status, page.alerts], [409, ['Username is taken.']]);
    }));

  it('refuses a late one with 403, whatever the secret', () =>
    inHouse({}, async (house) => {
      await bootstrapped(house);
      for (const bootstrap_secret of [BOOTSTRAP_SECRET, 'wrong']) {
        const late = { ...BOOTSTRAP, username: 'late', bootstrap_secret };
        const page = await new Visitor(house).postRaw('/admin/bootstrap', late);
        assert.deepEqual(
          [page.status, page.alerts],
          [403, ['There is an admin already, so bootstrap is closed.']],
        );
      }
      assert.equal((await house.deps.store.accounts.counts()).accounts, 1);
    }));

  it('makes exactly one admin of fifty that come at once', () =>
    inHouse({ data: 'file' }, async (house) => {
      const tries = await Promise.all(
        Array.from({ length: 50 }, (_, n) =>
          new Visitor(house).postRaw('/admin/bootstrap', { ...BOOTSTRAP, username: `first.${n}` }),
        ),
      );
      const statuses = tries.map(({ status }) => status);
      assert.deepEqual(
        [
          statuses.filter((status) => status === 303).length,
          statuses.filter((status) => status === 403).length,
        ],
        [1, 49],
      );
      assert.equal(tries.filter(({ headers }) => headers.has('set-cookie')).length, 1);
      assert.deepEqual(await house.deps.store.accounts.counts(), { accounts: 1, admins: 1, disabled: 0 });
    }));
});

describe('POST /admin/login', () => {
  it('opens a session of its own kind, with a cookie for this door alone', () =>
    inHouse({}, async (house) => {
      await insider(house);
      const who = new Visitor(house);
      who.secure = true;
      const page = await who.postRaw('/admin/login', ADMIN);
      assert.deepEqual([page.status, page.location], [303, '/admin']);
      assert.match(
        page.headers.get('set-cookie') ?? '',
        /^sallyport_admin_session=[A-Za-z0-9_-]{43}; HttpOnly; Secure; SameSite=Strict; Path=\/admin; Expires=/,
      );
      assert.equal((await who.get('/admin')).title, 'Verify Admin 2FA');
    }));

  it('tells an unknown name, a wrong password and a disabled account by nothing', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const other = await settled(house, 'disabled.admin', 'admin');
      await who.confirm(`/admin/accounts/${other.account.id}/disable`);
      const pages = [
        await new Visitor(house).postRaw('/admin/login', { username: 'nobody', password: PASSWORD }),
        await new Visitor(house).postRaw('/admin/login', { ...ADMIN, password: PASSWORD }),
        await new Visitor(house).postRaw('/admin/login', { username: 'disabled.admin', password: PASSWORD }),
        await new Visitor(house).postRaw('/admin/login', {}),
      ];
      for (const page of pages) {
        assert.deepEqual([page.status, page.alerts], [401, ['Username or password is invalid.']]);
        assert.ok(!page.text.includes(PASSWORD));
        assert.equal(page.headers.get('set-cookie'), null);
      }
      const bodies = pages.slice(0, 3).map(({ text }) => text.replace(/value="[^"]*"/g, ''));
      assert.equal(new Set(bodies).size, 1, 'the pages are the same');
    }));

  it('shows a name again that was typed, and nothing that can be no name: it may be the password', () =>
    inHouse({}, async (house) => {
      await insider(house);
      const typed = async (username: string) =>
        (await new Visitor(house).postRaw('/admin/login', { username, password: 'not this one' })).text;
      assert.match(await typed('An.Admin'), /value="An\.Admin"/);
      for (const slip of [PASSWORD, 'correct horse battery', 'x'.repeat(65), '<script>', 'ada&password=x'])
        assert.doesNotMatch(await typed(slip), /name="username"[^>]*value=/, slip);
    }));

  it('refuses who is no admin with 403 after a right password, and opens no session', () =>
    inHouse({}, async (house) => {
      await settled(house, 'an.admin', 'admin');
      const user = await settled(house, 'somebody');
      const who = new Visitor(house);
      const page = await who.postRaw('/admin/login', { username: user.username, password: PASSWORD });
      assert.deepEqual([page.status, page.alerts], [403, ['Admin role is required.']]);
      assert.equal(who.cookie, undefined);
      assert.equal((await audited(house, 'login')).at(-1), 'denied');
    }));

  it('is refused from another site, so that nobody is signed in as somebody else', () =>
    inHouse({}, async (house) => {
      await insider(house);
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null', 'sec-fetch-site': 'cross-site' },
        { 'sec-fetch-site': 'cross-site' },
      ]) {
        const who = new Visitor(house);
        const page = await who.postRaw('/admin/login', ADMIN, headers as Record<string, string>);
        assert.equal(page.status, 403);
        assert.equal(who.cookie, undefined);
      }
    }));

  it('compares the origin with the host that the browser named, not with the listener’s own name', () =>
    inHouse({}, async (house) => {
      await insider(house);
      const login = (host: string) =>
        house.admin(
          new Request('http://admin:1/admin/login', {
            method: 'POST',
            headers: { ...OWN, host },
            body: new URLSearchParams(ADMIN),
          }),
        );
      assert.equal((await login('admin.test')).status, 303);
      assert.equal((await login('other.test')).status, 403);
    }));

  it('says when the server is busy, with when to come again', () =>
    inHouse({}, async (house) => {
      await insider(house);
      const hasher = { argon2id: () => Promise.reject(new Fault('service_busy', { retryAfterSeconds: 1 })) };
      const admin = createAdmin({ ...house.deps, hasher });
      const page = await new Visitor({ ...house, admin }).postRaw('/admin/login', ADMIN);
      assert.deepEqual([page.status, page.headers.get('retry-after')], [503, '1']);
    }));
});

describe('POST /admin/logout', () => {
  it('ends the session and takes the cookie away', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const cookie = who.cookie ?? '';
      const page = await who.post('/admin/logout');
      assert.deepEqual([page.status, page.location, who.cookie], [303, '/admin', undefined]);
      assert.equal((await new Visitor(house, cookie).get('/admin')).title, 'Admin Login');
      assert.deepEqual(await audited(house, 'logout'), ['ok']);
    }));

  it('is no failure without a session: the cookie goes', () =>
    inHouse({}, async (house) => {
      await insider(house);
      for (const who of [new Visitor(house), new Visitor(house, 'x'.repeat(43))]) {
        const page = await who.postRaw('/admin/logout', {});
        assert.deepEqual([page.status, page.location], [303, '/admin']);
        assert.match(page.headers.get('set-cookie') ?? '', /Max-Age=0$/);
      }
    }));
});

describe('POST /admin/password', () => {
  it('changes the password, and ends every other session', () =>
    inHouse({}, async (house) => {
      const { who, secret } = await insider(house);
      const other = new Visitor(house);
      await other.postRaw('/admin/login', ADMIN);
      await other.get('/admin');
      await other.post('/admin/second-factor/totp/verify', { code: codeOf(house, secret) });
      assert.equal((await other.get('/admin')).title, 'Overview');
      const next = 'another phrase of words';
      const page = await who.post('/admin/password', {
        current_password: ADMIN.password,
        new_password: next,
      });
      assert.deepEqual([page.status, page.location], [303, '/admin?notice=password_changed']);
      assert.match((await who.get(page.location ?? '')).notice ?? '', /^Your password was changed/);
      assert.equal((await other.get('/admin')).title, 'Admin Login');
      const fresh = new Visitor(house);
      assert.equal((await fresh.postRaw('/admin/login', { ...ADMIN, password: next })).status, 303);
    }));

  for (const [name, fields, status, field, sentence] of [
    [
      'a wrong current one',
      { current_password: 'wrong' },
      401,
      'current_password',
      /^Current password is invalid/,
    ],
    ['no current one', { current_password: '' }, 401, 'current_password', /^Current password is invalid/],
    ['a new one that is too short', { new_password: 'short' }, 400, 'new_password', /12 to 256 bytes/],
  ] as const) {
    it(`refuses ${name} with ${status} beside the field`, () =>
      inHouse({}, async (house) => {
        const { who } = await insider(house);
        const given = {
          current_password: ADMIN.password,
          new_password: 'another phrase of words',
          ...fields,
        };
        const page = await who.post('/admin/password', given);
        assert.equal(page.status, status);
        assert.match(page.alerts[0] ?? '', sentence);
        assert.ok(page.text.includes(`id="own-password-${field}-error" role="alert"`));
        assert.ok(!page.text.includes(ADMIN.password) && !page.text.includes(given.new_password));
      }));
  }
});

describe('the limits of the private door', () => {
  const env = { SAFE_ADMIN_RATE_LIMIT_ENABLED: 'true', SAFE_ADMIN_RATE_LIMIT_DASHBOARD: '3' };

  it('are told on a page, with when to come again', () =>
    inHouse({ env }, async (house) => {
      const who = new Visitor(house);
      for (let n = 0; n < 3; n += 1) assert.equal((await who.get('/admin')).status, 200);
      const page = await who.get('/admin');
      assert.deepEqual([page.status, page.title], [429, 'Too Many Requests']);
      assert.equal(page.headers.get('retry-after'), '60');
      assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
      assert.equal(
        (await who.get('/admin/static/styles.css')).status,
        200,
        'its style is not counted with it',
      );
    }));

  it('count logins, the first admin and second factors apart from pages', () =>
    inHouse({ env: { ...env, SAFE_ADMIN_RATE_LIMIT_LOGIN: '2' } }, async (house) => {
      await settled(house, 'an.admin', 'admin');
      const who = new Visitor(house);
      const paths = ['/admin/login', '/admin/bootstrap', '/admin/second-factor/totp/verify'];
      const statuses: number[] = [];
      for (const path of paths) statuses.push((await who.postRaw(path, {})).status);
      assert.deepEqual(statuses, [401, 403, 429]);
      assert.equal((await who.get('/admin')).status, 200);
    }));
});

describe('pages', () => {
  it('say a notice of the closed set, and never what an address says', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      assert.equal((await who.get('/admin?notice=password_changed')).notice?.includes('password'), true);
      for (const code of ['<b>x</b>', 'constructor', '__proto__', 'toString', 'You+have+won', '']) {
        const page = await who.get(`/admin?notice=${encodeURIComponent(code)}`);
        assert.deepEqual([page.status, page.notice], [200, undefined], code);
        assert.ok(!page.text.includes('You have won') && !page.text.includes('<b>x'));
      }
    }));

  it('hold no script, no style of their own and no address of another place', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const paths = ['/admin', '/admin/accounts', '/admin/pastes', '/admin/incidents', '/admin/settings'];
      for (const path of paths) {
        const { text } = await who.get(path);
        assert.doesNotMatch(text, /<script|<style|\sstyle=|\son\w+=|javascript:|data:|https?:/i, path);
      }
    }));

  it('carry the headers of a page that nobody keeps', () =>
    inHouse({}, async (house) => {
      const { headers } = await new Visitor(house).get('/admin');
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(
        headers.get('content-security-policy'),
        "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; object-src 'none'",
      );
      assert.equal(headers.get('referrer-policy'), 'no-referrer');
    }));
});
