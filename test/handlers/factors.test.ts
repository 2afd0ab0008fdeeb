/** Mailed codes and TOTP over the wire, as a bearer and with a cookie. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openMailer } from '../../runtime/mailer.ts';
import { parseSettings } from '../../src/core/settings.ts';
import {
  type Answer,
  answers,
  ask,
  isLive,
  post,
  type Session,
  session,
  verified,
  WAYS,
  WEB,
} from '../support/ask.ts';
import { type House, type HouseOptions, inHouse } from '../support/house.ts';
import { startMailServer } from '../support/mail-server.ts';
import { codeOf, newcomer, type Person, settled } from '../support/people.ts';

const FACTOR = '/v1/account/second-factor';
const MAIL = {
  ...WEB,
  SAFE_EMAIL_BACKEND: 'smtp',
  SAFE_SMTP_HOST: '127.0.0.1',
  SAFE_SMTP_FROM: 'vault@example.org',
};
const ADDRESS = 'somebody@example.org';
const MINUTE_MS = 60_000;

const inMail = (use: (house: House) => Promise<void>, options: HouseOptions = {}) =>
  inHouse({ env: MAIL, ...options }, use);
const challenge = (house: House, as: Session, body: unknown = {}) =>
  post(house, `${FACTOR}/email/challenge`, as, body);
const emailVerify = (house: House, as: Session, code: unknown) =>
  post(house, `${FACTOR}/email/verify`, as, { code });
const enroll = (house: House, as: Session) => post(house, `${FACTOR}/totp/enroll`, as);
const confirm = (house: House, as: Session, code: unknown) =>
  post(house, `${FACTOR}/totp/confirm`, as, { code });
const verify = (house: House, as: Session, code: unknown) =>
  post(house, `${FACTOR}/totp/verify`, as, { code });

const INVALID_MAIL = 'second_factor_challenge_invalid';
const INVALID_TOTP = 'totp_challenge_invalid';

const codeIn = (text = '') => /^[A-Za-z0-9_-]{43}$/m.exec(text)?.[0] ?? 'no code was mailed';
const mailedCode = (house: House) => codeIn(house.mail.at(-1)?.text);

/** Somebody whose only factor is e-mail. */
async function withEmail(house: House, username = 'somebody', email = ADDRESS): Promise<Person> {
  const person = await newcomer(house, username);
  const as = await session(house, person);
  answers(await challenge(house, as, { email }), 202);
  answers(await emailVerify(house, as, mailedCode(house)), 200);
  return person;
}

/** A code that is not the one, whatever that is. */
const wrongCode = (house: House, seed: string) => {
  const right = [-1, 0, 1].map((step) => codeOf(house, seed, step));
  return ['000000', '111111', '222222', '333333'].find((code) => !right.includes(code)) ?? '444444';
};

function exactly(answer: Answer, account: boolean, method: string, house: House): void {
  const { body } = answer;
  assert.deepEqual(Object.keys(body).sort(), [
    ...(account ? ['account'] : []),
    ...['second_factor', 'session', 'status'],
  ]);
  assert.equal(body.status, 'verified');
  assert.equal(body.second_factor.factor_type, method);
  assert.equal(body.second_factor.state, 'active');
  assert.deepEqual(Object.keys(body.session).sort(), [
    ...['second_factor_method', 'second_factor_verified_at', 'session_id'],
  ]);
  assert.equal(body.session.second_factor_method, method);
  assert.equal(Date.parse(body.session.second_factor_verified_at), house.clock.now());
}

