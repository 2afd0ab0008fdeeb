import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { auditEntry } from '../../src/core/audit.ts';
import { MailFailure } from '../../src/core/mail.ts';
import { newAccount } from '../../src/core/registration.ts';
import { type House, inHouse } from '../support/house.ts';
import { codeOf, liveSessionOf, newcomer, PASSWORD, sessionFor } from '../support/people.ts';
import { ADMIN, adminAt, bootstrapped, insider, secretIn, Visitor } from './admin-visitor.ts';

const MAIL = {
  SAFE_EMAIL_BACKEND: 'smtp',
  SAFE_SMTP_HOST: 'mail.example.org',
  SAFE_SMTP_FROM: 'sallyport@example.org',
};
const WRONG = 'The code is invalid, has expired or was used.';
const ENROLL = '/admin/second-factor/totp/enroll';
const CONFIRM = '/admin/second-factor/totp/confirm';
const VERIFY = '/admin/second-factor/totp/verify';
const CHALLENGE = '/admin/second-factor/email/challenge';
const EMAIL_CODE = '/admin/second-factor/email/verify';

const mailedCode = (house: House) => house.mail.at(-1)?.text.split('\n')[2] ?? '';

/** Six digits that are not the right ones now, nor just before or after. */
function wrongCode(house: House, secret: string): string {
  const right = new Set([-1, 0, 1].map((later) => codeOf(house, secret, later)));
  for (let n = 0; ; n += 1) {
    const code = String(n).padStart(6, '0');
    if (!right.has(code)) return code;
  }
}

describe('an authenticator app, set up on the dashboard', () => {
  it('shows its secret and a QR code without a script, and opens the dashboard once confirmed', () =>
    inHouse({}, async (house) => {
      const who = await bootstrapped(house);
      const page = await who.post(ENROLL);
      assert.deepEqual([page.status, page.title], [200, 'Set Up Admin 2FA']);
      assert.match(page.text, /<svg [^>]*role="img" aria-label="QR code of the authenticator secret"/);
      assert.doesNotMatch(page.text, /<script|\sstyle=|data:/);
      const secret = secretIn(page);
      assert.equal(page.text.split(secret).length - 1, 2, 'in the text and in the link, nowhere else');
      const done = await who.post(CONFIRM, { code: codeOf(house, secret) });
      assert.deepEqual([done.status, done.location], [303, '/admin?notice=second_factor_setup_complete']);
      const inside = await who.get(done.location ?? '');
      assert.deepEqual([inside.title, inside.notice], ['Overview', 'Your second factor is set up.']);
      assert.ok(!inside.text.includes(secret));
    }));

  it('shows the secret this once: a wrong code does not bring it back, and starting over makes another', () =>
    inHouse({}, async (house) => {
      const who = await bootstrapped(house);
      const first = secretIn(await who.post(ENROLL));
      const wrong = await who.post(CONFIRM, { code: wrongCode(house, first) });
      assert.deepEqual([wrong.status, wrong.alerts], [400, [WRONG]]);
      assert.ok(wrong.text.includes('id="totp-confirm-code-error" role="alert"'));
      assert.ok(!wrong.text.includes(first) && !wrong.text.includes('<svg xmlns'));
      const second = secretIn(await who.post(ENROLL));
      assert.notEqual(second, first);
      assert.equal((await who.post(CONFIRM, { code: codeOf(house, first) })).status, 400);
      assert.equal((await who.post(CONFIRM, { code: codeOf(house, second) })).status, 303);
    }));

  it('is refused with 409 where one is active', () =>
    inHouse({}, async (house) => {
      const { who } = await insider(house);
      const page = await who.post(ENROLL);
      assert.deepEqual([page.status, page.alerts], [409, ['This second factor is already configured.']]);
    }));

  it('cannot be added by who has the password alone', () =>
    inHouse({}, async (house) => {
      const { who } = await adminAt(house, 'half.way', 'verify');
      for (const path of [ENROLL, CONFIRM]) {
        const page = await who.post(path, path === CONFIRM ? { code: '000000' } : {});
        assert.deepEqual([page.status, page.title], [403, 'Verify Admin 2FA'], path);
      }
    }));
});

