import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { auditEntry } from '../../src/core/audit.ts';
import { newId } from '../../src/core/ids.ts';
import { RECOVERY_REASONS } from '../../src/core/operator-accounts.ts';
import { tokenHash } from '../../src/crypto/tokens.ts';
import { type House, inHouse } from '../support/house.ts';
import { newcomer, PASSWORD, sessionFor, settled } from '../support/people.ts';
import { ADMIN, insider } from './admin-visitor.ts';

const NEW = { username: 'grace', password: 'a phrase of several words', role: 'user' };
const NOBODY = 'acct_01ARZ3NDEKTSV4RRFFQ69G5FAV';

const accountOf = (house: House, id: string) => house.deps.store.accounts.byId(id);

async function isLive(house: House, token: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  return (await house.main(new Request('http://main.test/v1/account', { headers }))).status === 200;
}

async function subjects(house: House, action: string): Promise<unknown[]> {
  const rows = await house.deps.store.audit.list(undefined, 500);
  return rows
    .filter((row) => row.action === action)
    .map(({ actorKind, subjectAccountId, subjectId, outcome }) => [
      actorKind,
      subjectAccountId,
      subjectId,
      outcome,
    ]);
}

describe('accounts on the dashboard', () => {
  it('are listed a page at a time, each with a link to its page', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const { phc } = (await house.deps.store.accounts.byUsername(ADMIN.username)) ?? assert.fail();
      const ids: string[] = [];
      for (let n = 0; n < 60; n += 1) {
        const id = newId('acct', house.deps);
        const at = house.deps.now();
        const times = { createdAt: at, updatedAt: at, passwordChangedAt: at };
        const account = {
          id,
          username: `person.${n}`,
          state: 'active',
          setup: 'setup_required',
          role: 'user',
          phc,
        } as const;
        const entry = auditEntry(
          house.deps,
          { listener: 'local', actorKind: 'operator' },
          'account_create',
          'ok',
        );
        assert.ok(await house.deps.store.accounts.create({ ...account, ...times }, entry));
        ids.push(id);
      }
      const seen = new Set<string>();
      let path: string | undefined = '/admin/accounts';
      for (let pages = 0; path !== undefined; pages += 1) {
        assert.ok(pages < 4);
        const page = await who.get(path);
        for (const [, id] of page.text.matchAll(/href="\/admin\/accounts\/(acct_\w+)"/g)) seen.add(id ?? '');
        path = /href="(\/admin\/accounts\?cursor=acct_\w+)"/.exec(page.text)?.[1];
      }
      assert.ok(ids.every((id) => seen.has(id)));
      assert.equal(seen.size, 61);
      assert.equal((await who.get('/admin/accounts?cursor=nonsense')).status, 200);
    }));

  it('are made, with their second factor still to be set up', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const made = await who.post('/admin/accounts', NEW);
      assert.equal(made.status, 303);
      assert.match(made.location ?? '', /^\/admin\/accounts\/acct_\w{26}\?notice=account_created$/);
      const page = await who.get(made.location ?? '');
      assert.deepEqual([page.title, page.notice?.startsWith('The account was created.')], ['grace', true]);
      const known = await house.deps.store.accounts.byUsername('grace');
      assert.deepEqual([known?.account.role, known?.account.setup], ['user', 'setup_required']);
      assert.deepEqual(await subjects(house, 'account_create'), [
        ['admin', known?.account.id, undefined, 'ok'],
      ]);
    }));

  for (const [name, fields, status, field, sentence] of [
    ['a bad username', { username: 'no spaces' }, 400, 'username', /^Username must be/],
    ['a username that is taken', { username: ADMIN.username }, 409, 'username', /^Username is taken\.$/],
    ['a short password', { password: 'short' }, 400, 'password', /12 to 256 bytes/],
    ['another role', { role: 'owner' }, 400, 'role', /^Role must be user or admin\.$/],
  ] as const) {
    it(`are refused for ${name} with ${status}, beside the field`, () =>
      inHouse({}, async (house) => {
        const { who } = await insider(house);
        const page = await who.post('/admin/accounts', { ...NEW, ...fields });
        assert.equal(page.status, status);
        assert.match(page.alerts[0] ?? '', sentence);
        assert.ok(page.text.includes(`id="create-account-${field}-error" role="alert"`));
        assert.ok(!page.text.includes(NEW.password));
        assert.equal((await house.deps.store.accounts.counts()).accounts, 1);
      }));
  }

  it('that do not exist have no page, and nothing can be done with them: 404', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      for (const id of [NOBODY, 'nonsense', '%3Cscript%3E', 'acct_..']) {
        const page = await who.get(`/admin/accounts/${id}`);
        assert.deepEqual([page.status, page.title], [404, 'No Such Account'], id);
        assert.ok(!page.text.includes('<script'));
        for (const [verb, fields] of [
          ['password', { new_password: PASSWORD }],
          ['role', { role: 'user' }],
          ['disable', {}],
          ['enable', {}],
          ['sessions/revoke', {}],
          ['second-factor/recovery/reset', { reason: 'operator_review' }],
        ] as const) {
          await who.get('/admin');
          assert.equal(
            (await who.post(`/admin/accounts/${id}/${verb}`, fields)).status,
            404,
            `${id} ${verb}`,
          );
        }
      }
    }));
});