describe('a mailed code', () => {
  for (const way of WAYS) {
    it(`${way}: sets the factor up, and later shows it`, async () => {
      await inMail(async (house) => {
        const person = await newcomer(house, 'somebody');
        const as = await session(house, person, way);
        const sent = answers(await challenge(house, as, { email: ' Somebody@Example.org ' }), 202);
        assert.deepEqual(Object.keys(sent.body).sort(), ['expires_at', 'message', 'status']);
        assert.equal(sent.body.status, 'challenge_sent');
        assert.equal(Date.parse(sent.body.expires_at), house.clock.now() + 10 * MINUTE_MS);
        assert.equal(house.mail[0]?.to, ADDRESS);
        assert.equal(house.mail[0]?.subject, 'Your Sallyport security code');

        const set = answers(await emailVerify(house, as, mailedCode(house)), 200);
        exactly(set, true, 'email_challenge', house);
        assert.equal(set.body.account.second_factor_setup_state, 'complete');

        const next = await session(house, person, way);
        const gated = await post(house, '/v1/account/password', next);
        answers(gated, 403, 'second_factor_verification_required');
        answers(await challenge(house, next), 202);
        const code = mailedCode(house);
        const byToken = await post(house, `${FACTOR}/email/verify`, next, { token: code });
        exactly(answers(byToken, 200), true, 'email_challenge', house);
        answers(await post(house, '/v1/account/password', next), 400, 'invalid_password');
      });
    });

    it(`${way}: goes to the active address, whatever the request says`, async () => {
      await inMail(async (house) => {
        const as = await session(house, await withEmail(house), way);
        for (const email of ['thief@example.net', 'not an address', 7]) {
          answers(await challenge(house, as, { email }), 202);
          assert.equal(house.mail.at(-1)?.to, ADDRESS);
        }
        answers(await emailVerify(house, as, mailedCode(house)), 200);
        answers(await challenge(house, as, { email: ADDRESS }), 409, 'second_factor_already_configured');
      });
    });

    it(`${way}: needs an address that is one`, async () => {
      await inMail(async (house) => {
        const as = await session(house, await newcomer(house, 'somebody'), way);
        answers(await challenge(house, as), 400, 'email_required');
        answers(await challenge(house, as, ''), 400, 'email_required');
        for (const email of ['nobody', 'a@b, c@d', 'a@example.org\nBcc: x@example.org', 7, [ADDRESS]]) {
          answers(await challenge(house, as, { email }), 400, 'invalid_email');
        }
        answers(await challenge(house, as, { adress: ADDRESS }), 400, 'invalid_json');
        answers(await challenge(house, as, '{'), 400, 'invalid_json');
        assert.equal(house.mail.length, 0);
      });
    });
  }

  it('goes to the address of the account where that is verified and none is given', async () => {
    await inMail(async (house) => {
      const person = await newcomer(house, 'somebody');
      const as = await session(house, person);
      const now = house.clock.now();
      await house.db.batch(
        [{ sql: 'UPDATE accounts SET email = ?, email_verified_at = ?', args: [ADDRESS, now] }],
        'write',
      );
      answers(await challenge(house, as), 202);
      assert.equal(house.mail.at(-1)?.to, ADDRESS);
    });
  });

  it('is not there where no mail can be sent, and a failing mail server is told as such', async () => {
    await inHouse({}, async (house) => {
      const as = await session(house, await newcomer(house, 'somebody'));
      answers(await challenge(house, as, { email: ADDRESS }), 503, 'email_unavailable');
    });
    const mailer = { send: () => Promise.reject(new Error(`550 ${ADDRESS} unknown`)) };
    await inMail(
      async (house) => {
        const as = await session(house, await newcomer(house, 'somebody'));
        const answer = answers(await challenge(house, as, { email: ADDRESS }), 503, 'email_unavailable');
        assert.doesNotMatch(answer.text + JSON.stringify(house.log), /550|somebody@/);
      },
      { ports: { mailer } },
    );
  });

  it('cannot be added by a session that has yet to show another factor', async () => {
    await inMail(async (house) => {
      const as = await session(house, await settled(house, 'somebody'));
      for (const body of [{}, { email: 'thief@example.net' }]) {
        answers(await challenge(house, as, body), 400, 'email_required');
      }
      assert.equal(house.mail.length, 0);
    });
  });

  it('counts once, for ten minutes, for its account; each mistake is told alike', async () => {
    await inMail(async (house) => {
      const person = await newcomer(house, 'somebody');
      const other = await session(house, await newcomer(house, 'another'));
      const as = await session(house, person);
      await challenge(house, as, { email: ADDRESS });
      const code = mailedCode(house);
      answers(await emailVerify(house, other, code), 400, INVALID_MAIL);
      answers(await emailVerify(house, as, `${code.slice(0, -1)}!`), 400, INVALID_MAIL);
      house.clock.advance(10 * MINUTE_MS);
      answers(await emailVerify(house, as, code), 400, INVALID_MAIL);
      await challenge(house, as, { email: ADDRESS });
      const first = mailedCode(house);
      await challenge(house, as, { email: ADDRESS });
      const second = mailedCode(house);
      answers(await emailVerify(house, as, second), 200);
      for (const spent of [second, first]) answers(await emailVerify(house, as, spent), 400, INVALID_MAIL);
    });
  });

  it('for another address than the pending one makes the earlier code worthless', async () => {
    await inMail(async (house) => {
      const as = await session(house, await newcomer(house, 'somebody'));
      await challenge(house, as, { email: ADDRESS });
      const first = mailedCode(house);
      await challenge(house, as, { email: 'other@example.org' });
      answers(await emailVerify(house, as, first), 400, INVALID_MAIL);
      answers(await emailVerify(house, as, mailedCode(house)), 200);
    });
  });

  it('that is wrong five times ends the session', async () => {
    await inMail(async (house) => {
      const as = await session(house, await newcomer(house, 'somebody'));
      await challenge(house, as, { email: ADDRESS });
      for (let i = 0; i < 5; i += 1) answers(await emailVerify(house, as, `wrong-${i}`), 400, INVALID_MAIL);
      answers(await emailVerify(house, as, mailedCode(house)), 401, 'authentication_required');
    });
  });

  it('arrives through a real mail server', async () => {
    const server = await startMailServer({ disabledCommands: ['AUTH', 'STARTTLS'] });
    const env = { ...MAIL, SAFE_SMTP_PORT: String(server.port), SAFE_SMTP_STARTTLS: 'disabled' };
    const parsed = parseSettings({ env });
    assert.ok(parsed.ok);
    const mailer = openMailer(parsed.settings.email);
    try {
      await inHouse({ env, ports: { mailer } }, async (house) => {
        const as = await session(house, await newcomer(house, 'somebody'));
        answers(await challenge(house, as, { email: ADDRESS }), 202);
        const [delivery] = server.deliveries;
        assert.deepEqual(delivery?.to, [ADDRESS]);
        assert.equal(delivery?.headers.get('subject'), 'Your Sallyport security code');
        answers(await emailVerify(house, as, codeIn(delivery?.text)), 200);
      });
    } finally {
      await mailer.close();
      await server.close();
    }
  });

  it('is told to be unavailable when the mail server refuses its recipient', async () => {
    const server = await startMailServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onRcptTo: (_address, _session, done) => done(new Error('no such user')),
    });
    const env = { ...MAIL, SAFE_SMTP_PORT: String(server.port), SAFE_SMTP_STARTTLS: 'disabled' };
    const parsed = parseSettings({ env });
    assert.ok(parsed.ok);
    const mailer = openMailer(parsed.settings.email);
    try {
      await inHouse({ env, ports: { mailer } }, async (house) => {
        const as = await session(house, await newcomer(house, 'somebody'));
        answers(await challenge(house, as, { email: ADDRESS }), 503, 'email_unavailable');
        assert.equal(server.deliveries.length, 0);
      });
    } finally {
      await mailer.close();
      await server.close();
    }
  });
});

