/**
 * The life of an account, from the bootstrap to the recovery, with everything in it that must not be written down:
 * each step leaves its row in the audit, of ids alone, and no log and no column holds what it should not.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { changeKey, keyFits } from '../../src/core/secret-key.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';
import { csrfToken } from '../../src/handlers/kit/csrf.ts';
import { type Answer, answers, ask, credentials, logIn, post, type Session, WEB } from '../support/ask.ts';
import { newAuthenticator } from '../support/authenticator.ts';
import { BOOTSTRAP_SECRET, type House, ORIGIN, openHouse } from '../support/house.ts';
import { codeOf, liveSessionOf, type Person, verifiedSession } from '../support/people.ts';
import { columnsOf, tableOf } from '../support/rows.ts';

const ENV = {
  ...WEB,
  SAFE_ACCOUNT_REGISTRATION_MODE: 'open',
  SAFE_PUBLIC_WEB_ORIGIN: 'https://app.example',
  SAFE_EMAIL_BACKEND: 'smtp',
  SAFE_SMTP_HOST: '127.0.0.1',
  SAFE_SMTP_FROM: 'vault@example.org',
  SAFE_WEBAUTHN_ENABLED: 'true',
  SAFE_WEBAUTHN_RP_ID: 'example.test',
  SAFE_WEBAUTHN_ALLOWED_ORIGINS: 'https://vault.example.test',
};
const FACTOR = '/v1/account/second-factor';
const SECRET = new Uint8Array(32).fill(7);

/** Each holds a word of its own that is looked for afterwards. */
const NAMES = { admin: 'canary-boss', user: 'canary-reader', made: 'canary-made' };
const MAILS = { account: 'canary-account@example.org', factor: 'canary-factor@example.org' };
const PASSWORDS = {
  admin: 'canary passphrase of the boss',
  user: 'canary passphrase of the reader',
  next: 'canary passphrase to come',
  reset: 'canary passphrase by the boss',
  wrong: 'canary passphrase that is wrong',
};

const codeIn = (house: House) =>
  /(?:^|=)([A-Za-z0-9_-]{43})$/m.exec(house.mail.at(-1)?.text ?? '')?.[1] ?? '';

interface Told {
  readonly ids: { admin: string; user: string; made: string };
  /** What nobody may find, by what it is. */
  readonly secrets: Map<string, string>;
}