describe('an authenticator app, shown on the dashboard', () => {
  it('verifies the session once: the same code again is refused', () =>
    inHouse({}, async (house) => {
      const { who, person } = await adminAt(house, 'a.person', 'verify');
      const other = new Visitor(house, await sessionFor(house, person, 'admin_web'));
      await other.get('/admin');
      const code = codeOf(house, person.seed ?? '');
      const done = await who.post(VERIFY, { code });
      assert.deepEqual([done.status, done.location], [303, '/admin?notice=second_factor_verified']);
      assert.equal((await who.get('/admin')).title, 'Overview');
      const again = await other.post(VERIFY, { code });
      assert.deepEqual([again.status, again.alerts], [400, [WRONG]]);
      assert.equal((await other.get('/admin')).title, 'Verify Admin 2FA');
    }));

  it('ends the session with the fifth wrong code, and pauses the account after ten', () =>
    inHouse({}, async (house) => {
      const { person } = await adminAt(house, 'a.person', 'verify');
      for (let session = 0; session < 2; session += 1) {
        const who = new Visitor(house, await sessionFor(house, person, 'admin_web'));
        await who.get('/admin');
        for (let n = 0; n < 5; n += 1) {
          const page = await who.post(VERIFY, { code: wrongCode(house, person.seed ?? '') });
          assert.equal(page.status, 400);
        }
        const after = await who.post(VERIFY, { code: codeOf(house, person.seed ?? '') });
        assert.deepEqual([after.status, after.alerts], [401, ['Admin login is required.']]);
      }
      const paused = new Visitor(house, await sessionFor(house, person, 'admin_web'));
      await paused.get('/admin');
      const page = await paused.post(VERIFY, { code: codeOf(house, person.seed ?? '') });
      assert.deepEqual([page.status, page.title], [429, 'Too Many Requests']);
      assert.match(page.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    }));
});

describe('mailed codes on the dashboard', () => {
  it('set a second factor up, and then verify a session', () =>
    inHouse({ env: MAIL }, async (house) => {
      const who = await bootstrapped(house);
      const sent = await who.post(CHALLENGE, { email: 'ada@example.org' });
      assert.deepEqual(
        [sent.status, sent.location],
        [303, `${EMAIL_CODE}?notice=second_factor_challenge_sent`],
      );
      const form = await who.get(sent.location ?? '');
      assert.deepEqual([form.status, form.title], [200, 'Set Up Admin 2FA']);
      assert.match(form.notice ?? '', /^A code was sent/);
      const done = await who.post(EMAIL_CODE, { code: mailedCode(house) });
      assert.equal(done.location, '/admin?notice=second_factor_setup_complete');

      const later = new Visitor(house);
      await later.postRaw('/admin/login', ADMIN);
      const verify = await later.get('/admin');
      assert.ok(verify.text.includes(`action="${CHALLENGE}"`) && !verify.text.includes(ENROLL));
      await later.post(CHALLENGE, { email: 'evil@example.org' });
      assert.equal(house.mail.at(-1)?.to, 'ada@example.org', 'another address is ignored');
      assert.equal((await later.get(EMAIL_CODE)).title, 'Verify Admin 2FA');
      const wrong = await later.post(EMAIL_CODE, { code: 'nonsense' });
      assert.deepEqual([wrong.status, wrong.alerts], [400, [WRONG]]);
      const verified = await later.post(EMAIL_CODE, { code: mailedCode(house) });
      assert.equal(verified.location, '/admin?notice=second_factor_verified');
      assert.equal((await later.get('/admin')).title, 'Overview');
    }));

  for (const [name, fields, status, sentence] of [
    ['no address', {}, 400, 'An e-mail address is required.'],
    ['no address in an empty field', { email: '' }, 400, 'An e-mail address is required.'],
    ['what is no address', { email: 'not an address' }, 400, 'This is not one e-mail address.'],
  ] as const) {
    it(`refuse ${name} beside the field`, () =>
      inHouse({ env: MAIL }, async (house) => {
        const who = await bootstrapped(house);
        const page = await who.post(CHALLENGE, fields);
        assert.deepEqual([page.status, page.alerts], [status, [sentence]]);
        assert.ok(page.text.includes('id="email-challenge-email-error" role="alert"'));
      }));
  }

  it('are not offered where mail is off, and cannot be sent: 503', () =>
    inHouse({}, async (house) => {
      const who = await bootstrapped(house);
      assert.ok(!(await who.get('/admin')).text.includes(`action="${CHALLENGE}"`));
      const page = await who.post(CHALLENGE, { email: 'ada@example.org' });
      assert.equal(page.status, 503);
    }));

  it('say so when the mail server fails: 503', () =>
    inHouse(
      { env: MAIL, ports: { mailer: { send: () => Promise.reject(new MailFailure('timeout')) } } },
      async (house) => {
        const who = await bootstrapped(house);
        const page = await who.post(CHALLENGE, { email: 'ada@example.org' });
        assert.deepEqual([page.status, page.alerts], [503, ['E-mail cannot be sent right now.']]);
      },
    ));

  it('are refused as a factor beside one that was not shown, and with 409 where they are active already', () =>
    inHouse({ env: MAIL }, async (house) => {
      const { who } = await adminAt(house, 'half.way', 'verify');
      const page = await who.post(CHALLENGE, { email: 'evil@example.org' });
      assert.deepEqual([page.status, page.title], [400, 'Verify Admin 2FA']);
      assert.deepEqual(page.alerts, ['An e-mail address is required.']);
      assert.equal(house.mail.length, 0);
      const inside = await adminAt(house, 'all.the.way', 'inside');
      await inside.who.post(CHALLENGE, { email: 'right@example.org' });
      const added = await inside.who.post(EMAIL_CODE, { code: mailedCode(house) });
      assert.equal(added.location, '/admin?notice=second_factor_setup_complete');
      const again = await inside.who.post(CHALLENGE, { email: 'right@example.org' });
      assert.equal(again.status, 409);
    }));
});

describe('an admin whose only second factor is a passkey', () => {
  it('is told where it can be used', () =>
    inHouse({}, async (house) => {
      const person = await newcomer(house, 'key.holder', 'admin');
      const token = await sessionFor(house, person, 'bearer');
      const { session } = await liveSessionOf(house, token);
      const now = house.deps.now();
      await house.deps.store.accounts.addPasskey(
        {
          id: 'sf_01ARZ3NDEKTSV4RRFFQ69G5FAV',
          accountId: person.account.id,
          credentialId: 'AAAA',
          publicKey: new Uint8Array(8),
          signCount: 0,
          transports: [],
          backupEligible: false,
          backupState: false,
          userVerified: true,
          cloneWarning: false,
          verifiedAt: now,
        },
        {
          accountId: person.account.id,
          sessionId: session.id,
          method: 'webauthn',
          now,
          audit: auditEntry(house.deps, { listener: 'main', actorKind: 'account' }, 'factor_confirm', 'ok'),
        },
      );
      const who = new Visitor(house, await sessionFor(house, person, 'admin_web'));
      const page = await who.get('/admin');
      assert.deepEqual([page.status, page.title], [403, 'Verify Admin 2FA']);
      assert.match(page.text, /Your second factor is a passkey/);
      assert.match(page.text, /<code>\/admin\/api<\/code>/);
      assert.doesNotMatch(page.text, /name="code"/);
      const added = await who.post(ENROLL);
      assert.deepEqual([added.status, added.title], [403, 'Verify Admin 2FA']);
    }));
});

describe('an admin account from before second factors', () => {
  it('sets one up before anything opens', () =>
    inHouse({}, async (house) => {
      const made = await newAccount(house.deps, {
        username: 'old.hand',
        password: PASSWORD,
        role: 'admin',
        state: 'active',
      });
      const account = { ...made, setup: 'not_required' } as const;
      const entry = auditEntry(
        house.deps,
        { listener: 'local', actorKind: 'operator' },
        'account_create',
        'ok',
      );
      assert.ok(await house.deps.store.accounts.create(account, entry));
      const person = { account, username: account.username };
      const who = new Visitor(house, await sessionFor(house, person, 'admin_web'));
      assert.equal((await who.get('/admin')).title, 'Set Up Admin 2FA');
      assert.equal((await who.get('/admin/accounts')).status, 403);
    }));
});