describe('TOTP', () => {
  for (const way of WAYS) {
    it(`${way}: a seed is shown once, confirmed, and shown by its codes`, async () => {
      await inHouse({ env: WEB }, async (house) => {
        const person = await newcomer(house, 'somebody');
        const as = await session(house, person, way);
        const { body: seed } = answers(await enroll(house, as), 201);
        assert.match(seed.secret, /^[A-Z2-7]{32}$/);
        const { id, secret, otpauth_url: url, ...rest } = seed;
        assert.match(id, /^sf_/);
        assert.deepEqual(rest, {
          factor_type: 'totp',
          state: 'pending',
          issuer: 'Sallyport',
          account_name: 'somebody',
          period_seconds: 30,
          digits: 6,
          algorithm: 'SHA1',
        });
        assert.equal(new URL(url).protocol, 'otpauth:');
        assert.equal(new URL(url).searchParams.get('secret'), secret);

        const set = answers(await confirm(house, as, codeOf(house, secret)), 200);
        exactly(set, true, 'totp', house);
        assert.equal(set.body.account.second_factor_setup_state, 'complete');
        answers(await enroll(house, as), 409, 'second_factor_already_configured');

        const next = await session(house, person, way);
        answers(await verify(house, next, codeOf(house, secret)), 400, INVALID_TOTP);
        house.clock.advance(30_000);
        const shown = answers(await verify(house, next, ` ${codeOf(house, secret)} `), 200);
        exactly(shown, false, 'totp', house);
        assert.ok(!shown.text.includes(secret));
      });
    });

    it(`${way}: five wrong codes end the session; the fifth is answered as the first`, async () => {
      await inHouse({ env: WEB }, async (house) => {
        const person = await settled(house, 'somebody');
        const [as, other] = [await session(house, person, way), await verified(house, person, way)];
        const told = new Set<string>();
        for (let i = 0; i < 5; i += 1) {
          const answer = answers(
            await verify(house, as, wrongCode(house, person.seed ?? '')),
            400,
            INVALID_TOTP,
          );
          told.add(JSON.stringify({ ...answer.body.error, request_id: '' }));
        }
        assert.equal(told.size, 1);
        answers(await verify(house, as, codeOf(house, person.seed ?? '')), 401, 'authentication_required');
        assert.ok(await isLive(house, other));
      });
    });
  }

  it('enrolling again while pending replaces the seed', async () => {
    await inHouse({}, async (house) => {
      const as = await session(house, await newcomer(house, 'somebody'));
      const first = (await enroll(house, as)).body.secret;
      const second = (await enroll(house, as)).body.secret;
      assert.notEqual(first, second);
      answers(await confirm(house, as, codeOf(house, first)), 400, INVALID_TOTP);
      answers(await confirm(house, as, codeOf(house, second)), 200);
    });
  });

  it('a code of the step before or after counts, one further away does not', async () => {
    await inHouse({}, async (house) => {
      const person = await settled(house, 'somebody');
      const seed = person.seed ?? '';
      // The step of the confirmation is one back by now.
      house.clock.advance(60_000);
      for (const [later, status] of [
        [-2, 400],
        [2, 400],
        [-1, 200],
        [0, 200],
        [1, 200],
      ] as const) {
        const as = await session(house, person);
        assert.equal(
          (await verify(house, as, codeOf(house, seed, later))).status,
          status,
          `${later} steps away`,
        );
      }
    });
  });

  it('an older code than the last is refused, also when it was never used', async () => {
    await inHouse({}, async (house) => {
      const person = await settled(house, 'somebody');
      const seed = person.seed ?? '';
      house.clock.advance(60_000);
      answers(await verify(house, await session(house, person), codeOf(house, seed, 1)), 200);
      for (const later of [1, 0, -1]) {
        answers(
          await verify(house, await session(house, person), codeOf(house, seed, later)),
          400,
          INVALID_TOTP,
        );
      }
    });
  });

  it('nothing but six digits of the right seed is a code', async () => {
    await inHouse({}, async (house) => {
      const person = await settled(house, 'somebody');
      const code = codeOf(house, person.seed ?? '');
      for (const wrong of [
        '',
        code.slice(1),
        `${code}0`,
        `+${code}`,
        Number(code),
        null,
        [code],
        undefined,
      ]) {
        answers(await verify(house, await session(house, person), wrong), 400, INVALID_TOTP);
        // Ten of them pause the account; here each is to be looked at.
        await house.db.batch([{ sql: 'DELETE FROM wrong_codes' }], 'write');
      }
      const as = await session(house, person);
      answers(await post(house, `${FACTOR}/totp/verify`, as, '{"code":'), 400, 'invalid_json');
      answers(await post(house, `${FACTOR}/totp/verify`, as, { code, more: 1 }), 400, 'invalid_json');
      answers(
        await post(house, `${FACTOR}/totp/enroll`, await verified(house, person), { a: 1 }),
        400,
        'invalid_json',
      );
    });
  });

  it('a seed that is pending shows nothing, and one that is active is not confirmed again', async () => {
    await inHouse({}, async (house) => {
      const fresh = await session(house, await newcomer(house, 'newcomer'));
      const { secret } = (await enroll(house, fresh)).body;
      answers(await verify(house, fresh, codeOf(house, secret)), 400, INVALID_TOTP);
      const person = await settled(house, 'somebody');
      const own = await verified(house, person);
      answers(await confirm(house, own, codeOf(house, person.seed ?? '')), 400, INVALID_TOTP);
    });
  });

  it('wrong confirmations count as well', async () => {
    await inHouse({}, async (house) => {
      const as = await session(house, await newcomer(house, 'somebody'));
      const { secret } = (await enroll(house, as)).body;
      for (let i = 0; i < 5; i += 1)
        answers(await confirm(house, as, wrongCode(house, secret)), 400, INVALID_TOTP);
      assert.equal(await isLive(house, as), false);
    });
  });

  it('ten wrong codes in a quarter of an hour pause the account, right codes included', async () => {
    await inHouse({ env: MAIL }, async (house) => {
      const person = await settled(house, 'somebody');
      const seed = person.seed ?? '';
      const other = await settled(house, 'another');
      const open = await verified(house, person);
      const start = house.clock.now();
      for (let round = 0; round < 2; round += 1) {
        const as = await session(house, person);
        for (let i = 0; i < 5; i += 1)
          answers(await verify(house, as, wrongCode(house, seed)), 400, INVALID_TOTP);
      }
      house.clock.advance(MINUTE_MS + 1);
      const as = await session(house, person);
      const paused = answers(await verify(house, as, codeOf(house, seed)), 429, 'rate_limited');
      assert.equal(paused.headers.get('retry-after'), String(14 * 60));
      answers(await verify(house, await session(house, other), codeOf(house, other.seed ?? '')), 200);
      assert.ok(await isLive(house, open), 'a session that was open is not touched');
      house.clock.advance(start + 15 * MINUTE_MS - house.clock.now() - 1);
      answers(await verify(house, as, codeOf(house, seed)), 429, 'rate_limited');
      house.clock.advance(1);
      answers(await verify(house, as, codeOf(house, seed)), 200);
    });
  });

  it('a right code that comes again is refused and not counted', async () => {
    await inHouse({}, async (house) => {
      const person = await settled(house, 'somebody');
      const code = codeOf(house, person.seed ?? '');
      answers(await verify(house, await session(house, person), code), 200);
      const as = await session(house, person);
      for (let i = 0; i < 12; i += 1) answers(await verify(house, as, code), 400, INVALID_TOTP);
      house.clock.advance(30_000);
      answers(await verify(house, as, codeOf(house, person.seed ?? '')), 200);
    });
  });
});

