/** The admin's JSON: accounts, sums and pastes, as a bearer and with a cookie, at the private door alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  answers,
  ask,
  isLive,
  logIn,
  post,
  type Session,
  session,
  verified,
  WAYS,
  WEB,
} from '../support/ask.ts';
import { type House, inHouse, ORIGIN } from '../support/house.ts';
import { codeOf, newcomer, PASSWORD, type Person, settled } from '../support/people.ts';

const API = '/admin/api';
const NOBODY = 'acct_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const NEXT = 'another passphrase for tests';

interface Office {
  readonly house: House;
  readonly admin: Person;
  readonly user: Person;
  /** Asks as the admin. */
  get(path: string): ReturnType<typeof ask>;
  send(path: string, body?: unknown, method?: string): ReturnType<typeof ask>;
}

function inOffice(way: 'bearer' | 'cookie', use: (office: Office) => Promise<void>): Promise<void> {
  return inHouse({ env: WEB }, async (house) => {
    const admin = await settled(house, 'an-admin', 'admin');
    const user = await settled(house, 'a-user');
    const as = await verified(house, admin, way);
    await use({
      house,
      admin,
      user,
      get: (path) => ask(house, `${API}/${path}`, { door: 'admin', as }),
      send: (path, body, method = 'POST') =>
        ask(house, `${API}/${path}`, { door: 'admin', as, method, ...(body !== undefined && { body }) }),
    });
  });
}

const sessionsOf = async (house: House, person: Person): Promise<Session[]> => [
  await session(house, person, 'bearer'),
  await session(house, person, 'cookie'),
  await verified(house, person, 'bearer'),
];

async function allEnded(house: House, sessions: readonly Session[]): Promise<void> {
  for (const as of sessions) assert.equal(await isLive(house, as), false, `${as.way} is still live`);
}

