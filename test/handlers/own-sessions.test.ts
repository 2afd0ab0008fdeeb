/** One's own sessions: seen and ended at the main door and on the dashboard, and ended by disuse. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tokenHash } from '../../src/crypto/tokens.ts';
import type { Db } from '../../src/store/db.ts';
import { answers, ask, isLive, post, type Session, session, verified, WAYS, WEB } from '../support/ask.ts';
import { type House, type HouseOptions, inHouse, openHouse } from '../support/house.ts';
import { memoryDatabase } from '../support/memory-database.ts';
import { newcomer, PASSWORD, type Person, sessionFor, settled, verifiedSession } from '../support/people.ts';
import { adminAt, Visitor } from './admin-visitor.ts';

const ROOT = '/v1/auth/sessions';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const list = async (house: House, as: Session) => answers(await ask(house, ROOT, { as }), 200).body.sessions;
const idOf = async (house: House, { token }: { readonly token: string }) =>
  (await house.deps.store.accounts.liveSession(tokenHash(token), house.deps.now()))?.session.id ?? '';
const end = (house: House, as: Session, id: string, password: unknown = PASSWORD) =>
  post(house, `${ROOT}/${id}/revoke`, as, { current_password: password });
const endOthers = (house: House, as: Session, password: unknown = PASSWORD) =>
  post(house, `${ROOT}/revoke-others`, as, { current_password: password });

/** Who ended which session, and how it ended. */
async function audited(house: House, action: string): Promise<unknown[]> {
  const rows = (await house.deps.store.audit.list(undefined, 500)).filter((row) => row.action === action);
  return rows.map(({ actorAccountId, subjectId, outcome }) => [actorAccountId, subjectId, outcome]);
}