/** Plays everything once. */
async function play(house: House): Promise<Told> {
  const secrets = new Map(Object.entries(PASSWORDS).map(([whose, text]) => [`password ${whose}`, text]));
  secrets.set('bootstrap secret', BOOTSTRAP_SECRET);
  const keep = (what: string, value: string) => {
    assert.ok(value.length >= 6, `there is no ${what}`);
    secrets.set(`${what} ${secrets.size}`, value);
    return value;
  };
  const keepSession = async (as: Session) => {
    keep('token', as.token);
    const sent = await credentials(house, as);
    if (sent['X-CSRF-Token'] !== undefined) keep('CSRF token', sent['X-CSRF-Token']);
    return as;
  };
  const form = (path: string, fields: Record<string, string>, headers = {}) =>
    house.admin(
      new Request(`${ORIGIN}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(fields),
      }),
    );
  const code = (seed: string) => keep('TOTP code', codeOf(house, seed));
  const first = { username: NAMES.admin, password: PASSWORDS.admin };

  // The first admin.
  await form('/admin/bootstrap', { ...first, bootstrap_secret: 'canary secret that is wrong' });
  const made = await form('/admin/bootstrap', { ...first, bootstrap_secret: BOOTSTRAP_SECRET });
  assert.equal(made.status, 303);
  let boss = await keepSession(await logIn(house, NAMES.admin, 'bearer', PASSWORDS.admin));
  const enrolled = answers(await post(house, `${FACTOR}/totp/enroll`, boss), 201).body;
  const seed = keep('TOTP seed', enrolled.secret);
  answers(await post(house, `${FACTOR}/totp/confirm`, boss, { code: code(seed) }), 200);
  house.clock.advance(30_000);
  const adminId = (await ask(house, '/v1/account', { as: boss })).body.account.id;

  // Somebody registers, fails to log in, and sets up every factor.
  const registration = { username: NAMES.user, email: MAILS.account, password: PASSWORDS.user };
  answers(await ask(house, '/v1/auth/register', { body: registration }), 202);
  await house.settled();
  const mailed = keep('verification token', codeIn(house));
  answers(await ask(house, '/v1/auth/email/verify', { body: { token: mailed } }), 200);
  const wrong = { username: NAMES.user, password: PASSWORDS.wrong };
  answers(await ask(house, '/v1/auth/login', { body: wrong }), 401, 'invalid_credentials');
  answers(
    await ask(house, '/v1/auth/login', { body: { ...wrong, username: 'canary-nobody' } }),
    401,
    'invalid_credentials',
  );
  const web = await keepSession(await logIn(house, NAMES.user, 'cookie', PASSWORDS.user));
  const userId = (await ask(house, '/v1/account', { as: web })).body.account.id;
  answers(await post(house, `${FACTOR}/email/challenge`, web, { email: MAILS.factor }), 202);
  answers(
    await post(house, `${FACTOR}/email/verify`, web, { code: keep('mailed code', codeIn(house)) }),
    200,
  );
  const device = newAuthenticator('ES256');
  const started = answers(await post(house, `${FACTOR}/webauthn/register/start`, web), 201).body;
  const scene = (challenge: string) => ({
    origin: 'https://vault.example.test',
    rpId: 'example.test',
    challenge: keep('passkey challenge', challenge),
  });
  const { challenge } = started.credential_creation.publicKey;
  answers(await post(house, `${FACTOR}/webauthn/register/finish`, web, device.create(scene(challenge))), 200);
  const bearer = await keepSession(await logIn(house, NAMES.user, 'bearer', PASSWORDS.user));
  answers(
    await post(house, `${FACTOR}/email/verify`, bearer, { code: 'canary-wrong-code' }),
    400,
    'second_factor_challenge_invalid',
  );
  const showing = answers(await post(house, `${FACTOR}/webauthn/verify/start`, bearer), 201).body;
  const shown = device.get(scene(showing.credential_assertion.publicKey.challenge));
  answers(await post(house, `${FACTOR}/webauthn/verify/finish`, bearer, shown), 200);
  const change = { current_password: PASSWORDS.user, new_password: PASSWORDS.next };
  answers(await post(house, '/v1/account/password', bearer, change), 200);
  answers(await ask(house, '/v1/auth/logout', { method: 'POST', as: bearer }), 200);

  // What an admin does.
  boss = await keepSession(await logIn(house, NAMES.admin, 'bearer', PASSWORDS.admin));
  answers(await post(house, `${FACTOR}/totp/verify`, boss, { code: code(seed) }), 200);
  const office = (path: string, body?: object, method = 'POST'): Promise<Answer> =>
    ask(house, `/admin/api/${path}`, { door: 'admin', as: boss, method, ...(body && { body }) });
  const account = { username: NAMES.made, password: PASSWORDS.reset, role: 'user' };
  const madeId = answers(await office('accounts', account), 201).body.account.id;
  answers(await office(`accounts/${userId}/password`, { new_password: PASSWORDS.reset }), 200);
  answers(await office(`accounts/${userId}/role`, { role: 'admin' }), 200);
  answers(await office(`accounts/${userId}/sessions/revoke`), 200);
  answers(await office(`accounts/${userId}/disable`), 200);
  answers(await office(`accounts/${userId}/enable`), 200);
  const reason = { reason: 'lost_email_access' };
  answers(await office(`accounts/${madeId}/second-factor/recovery/reset`, reason), 200);
  const paste = await house.main(
    new Request(`${ORIGIN}/`, { method: 'POST', body: 'canary text of a paste' }),
  );
  const { id } = (await paste.json()) as { id: string };
  keep('paste id', id);
  answers(await office(`pastes/${id}`, undefined, 'DELETE'), 200);
  answers(await office('cleanup'), 200);
  house.clock.advance(30_000);
  const person = { account: { id: adminId }, username: NAMES.admin, seed } as Person;
  const token = keep('dashboard token', await verifiedSession(house, person, 'admin_web'));
  const { session } = await liveSessionOf(house, token);
  const csrf = keep('dashboard CSRF token', csrfToken('sallyport-admin-web-csrf-v1', token, session));
  const cookie = { cookie: `sallyport_admin_session=${token}` };
  const tested = await form('/admin/test-mail', { csrf_token: csrf, email: MAILS.factor }, cookie);
  assert.equal(tested.status, 303);

  // As every start does, so that the database knows which key is its own.
  assert.ok(await keyFits(house.deps.store.secretKey, openKeyring(SECRET)));
  const next = new Uint8Array(32).fill(9);
  assert.equal((await changeKey(house.deps, openKeyring(SECRET), next)).kind, 'changed');
  return { ids: { admin: adminId, user: userId, made: madeId }, secrets };
}

describe('the life of an account', () => {
  let house: House;
  let told: Told;
  before(async () => {
    house = await openHouse({ env: ENV, secret: SECRET });
    told = await play(house);
  });
  after(() => house.close());

  it('leaves a row for every kind of action, refused ones included', async () => {
    const rows = await tableOf(house, 'audit');
    const seen = new Set(
      rows.map(
        ({ listener, actor_kind, action, outcome }) => `${listener} ${actor_kind} ${action} ${outcome}`,
      ),
    );
    for (const expected of [
      'admin visitor bootstrap denied',
      'admin visitor bootstrap ok',
      'main visitor login denied',
      'main visitor login ok',
      'main account logout ok',
      'main visitor register ok',
      'main visitor email_verify ok',
      'main account password_change ok',
      'main account factor_challenge ok',
      'main account factor_enrol ok',
      'main account factor_confirm ok',
      'main account factor_verify ok',
      'main account factor_verify denied',
      'admin admin account_create ok',
      'admin admin account_password_reset ok',
      'admin admin account_role ok',
      'admin admin sessions_revoke ok',
      'admin admin account_disable ok',
      'admin admin account_enable ok',
      'admin admin recovery_reset ok',
      'admin admin paste_delete ok',
      'admin admin pastes_cleanup ok',
      'admin admin test_mail ok',
      'local operator secret_key_rotate ok',
    ]) {
      assert.ok(seen.has(expected), `no row says "${expected}":\n${[...seen].sort().join('\n')}`);
    }
  });

  it('tells who did it to whom by id', async () => {
    const rows = await tableOf(house, 'audit');
    const { ids } = told;
    const of = (action: string, outcome = 'ok') =>
      rows.filter((row) => row.action === action && row.outcome === outcome);
    for (const action of [
      'account_password_reset',
      'account_role',
      'sessions_revoke',
      'account_disable',
      'account_enable',
    ]) {
      assert.deepEqual(
        of(action).map((row) => [row.actor_account_id, row.subject_account_id]),
        [[ids.admin, ids.user]],
        action,
      );
    }
    assert.deepEqual(
      of('recovery_reset').map((row) => [row.actor_account_id, row.subject_account_id, row.subject_id]),
      [[ids.admin, ids.made, 'lost_email_access']],
    );
    // A failed login names the account that was tried only where there is one, and nobody as the actor.
    assert.deepEqual(
      of('login', 'denied').map((row) => [row.actor_account_id, row.subject_account_id]),
      [
        [null, ids.user],
        [null, null],
      ],
    );
  });

  it('holds nothing but ids and words in the audit', async () => {
    for (const row of await tableOf(house, 'audit')) {
      for (const column of ['id', 'actor_account_id', 'subject_account_id', 'subject_id']) {
        const value = row[column];
        if (value === null) continue;
        assert.match(
          String(value),
          /^((aud|acct|ses|sf|sfc)_[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{32}|lost_email_access)$/,
        );
      }
    }
  });

  it('leaves no secret in the log, the audit or any column', async () => {
    const log = JSON.stringify(house.log);
    const columns = await columnsOf(house);
    assert.ok(columns.size > 50, 'the columns were not read');
    for (const [what, secret] of told.secrets) {
      assert.ok(!log.includes(secret), `${what} is in the log`);
      for (const [column, text] of columns) {
        // Six digits stand in many a time; only whole values count there.
        const found = /^\d{6}$/.test(secret) ? text.split('\n').includes(secret) : text.includes(secret);
        // A challenge that was never answered has to be kept to be compared; all of these were.
        assert.ok(!found, `${what} is in ${column}`);
      }
    }
    const homes = ['accounts.username', 'accounts.email', 'email_verifications.email', 'factors.email'];
    assert.ok(!log.includes('canary'), 'a name or an address is in the log');
    for (const [column, text] of columns) {
      assert.ok(homes.includes(column) || !text.includes('canary'), `a name or an address is in ${column}`);
    }
    assert.ok(columns.get('accounts.username')?.includes(NAMES.user), 'the canary was not there to be found');
  });
});