for (const way of WAYS) {
  describe(`the admin's JSON, ${way}`, () => {
    it('makes an account that sets up its second factor first', async () => {
      await inOffice(way, async ({ house, send }) => {
        const given = { username: ' Another ', password: PASSWORD, role: 'user' };
        const { body } = answers(await send('accounts', given), 201);
        assert.deepEqual(Object.keys(body), ['account']);
        assert.equal(body.account.username, 'another');
        assert.equal(body.account.account_state, 'active');
        assert.equal(body.account.second_factor_setup_state, 'setup_required');
        answers(await send('accounts', { ...given, username: 'ANOTHER' }), 409, 'username_conflict');
        await logIn(house, 'another', way);
        for (const [wrong, code] of [
          [{ username: 'x' }, 'invalid_username'],
          [{ username: undefined }, 'invalid_username'],
          [{ password: 'short' }, 'invalid_password'],
          [{ role: 'owner' }, 'invalid_role'],
          [{ role: undefined }, 'invalid_role'],
          [{ email: 'a@example.org' }, 'invalid_json'],
        ] as const) {
          answers(await send('accounts', { ...given, username: 'third', ...wrong }), 400, code);
        }
        answers(await send('accounts', '{'), 400, 'invalid_json');
        answers(await send('accounts', `"${'x'.repeat(64 * 1024)}"`), 413, 'request_too_large');
      });
    });

    it('sets a password, which ends every session and lets only the new one in', async () => {
      await inOffice(way, async ({ house, user, send }) => {
        const sessions = await sessionsOf(house, user);
        const path = `accounts/${user.account.id}/password`;
        const { body } = answers(await send(path, { new_password: NEXT }), 200);
        assert.deepEqual(Object.keys(body).sort(), ['account', 'sessions_revoked']);
        // One more than these three was opened when the factor was set up.
        assert.equal(body.sessions_revoked, 4);
        await allEnded(house, sessions);
        const old = { username: 'a-user', password: PASSWORD };
        answers(await ask(house, '/v1/auth/login', { body: old }), 401, 'invalid_credentials');
        await logIn(house, 'a-user', way, NEXT);
        answers(await send(path, { new_password: 'short' }), 400, 'invalid_password');
        answers(await send(path, { password: NEXT }), 400, 'invalid_json');
      });
    });

    it('shuts and opens an account; what was open stays shut', async () => {
      await inOffice(way, async ({ house, user, send }) => {
        const sessions = await sessionsOf(house, user);
        const shut = answers(await send(`accounts/${user.account.id}/disable`), 200);
        assert.equal(shut.body.account.account_state, 'disabled');
        assert.equal(shut.body.sessions_revoked, 4);
        await allEnded(house, sessions);
        assert.equal(
          answers(await send(`accounts/${user.account.id}/disable`), 200).body.sessions_revoked,
          0,
        );
        const body = { username: 'a-user', password: PASSWORD };
        answers(await ask(house, '/v1/auth/login', { body }), 401, 'invalid_credentials');
        const opened = answers(await send(`accounts/${user.account.id}/enable`), 200);
        assert.equal(opened.body.account.account_state, 'active');
        await allEnded(house, sessions);
        await logIn(house, 'a-user', way);
      });
    });

    it('shuts and demotes neither oneself nor the last active admin', async () => {
      await inOffice(way, async ({ house, admin, user, send }) => {
        const own = `accounts/${admin.account.id}`;
        answers(await send(`${own}/disable`), 409, 'last_admin');
        answers(await send(`${own}/role`, { role: 'user' }), 409, 'last_admin');
        answers(await send(`accounts/${user.account.id}/role`, { role: 'admin' }), 200);
        answers(await send(`${own}/disable`), 409, 'last_admin');
        const second = await verified(house, user);
        const asked = ask(house, `${API}/accounts/${admin.account.id}/disable`, {
          door: 'admin',
          as: second,
          method: 'POST',
        });
        answers(await asked, 200);
        answers(await send('accounts', {}), 401, 'authentication_required');
      });
    });

    it('changes a role, and the sessions of the account end', async () => {
      await inOffice(way, async ({ house, user, send }) => {
        const sessions = await sessionsOf(house, user);
        const path = `accounts/${user.account.id}/role`;
        const { body } = answers(await send(path, { role: 'admin' }), 200);
        assert.equal(body.account.role, 'admin');
        assert.equal(body.sessions_revoked, 4);
        await allEnded(house, sessions);
        for (const role of ['root', '', null, undefined])
          answers(await send(path, { role }), 400, 'invalid_role');
        answers(await send(path, { role: 'user' }), 200);
      });
    });

    it('ends the sessions of an account', async () => {
      await inOffice(way, async ({ house, user, send }) => {
        const sessions = await sessionsOf(house, user);
        const { body } = answers(await send(`accounts/${user.account.id}/sessions/revoke`), 200);
        assert.deepEqual(body, { account_id: user.account.id, sessions_revoked: 4 });
        await allEnded(house, sessions);
        const again = await send(`accounts/${user.account.id}/sessions/revoke`);
        assert.equal(answers(again, 200).body.sessions_revoked, 0);
      });
    });

    it('takes every factor away, for one of the known reasons, and touches no password', async () => {
      await inOffice(way, async ({ house, admin, user, send }) => {
        const sessions = await sessionsOf(house, user);
        const path = `accounts/${user.account.id}/second-factor/recovery/reset`;
        for (const reason of ['because', '', 7, undefined]) {
          answers(await send(path, { reason }), 400, 'invalid_recovery_reason');
        }
        const { body } = answers(await send(path, { reason: 'lost_totp_device' }), 200);
        assert.deepEqual(Object.keys(body).sort(), ['account', 'recovery', 'status']);
        assert.equal(body.account.second_factor_setup_state, 'setup_required');
        const { id, ...recovery } = body.recovery;
        assert.match(id, /^aud_/);
        assert.deepEqual(recovery, {
          account_id: user.account.id,
          admin_account_id: admin.account.id,
          action: 'second_factor_recovery_reset',
          reason: 'lost_totp_device',
          previous_second_factor_setup_state: 'complete',
          new_second_factor_setup_state: 'setup_required',
          sessions_revoked: 4,
          email_factors_removed: 0,
          totp_factors_removed: 1,
          webauthn_credentials_removed: 0,
          created_at: new Date(house.clock.now()).toISOString(),
        });
        await allEnded(house, sessions);

        const fresh = await logIn(house, 'a-user', way);
        const old = await post(house, '/v1/account/second-factor/totp/verify', fresh, {
          code: codeOf(house, user.seed ?? ''),
        });
        answers(old, 400, 'totp_challenge_invalid');
        const { secret } = answers(
          await post(house, '/v1/account/second-factor/totp/enroll', fresh),
          201,
        ).body;
        const confirmed = await post(house, '/v1/account/second-factor/totp/confirm', fresh, {
          code: codeOf(house, secret),
        });
        answers(confirmed, 200);
      });
    });

    it('can recover oneself, and is out with that', async () => {
      await inOffice(way, async ({ admin, send, get }) => {
        const path = `accounts/${admin.account.id}/second-factor/recovery/reset`;
        answers(await send(path, { reason: 'operator_review' }), 200);
        answers(await get('accounts'), 401, 'authentication_required');
      });
    });

    it('knows no account that is not there', async () => {
      await inOffice(way, async ({ send }) => {
        for (const id of [NOBODY, NOBODY.toLowerCase(), 'acct_', 'an-admin', `${NOBODY}x`]) {
          for (const [route, body] of [
            ['password', { new_password: NEXT }],
            ['disable', undefined],
            ['enable', undefined],
            ['role', { role: 'user' }],
            ['sessions/revoke', undefined],
            ['second-factor/recovery/reset', { reason: 'operator_review' }],
          ] as const) {
            answers(await send(`accounts/${id}/${route}`, body), 404, 'account_not_found');
          }
        }
      });
    });

    it('pages through accounts in the order in which they were made', async () => {
      await inOffice(way, async ({ house, get }) => {
        for (const name of ['third', 'fourth', 'fifth']) {
          // Within a millisecond the order of ids is chance.
          house.clock.advance(1);
          await newcomer(house, name);
        }
        const all = answers(await get('accounts'), 200).body;
        assert.deepEqual(Object.keys(all), ['accounts']);
        const names = (page: { accounts: { username: string }[] }) =>
          page.accounts.map(({ username }) => username);
        assert.deepEqual(names(all), ['an-admin', 'a-user', 'third', 'fourth', 'fifth']);
        const seen: string[] = [];
        let next = 'accounts?limit=2';
        for (let pages = 0; next !== '' && pages < 5; pages += 1) {
          const { body } = answers(await get(next), 200);
          seen.push(...names(body));
          next = body.cursor === undefined ? '' : `accounts?limit=2&cursor=${body.cursor}`;
        }
        assert.deepEqual(seen, names(all));
        for (const limit of ['999999', '9999999999']) answers(await get(`accounts?limit=${limit}`), 200);
        for (const limit of ['0', '-1', 'ten', '', '1.5', '1e2']) {
          answers(await get(`accounts?limit=${limit}`), 400, 'invalid_limit');
        }
        for (const cursor of ['', 'acct_', `${NOBODY}%27`, 'an-admin']) {
          answers(await get(`accounts?cursor=${cursor}`), 400, 'invalid_cursor');
        }
      });
    });

    it('lists pastes without their ids, deletes by ref or id, and cleans up', async () => {
      await inOffice(way, async ({ house, get, send }) => {
        const ids: string[] = [];
        for (let i = 0; i < 3; i += 1) {
          const init = {
            method: 'POST',
            body: `paste ${i}`,
            headers: { 'x-expiry': i === 0 ? '60' : '3600' },
          };
          const made = await house.main(new Request(`${ORIGIN}/`, init));
          ids.push(((await made.json()) as { id: string }).id);
        }
        const listed = answers(await get('pastes'), 200);
        assert.equal(listed.body.pastes.length, 3);
        for (const id of ids) assert.ok(!listed.text.includes(id));
        const first = answers(await get('pastes?limit=2'), 200).body;
        const rest = answers(await get(`pastes?limit=2&cursor=${first.cursor}`), 200).body;
        assert.deepEqual([...first.pastes, ...rest.pastes], listed.body.pastes);
        answers(await get('pastes?limit=x'), 400, 'invalid_limit');
        answers(await get('pastes?cursor=x'), 400, 'invalid_cursor');

        const sums = answers(await get('stats'), 200).body;
        assert.equal(sums.pastes.count, 3);
        assert.equal(sums.pastes.bytes, 21);
        const gone = answers(await send(`pastes/${ids[1]}`, undefined, 'DELETE'), 200).body;
        assert.equal(gone.deleted, true);
        answers(await send(`pastes/${gone.ref}`, undefined, 'DELETE'), 404, 'paste_not_found');
        answers(await send('pastes/nothing', undefined, 'DELETE'), 404, 'paste_not_found');
        answers(await ask(house, `/${ids[1]}`), 404, 'paste_not_found');

        house.clock.advance(61_000);
        const cleaned = answers(await send('cleanup'), 200).body;
        assert.equal(cleaned.pastes_removed, 1);
        assert.equal(answers(await get('stats'), 200).body.pastes.count, 1);
      });
    });

    it('is not at the public door, nor at a path of another release', async () => {
      await inOffice(way, async ({ house, admin, send }) => {
        const as = await verified(house, admin, way);
        for (const path of [`${API}/accounts`, '/v1/admin/accounts', '/v1/bootstrap/admin']) {
          answers(await ask(house, path, { as }), 404, 'not_found');
        }
        answers(await send('accounts', undefined, 'DELETE'), 404, 'not_found');
      });
    });
  });
}