describe('the sessions of an account at the main door', () => {
  it('are listed by their ids, the newest first, with what kind each is and which one asks', () =>
    inHouse({ env: WEB }, async (house) => {
      const person = await settled(house, 'somebody', 'admin');
      const begun = house.clock.now();
      const own = await verified(house, person);
      const browser = await session(house, person, 'cookie');
      const dashboard = await sessionFor(house, person, 'admin_web');
      await verified(house, await settled(house, 'somebody-else'));
      const sessions = await list(house, own);
      const kinds = sessions.map((one: { kind: string; current: boolean }) => [one.kind, one.current]);
      // The first is the one with which the factor was set up.
      assert.deepEqual(kinds.sort(), [
        ...[
          ['bearer', false],
          ['bearer', true],
        ],
        ...[
          ['browser', false],
          ['dashboard', false],
        ],
      ]);
      const mine = sessions.find((one: { current: boolean }) => one.current);
      assert.deepEqual(mine, {
        session_id: await idOf(house, own),
        kind: 'bearer',
        current: true,
        created_at: new Date(begun).toISOString(),
        last_seen_at: new Date(begun).toISOString(),
        expires_at: new Date(begun + 12 * HOUR).toISOString(),
        second_factor_verified_at: new Date(begun).toISOString(),
        second_factor_method: 'totp',
      });
      const desk = sessions.find((one: { kind: string }) => one.kind === 'dashboard');
      assert.equal(Date.parse(desk.idle_expires_at) - Date.parse(desk.last_seen_at), HOUR);
      assert.equal('second_factor_verified_at' in desk, false);
      const text = JSON.stringify(sessions);
      for (const token of [own.token, browser.token, dashboard]) {
        assert.ok(!text.includes(token));
        assert.ok(!text.includes(tokenHash(token).slice(0, 12)));
      }
    }));

  it('come a page at a time', () =>
    inHouse({}, async (house) => {
      const person = await settled(house, 'somebody');
      const as = await verified(house, person);
      for (let n = 0; n < 3; n += 1) {
        house.clock.advance(1);
        await session(house, person);
      }
      const seen: string[] = [];
      let path: string | undefined = `${ROOT}?limit=2`;
      while (path !== undefined) {
        const page = answers(await ask(house, path, { as }), 200);
        assert.ok(page.body.sessions.length <= 2);
        seen.push(...page.body.sessions.map((one: { session_id: string }) => one.session_id));
        path = /^<(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      assert.equal(seen.length, 5);
      assert.deepEqual(seen, [...seen].sort().toReversed());
      answers(await ask(house, `${ROOT}?after=acct_1`, { as }), 400, 'invalid_cursor');
      answers(await ask(house, `${ROOT}?limit=0`, { as }), 400, 'invalid_limit');
    }));

  for (const way of WAYS) {
    it(`${way}: one is ended with the password, for good, and audited by its id`, () =>
      inHouse({ env: WEB }, async (house) => {
        const person = await settled(house, 'somebody');
        const [own, lost] = [await verified(house, person, way), await verified(house, person)];
        const id = await idOf(house, lost);
        const ended = answers(await end(house, own, id), 200);
        assert.deepEqual(ended.body, { session_id: id, revoked: true });
        assert.deepEqual([await isLive(house, own), await isLive(house, lost)], [true, false]);
        answers(await end(house, own, id), 404, 'session_not_found');
        assert.deepEqual(await audited(house, 'session_revoke'), [[person.account.id, id, 'ok']]);
        answers(await end(house, own, await idOf(house, own)), 200);
        assert.equal(await isLive(house, own), false);
      }));

    it(`${way}: all others are ended with the password, and this one goes on`, () =>
      inHouse({ env: WEB }, async (house) => {
        const person = await settled(house, 'somebody', 'admin');
        const own = await verified(house, person, way);
        const others = [await session(house, person), await session(house, person, 'cookie')];
        const stranger = await session(house, await newcomer(house, 'stranger'));
        const dashboard = new Visitor(house, await verifiedSession(house, person, 'admin_web'));
        const { body } = answers(await endOthers(house, own), 200);
        // With the one that the factor was set up with.
        assert.deepEqual(body, { sessions_revoked: 4 });
        for (const other of others) assert.equal(await isLive(house, other), false);
        assert.equal((await dashboard.get('/admin')).title, 'Admin Login');
        assert.deepEqual([await isLive(house, own), await isLive(house, stranger)], [true, true]);
        assert.equal((await list(house, own)).length, 1);
        assert.deepEqual(answers(await endOthers(house, own), 200).body, { sessions_revoked: 0 });
      }));
  }

  it('are nobody else’s: an id of another account is like none at all', () =>
    inHouse({}, async (house) => {
      const person = await settled(house, 'somebody');
      const stranger = await verified(house, await settled(house, 'stranger', 'admin'));
      const own = await verified(house, person);
      for (const id of [
        await idOf(house, stranger),
        'ses_01ARZ3NDEKTSV4RRFFQ69G5FAV',
        'nonsense',
        "ses_'--",
      ]) {
        const none = answers(await end(house, own, id), 404, 'session_not_found');
        assert.ok(!none.text.includes(id));
      }
      assert.ok(await isLive(house, stranger));
      assert.deepEqual(await audited(house, 'session_revoke'), []);
    }));

  it('stay for whoever lacks the password, whose guesses count like wrong codes', () =>
    inHouse({}, async (house) => {
      const person = await settled(house, 'somebody');
      const [own, other] = [await verified(house, person), await verified(house, person)];
      const id = await idOf(house, other);
      for (const guess of ['not the passphrase', '', null, 7]) {
        answers(await end(house, own, id, guess), 401, 'invalid_credentials');
      }
      answers(await endOthers(house, own, 'not the passphrase'), 401, 'invalid_credentials');
      assert.equal(await isLive(house, own), false, 'five wrong ones end the session that guesses');
      assert.ok(await isLive(house, other));
      const denied = [
        ...(await audited(house, 'session_revoke')),
        ...(await audited(house, 'sessions_revoke')),
      ];
      assert.equal(denied.length, 5);
      assert.ok(denied.every((row) => Array.isArray(row) && row[2] === 'denied'));
    }));

  it('are neither seen nor ended before the second factor was shown, or from another site', () =>
    inHouse({ env: WEB }, async (house) => {
      const person = await settled(house, 'somebody');
      const other = await verified(house, person);
      const id = await idOf(house, other);
      const unverified = await session(house, person);
      const fresh = await session(house, await newcomer(house, 'newcomer'));
      for (const [as, code] of [
        [unverified, 'second_factor_verification_required'],
        [fresh, 'second_factor_setup_required'],
      ] as const) {
        answers(await ask(house, ROOT, { as }), 403, code);
        answers(await end(house, as, id), 403, code);
        answers(await endOthers(house, as), 403, code);
      }
      answers(await ask(house, ROOT), 401, 'authentication_required');
      const browser = await verified(house, person, 'cookie');
      const cookie = `__Host-sallyport_session=${browser.token}`;
      for (const path of [`${ROOT}/${id}/revoke`, `${ROOT}/revoke-others`]) {
        const body = { current_password: PASSWORD };
        answers(await ask(house, path, { body, headers: { cookie } }), 403, 'csrf_required');
        const headers = { cookie, origin: 'https://elsewhere.example' };
        answers(await ask(house, path, { body, headers }), 403, 'origin_not_allowed');
      }
      assert.ok(await isLive(house, other));
    }));

  it('are no business of the private door’s', () =>
    inHouse({}, async (house) => {
      const as = await verified(house, await settled(house, 'ada', 'admin'));
      answers(await ask(house, ROOT, { as, door: 'admin' }), 404, 'not_found');
    }));
});

describe('the sessions of an admin on the dashboard', () => {
  const page = (who: Visitor, person: Person) => who.get(`/admin/accounts/${person.account.id}`);

  it('stand on the page of the own account, with this one marked, and on nobody else’s', () =>
    inHouse({ env: WEB }, async (house) => {
      const { who, person } = await adminAt(house, 'ada', 'inside');
      const phone = await session(house, person);
      const own = await page(who, person);
      assert.match(own.text, /Your sessions/);
      assert.match(own.text, /A device or a program/);
      assert.equal(own.text.match(/this one/g)?.length, 1);
      assert.ok(own.text.includes(`action="/admin/sessions/${await idOf(house, phone)}/revoke"`));
      assert.ok(!own.text.includes(phone.token) && !own.text.includes(tokenHash(phone.token).slice(0, 12)));
      const stranger = await settled(house, 'grace');
      const theirs = await verified(house, stranger);
      const other = await page(who, stranger);
      assert.ok(!other.text.includes('Your sessions') && !other.text.includes(await idOf(house, theirs)));
      assert.ok((await who.get('/admin')).text.includes(`href="/admin/accounts/${person.account.id}"`));
    }));

  it('are ended one by one or all others at once, when asked twice and with the password', () =>
    inHouse({}, async (house) => {
      const { who, person } = await adminAt(house, 'ada', 'inside');
      const [lost, phone] = [await session(house, person), await session(house, person)];
      const id = await idOf(house, lost);
      const path = `/admin/sessions/${id}/revoke`;
      await page(who, person);
      const question = await who.post(path);
      assert.deepEqual([question.status, question.title], [200, 'End this session?']);
      assert.ok(await isLive(house, lost));
      const wrong = await who.post(path, { confirm: 'yes', current_password: 'not the passphrase' });
      assert.deepEqual([wrong.status, wrong.alerts], [401, ['That is not your password.']]);
      assert.ok(!wrong.text.includes('not the passphrase'));
      assert.ok(await isLive(house, lost));
      const done = await who.confirm(path, { current_password: PASSWORD });
      assert.equal(done.location, `/admin/accounts/${person.account.id}?notice=own_session_ended`);
      assert.equal((await who.get(done.location ?? '')).notice, 'The session has ended.');
      assert.deepEqual([await isLive(house, lost), await isLive(house, phone)], [false, true]);
      const others = await who.confirm('/admin/sessions/revoke-others', { current_password: PASSWORD });
      assert.equal(others.location, `/admin/accounts/${person.account.id}?notice=own_sessions_ended`);
      assert.equal(await isLive(house, phone), false);
      assert.equal((await page(who, person)).status, 200);
      const account = person.account.id;
      assert.deepEqual(
        (await audited(house, 'session_revoke')).toSorted(),
        [
          [account, id, 'ok'],
          [account, await dashboardId(house, person), 'denied'],
        ].toSorted(),
      );
      assert.deepEqual(await audited(house, 'sessions_revoke'), [[account, undefined, 'ok']]);
    }));

  it('of others are not ended here, nor any by another site or a form without its token', () =>
    inHouse({}, async (house) => {
      const { who, person } = await adminAt(house, 'ada', 'inside');
      const theirs = await session(house, await newcomer(house, 'grace'));
      const fields = { confirm: 'yes', current_password: PASSWORD };
      const path = `/admin/sessions/${await idOf(house, theirs)}/revoke`;
      for (const one of [path, '/admin/sessions/nonsense/revoke']) {
        const none = await who.post(one, fields);
        assert.deepEqual([none.status, none.title], [404, 'No Such Session']);
      }
      assert.ok(await isLive(house, theirs));
      const own = await session(house, person);
      for (const to of [
        `/admin/sessions/${await idOf(house, own)}/revoke`,
        '/admin/sessions/revoke-others',
      ]) {
        assert.equal((await who.postRaw(to, fields)).title, 'Form Expired');
        assert.equal((await who.post(to, fields, { 'sec-fetch-site': 'cross-site' })).title, 'Not From Here');
      }
      assert.ok(await isLive(house, own));
    }));
});

/** The id of the account's one session of the dashboard. */
async function dashboardId(house: House, person: Person): Promise<string> {
  const all = await house.deps.store.accounts.sessions(person.account.id, house.deps.now(), undefined, 9);
  return all.find(({ kind }) => kind === 'admin_web')?.id ?? '';
}

describe('a session that nobody uses', () => {
  it('ends after an hour on the dashboard, and not while it is used', () =>
    inHouse({}, async (house) => {
      const { who } = await adminAt(house, 'ada', 'inside');
      for (let n = 0; n < 4; n += 1) {
        house.clock.advance(50 * MINUTE);
        assert.equal((await who.get('/admin')).title, 'Overview');
        await house.settled();
      }
      house.clock.advance(HOUR);
      assert.equal((await who.get('/admin')).title, 'Admin Login');
      assert.equal((await who.post('/admin/password')).status, 401);
    }));

  it('lasts its twelve hours at the main door, with a token and with a cookie', () =>
    inHouse({ env: WEB }, async (house) => {
      const person = await newcomer(house, 'somebody');
      const sessions = [await session(house, person), await session(house, person, 'cookie')];
      house.clock.advance(12 * HOUR - 1);
      for (const one of sessions) assert.ok(await isLive(house, one));
    }));

  it('ends where and when the operator says so, and no later for use at another door', () =>
    inHouse(
      {
        env: { ...WEB, SAFE_SESSION_IDLE: '2h', SAFE_WEB_SESSION_IDLE: '10m', SAFE_ADMIN_SESSION_IDLE: '0' },
      },
      async (house) => {
        const { who, person } = await adminAt(house, 'ada', 'inside');
        const [phone, browser] = [await session(house, person), await session(house, person, 'cookie')];
        house.clock.advance(10 * MINUTE);
        assert.deepEqual([await isLive(house, phone), await isLive(house, browser)], [true, false]);
        await house.settled();
        house.clock.advance(2 * HOUR);
        assert.equal(await isLive(house, phone), false);
        house.clock.advance(9 * HOUR);
        assert.equal((await who.get('/admin')).title, 'Overview');
      },
    ));

  it('is not more than five minutes late or early in what its owner is told', () =>
    inHouse({}, async (house) => {
      const as = await verified(house, await settled(house, 'somebody'));
      const seen = async () => {
        await house.settled();
        const own = (await list(house, as)).find((one: { current: boolean }) => one.current);
        return Date.parse(own.last_seen_at);
      };
      const begun = await seen();
      for (let n = 0; n < 12; n += 1) {
        house.clock.advance(2 * MINUTE);
        const used = house.clock.now();
        assert.ok(await isLive(house, as));
        assert.ok(used - (await seen()) < 5 * MINUTE);
      }
      assert.ok((await seen()) > begun);
    }));
});

/** A house whose batches are counted by their mode. */
async function counted(options: HouseOptions, use: (house: House, modes: string[]) => Promise<void>) {
  const modes: string[] = [];
  const db = await memoryDatabase(Date.UTC(2026, 0, 2));
  const counting: Db = {
    batch(statements, mode) {
      modes.push(mode);
      return db.batch(statements, mode);
    },
    close: () => db.close(),
  };
  const house = await openHouse({ ...options, data: counting });
  try {
    await use(house, modes);
  } finally {
    await db.close();
  }
}

describe('noting that a session is used', () => {
  it('costs a request nothing, and one small write in five minutes', () =>
    counted({}, async (house, modes) => {
      const as = await session(house, await newcomer(house, 'somebody'));
      const asked = async (times: number) => {
        modes.length = 0;
        for (let n = 0; n < times; n += 1) assert.ok(await isLive(house, as));
        await house.settled();
        return modes.toSorted();
      };
      assert.deepEqual(await asked(3), ['read', 'read', 'read']);
      house.clock.advance(5 * MINUTE - 1);
      assert.deepEqual(await asked(2), ['read', 'read']);
      house.clock.advance(1);
      assert.deepEqual(await asked(1), ['read', 'write']);
      assert.deepEqual(await asked(3), ['read', 'read', 'read']);
    }));

  it('keeps nobody out where it cannot be written down', () =>
    inHouse({}, async (house) => {
      const as = await session(house, await newcomer(house, 'somebody'));
      await house.db.batch(
        [
          {
            sql: `CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'disk'); END`,
          },
        ],
        'write',
      );
      house.clock.advance(HOUR);
      assert.ok(await isLive(house, as));
      await house.settled();
      assert.ok(await isLive(house, as));
    }));
});