describe('a password reset by an admin', () => {
  it('sets the password and ends every session of the account', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const person = await settled(house, 'grace');
      const token = await sessionFor(house, person, 'bearer');
      const next = 'quite another phrase';
      const page = await who.post(`/admin/accounts/${person.account.id}/password`, { new_password: next });
      assert.deepEqual([page.status, page.location], [303, '/admin?notice=account_password_reset']);
      assert.equal(await isLive(house, token), false);
      const body = JSON.stringify({ username: 'grace', password: next });
      const login = new Request('http://main.test/v1/auth/login', { method: 'POST', body });
      assert.equal((await house.main(login)).status, 201);
    }));

  it('is refused for oneself and for a short password', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const own = (await house.deps.store.accounts.byUsername(ADMIN.username))?.account.id ?? '';
      const self = await who.post(`/admin/accounts/${own}/password`, {
        new_password: 'quite another phrase',
      });
      assert.deepEqual(
        [self.status, self.alerts],
        [400, ['Use the admin password form to change your own password.']],
      );
      const other = await newcomer(house, 'grace');
      const short = await who.post(`/admin/accounts/${other.account.id}/password`, { new_password: 'short' });
      assert.equal(short.status, 400);
      assert.ok(short.text.includes('id="reset-password-new_password-error" role="alert"'));
    }));
});