describe('whoever holds the password alone', () => {
  const refused = '403 second_factor_verification_required';
  const routes = {
    'totp/enroll': refused,
    'totp/confirm': refused,
    'webauthn/register/start': refused,
    'webauthn/register/finish': refused,
  };
  for (const way of WAYS) {
    for (const kind of ['TOTP', 'e-mail'] as const) {
      it(`${way}: cannot add or replace a factor beside ${kind}`, async () => {
        await inMail(async (house) => {
          const person = kind === 'TOTP' ? await settled(house, 'somebody') : await withEmail(house);
          const as = await session(house, person, way);
          for (const [route, expected] of Object.entries(routes)) {
            const answer = await post(house, `${FACTOR}/${route}`, as);
            assert.equal(`${answer.status} ${answer.code}`, expected, route);
          }
          const mails = house.mail.length;
          const answer = await challenge(house, as, { email: 'thief@example.net' });
          if (kind === 'TOTP') answers(answer, 400, 'email_required');
          else assert.equal(house.mail[mails]?.to, ADDRESS);
        });
      });
    }

    it(`${way}: nor where set-up counts as incomplete and a factor is active all the same`, async () => {
      await inMail(async (house) => {
        const person = await settled(house, 'somebody');
        await house.db.batch([{ sql: `UPDATE accounts SET setup = 'setup_required'` }], 'write');
        const as = await session(house, person, way);
        for (const [route, expected] of Object.entries(routes)) {
          const answer = await post(house, `${FACTOR}/${route}`, as);
          assert.equal(`${answer.status} ${answer.code}`, expected, route);
        }
        answers(await challenge(house, as, { email: 'thief@example.net' }), 400, 'email_required');
      });
    });
  }

  it('a verified session adds a second factor, and either shows the account afterwards', async () => {
    await inMail(async (house) => {
      const person = await settled(house, 'somebody');
      const own = await verified(house, person);
      answers(await challenge(house, own, { email: ADDRESS }), 202);
      answers(await emailVerify(house, own, mailedCode(house)), 200);
      const next = await session(house, person);
      answers(await challenge(house, next), 202);
      answers(await emailVerify(house, next, mailedCode(house)), 200);
      house.clock.advance(30_000);
      answers(await verify(house, await session(house, person), codeOf(house, person.seed ?? '')), 200);
      assert.equal((await ask(house, '/v1/account', { as: next })).body.account.email, undefined);
    });
  });
});
