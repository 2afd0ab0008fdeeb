/**
 * Accounts in short, as one suite for every way to reach both doors: what a runtime could get wrong is headers,
 * cookies, bodies and the hashing of passwords; the rules themselves are tested with the handlers.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { TOTP } from 'otpauth';
import { APP, answers, ask, COOKIE, isLive, logIn, post, type Session, WEB } from '../support/ask.ts';
import { newAuthenticator } from '../support/authenticator.ts';
import type { BothDoors, BothDoorsTarget } from '../support/both-doors.ts';
import { PASSWORD } from '../support/people.ts';

const FACTOR = '/v1/account/second-factor';
const NEXT = 'another passphrase for tests';
const SETTINGS = {
  ...WEB,
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_WEBAUTHN_ENABLED: 'true',
  SAFE_WEBAUTHN_RP_ID: 'app.example',
  SAFE_WEBAUTHN_ALLOWED_ORIGINS: APP,
};

export function accountSuite(target: BothDoorsTarget): void {
  describe(`accounts by ${target.name}`, { timeout: 600_000 }, () => {
    let doors: BothDoors;
    let boss: Session;
    let seed = '';
    /** Steps that have been shown already; a code of the next one counts as well. */
    let shown = 0;

    /** A code that was not used yet: of this step or, where that was used a moment ago, of the next. */
    function code(secret: string): string {
      const step = Math.max(shown + 1, Math.floor(doors.now() / 30_000));
      shown = step;
      return new TOTP({ secret }).generate({ timestamp: step * 30_000 });
    }

    before(async () => {
      doors = await target.open(SETTINGS);
      const form = new URLSearchParams({
        bootstrap_secret: doors.bootstrapSecret,
        username: 'an-admin',
        password: PASSWORD,
      });
      const made = await doors.admin(
        new Request('http://127.0.0.1:8081/admin/bootstrap', {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: form.toString(),
        }),
      );
      assert.equal(made.status, 303, await made.text());
      assert.match(made.headers.get('set-cookie') ?? '', /^sallyport_admin_session=/);
    });
    after(() => doors?.close());

    it('logs in as a bearer, and refuses a wrong password', async () => {
      const body = { username: 'an-admin', password: 'not the passphrase' };
      answers(await ask(doors, '/v1/auth/login', { body }), 401, 'invalid_credentials');
      boss = await logIn(doors, 'an-admin', 'bearer');
      answers(await post(doors, '/v1/account/password', boss), 403, 'second_factor_setup_required');
    });

    it('enrols and confirms TOTP', async () => {
      seed = answers(await post(doors, `${FACTOR}/totp/enroll`, boss), 201).body.secret;
      answers(await post(doors, `${FACTOR}/totp/confirm`, boss, { code: code(seed) }), 200);
    });

    it('shows a TOTP code in the next session, once', async () => {
      const next = await logIn(doors, 'an-admin', 'bearer');
      answers(await post(doors, '/v1/account/password', next), 403, 'second_factor_verification_required');
      const once = { code: code(seed) };
      answers(await post(doors, `${FACTOR}/totp/verify`, next, once), 200);
      answers(await post(doors, `${FACTOR}/totp/verify`, next, once), 400, 'totp_challenge_invalid');
    });

    it('keeps a browser session in a cookie, with its CSRF token', async () => {
      const web = await logIn(doors, 'an-admin', 'cookie');
      const headers = { cookie: `${COOKIE}=${web.token}` };
      answers(await ask(doors, '/v1/auth/logout', { method: 'POST', headers }), 403, 'csrf_required');
      const left = answers(await ask(doors, '/v1/auth/web/logout', { method: 'POST', as: web }), 200);
      assert.match(left.headers.get('set-cookie') ?? '', /Max-Age=0/);
      answers(await ask(doors, '/v1/account', { headers }), 401, 'authentication_required');
    });

    for (const algorithm of ['EdDSA', 'ES256', 'RS256'] as const) {
      it(`registers a passkey with ${algorithm}, and takes it in the next session`, async () => {
        const device = newAuthenticator(algorithm);
        const ceremony = async (as: Session, kind: 'register' | 'verify') => {
          const { body } = answers(await post(doors, `${FACTOR}/webauthn/${kind}/start`, as), 201);
          const { publicKey } = body.credential_creation ?? body.credential_assertion;
          const scene = { origin: APP, rpId: 'app.example', challenge: publicKey.challenge };
          const posted = kind === 'register' ? device.create(scene) : device.get(scene);
          return post(doors, `${FACTOR}/webauthn/${kind}/finish`, as, posted);
        };
        answers(await ceremony(boss, 'register'), 200);
        const next = await logIn(doors, 'an-admin', 'bearer');
        answers(await ask(doors, '/v1/incidents', { as: next }), 403, 'second_factor_verification_required');
        answers(await ceremony(next, 'verify'), 200);
        answers(await ask(doors, '/v1/incidents', { as: next }), 200);
      });
    }

    it('answers a preflight of an allowed origin', async () => {
      const headers = {
        origin: APP,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'x-csrf-token',
      };
      const answer = answers(await ask(doors, '/v1/account', { method: 'OPTIONS', headers }), 204);
      assert.equal(answer.headers.get('access-control-allow-origin'), APP);
    });

    it("serves the admin's JSON to a verified session alone, and at the private door alone", async () => {
      const path = '/admin/api/accounts';
      answers(await ask(doors, path, { door: 'admin' }), 401, 'authentication_required');
      const fresh = await logIn(doors, 'an-admin', 'bearer');
      const gate = 'second_factor_verification_required';
      answers(await ask(doors, path, { door: 'admin', as: fresh }), 403, gate);
      answers(await ask(doors, path, { as: boss }), 404, 'not_found');
      answers(await ask(doors, path, { door: 'admin', as: boss }), 200);
      const body = { username: `user-${randomUUID()}`, password: PASSWORD, role: 'user' };
      const made = answers(await ask(doors, path, { door: 'admin', as: boss, body }), 201).body.account;
      const theirs = await logIn(doors, body.username, 'bearer');
      answers(
        await ask(doors, `${path}/${made.id}/disable`, { door: 'admin', as: boss, method: 'POST' }),
        200,
      );
      assert.equal(await isLive(doors, theirs), false);
    });

    it('changes the password and ends every other session', async () => {
      const other = await logIn(doors, 'an-admin', 'bearer');
      const body = { current_password: PASSWORD, new_password: NEXT };
      answers(await post(doors, '/v1/account/password', boss, body), 200);
      assert.deepEqual([await isLive(doors, boss), await isLive(doors, other)], [true, false]);
      await logIn(doors, 'an-admin', 'bearer', NEXT);
    });

    it('reads bodies to their bound', async () => {
      const body = 'x'.repeat(64 * 1024 + 1);
      answers(await ask(doors, '/v1/auth/login', { body }), 413, 'request_too_large');
      answers(await ask(doors, '/v1/auth/login', { body: '{' }), 400, 'invalid_json');
    });
  });
}