describe('what ends sessions or removes something is asked first', () => {
  const cases: readonly (readonly [verb: string, fields: Record<string, string>, notice: string])[] = [
    ['role', { role: 'admin' }, 'account_role_changed'],
    ['disable', {}, 'account_disabled'],
    ['sessions/revoke', {}, 'sessions_revoked'],
    ['second-factor/recovery/reset', { reason: 'lost_totp_device' }, 'recovery_reset'],
  ];
  for (const [verb, fields, notice] of cases) {
    it(`${verb}: nothing happens before the yes, and every session ends with it`, () =>
      inHouse({}, async (house) => {
        const { who } = await insider(house);
        const person = await settled(house, 'grace');
        const token = await sessionFor(house, person, 'web');
        const path = `/admin/accounts/${person.account.id}/${verb}`;
        const before = await accountOf(house, person.account.id);
        for (const confirm of [undefined, 'no', 'YES', '']) {
          const question = await who.post(path, { ...fields, ...(confirm !== undefined && { confirm }) });
          assert.equal(question.status, 200);
          assert.ok(question.title.endsWith('?'), question.title);
          assert.ok(question.text.includes('>Cancel</a>'));
        }
        assert.deepEqual(await accountOf(house, person.account.id), before);
        const done = await who.confirm(path, fields);
        assert.deepEqual(
          [done.status, done.location],
          [303, `/admin/accounts/${person.account.id}?notice=${notice}`],
        );
        assert.equal((await who.get(done.location ?? '')).notice !== undefined, true);
        assert.equal(
          await house.deps.store.accounts.liveSession(tokenHash(token), house.deps.now()),
          undefined,
        );
      }));
  }

  it('the recovery reset takes every factor away, keeps the password, and is audited with its reason', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      for (const reason of RECOVERY_REASONS) {
        const person = await settled(house, `p.${reason}`.slice(0, 30));
        const path = `/admin/accounts/${person.account.id}/second-factor/recovery/reset`;
        const question = await who.post(path, { reason });
        assert.ok(question.text.includes(`name="reason" value="${reason}"`));
        assert.equal((await who.confirm(path, { reason })).status, 303);
        assert.equal((await accountOf(house, person.account.id))?.setup, 'setup_required');
        assert.equal(await house.deps.store.accounts.totpFactor(person.account.id), undefined);
        assert.deepEqual((await subjects(house, 'recovery_reset'))[0], [
          'admin',
          person.account.id,
          reason,
          'ok',
        ]);
      }
    }));

  it('the recovery reset wants a reason of the closed set', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const person = await settled(house, 'grace');
      const path = `/admin/accounts/${person.account.id}/second-factor/recovery/reset`;
      for (const fields of [
        {},
        { reason: '' },
        { reason: 'because' },
        { reason: 'because', confirm: 'yes' },
      ]) {
        const page = await who.post(path, fields as Record<string, string>);
        assert.deepEqual([page.status, page.alerts], [400, ['Choose one of the reasons.']]);
      }
      assert.equal((await accountOf(house, person.account.id))?.setup, 'complete');
    }));

  it('one’s own recovery reset ends the session that asked', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const own = (await house.deps.store.accounts.byUsername(ADMIN.username))?.account.id ?? '';
      const path = `/admin/accounts/${own}/second-factor/recovery/reset`;
      const done = await who.confirm(path, { reason: 'admin_created_setup' });
      assert.deepEqual([done.status, done.location], [303, '/admin']);
      assert.equal((await who.get('/admin')).title, 'Admin Login');
    }));
});

describe('the last admin', () => {
  it('cannot disable or demote itself: 409', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const own = (await house.deps.store.accounts.byUsername(ADMIN.username))?.account.id ?? '';
      for (const [verb, fields] of [
        ['disable', {}],
        ['role', { role: 'user' }],
      ] as const) {
        const page = await who.post(`/admin/accounts/${own}/${verb}`, { ...fields, confirm: 'yes' });
        assert.equal(page.status, 409, verb);
        assert.deepEqual(page.alerts, [
          'The last active admin, and you yourself, cannot be disabled or demoted.',
        ]);
      }
      assert.deepEqual(await house.deps.store.accounts.counts(), { accounts: 1, admins: 1, disabled: 0 });
    }));

  it('refuses a role that there is none of: 400', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const person = await newcomer(house, 'grace');
      const page = await who.post(`/admin/accounts/${person.account.id}/role`, { role: 'root' });
      assert.equal(page.status, 400);
      assert.ok(page.text.includes('id="change-role-role-error" role="alert"'));
    }));
});

describe('a disabled account', () => {
  it('is enabled again', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const person = await settled(house, 'grace');
      const path = `/admin/accounts/${person.account.id}`;
      await who.confirm(`${path}/disable`);
      assert.equal((await accountOf(house, person.account.id))?.state, 'disabled');
      await who.get(path);
      const page = await who.post(`${path}/enable`);
      assert.equal(page.location, `${path}?notice=account_enabled`);
      assert.equal((await accountOf(house, person.account.id))?.state, 'active');
    }));
});
