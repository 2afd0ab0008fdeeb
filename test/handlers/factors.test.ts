/** Mailed codes over the wire, as a bearer and with a cookie, and what a password alone cannot do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openMailer } from '../../runtime/mailer.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { answers, ask, post, session, verified, WAYS } from '../support/ask.ts';
import { inHouse } from '../support/house.ts';
import { startMailServer } from '../support/mail-server.ts';
import { codeOf, newcomer, settled } from '../support/people.ts';

import {
  ADDRESS,
  challenge,
  codeIn,
  emailVerify,
  exactly,
  FACTOR,
  INVALID_MAIL,
  inMail,
  MAIL,
  MINUTE_MS,
  mailedCode,
  verify,
  withEmail,
} from './factor-asks.ts';

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

    it(`${way}: is no way to fill a mailbox`, async () => {
      await inMail(async (house) => {
        const person = await newcomer(house, 'somebody');
        let as = await session(house, person, way);
        const path = `${FACTOR}/email/challenge`;
        for (let n = 0; n < 30; n += 1) {
          // Neither a fresh login nor another mailbox nor another place is a fresh start.
          if (n === 15) as = await session(house, person, way);
          const asked = { as, address: `192.0.2.${n % 3}`, body: { email: `box${n % 2}@example.org` } };
          answers(await ask(house, path, asked), 202);
        }
        const more = answers(await challenge(house, as, { email: ADDRESS }), 429, 'rate_limited');
        assert.equal(more.headers.get('retry-after'), '600');
        assert.equal(house.mail.length, 30);
        house.clock.advance(10 * MINUTE_MS);
        answers(await challenge(house, as, { email: ADDRESS }), 202);
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

  it('is left to its owner when somebody asks for as many as they get, of the whole network that they have', async () => {
    await inMail(async (house) => {
      const person = await withEmail(house);
      const ways: readonly (readonly [string, (n: number) => string])[] = [
        ['a /48', (n) => `2001:db8:1:${n}::1`],
        ['an address', () => '192.0.2.66'],
      ];
      for (const [name, address] of ways) {
        const thief = await session(house, person);
        const outcomes: number[] = [];
        for (let n = 0; n < 30; n += 1) {
          const asked = { as: thief, method: 'POST', body: {}, address: address(n) };
          outcomes.push((await ask(house, `${FACTOR}/email/challenge`, asked)).status);
        }
        assert.deepEqual(outcomes, [...Array(10).fill(202), ...Array(20).fill(429)], name);
        const owner = { as: await session(house, person), method: 'POST', body: {}, address: '198.51.100.7' };
        answers(await ask(house, `${FACTOR}/email/challenge`, owner), 202);
        answers(await emailVerify(house, owner.as, mailedCode(house)), 200);
      }
    });
  });

  it('that came is good for its owner, although so many were mailed that none more is', async () => {
    await inMail(async (house) => {
      const person = await withEmail(house);
      const thief = await session(house, person);
      for (let n = 0; n < 40; n += 1) {
        const asked = { as: thief, method: 'POST', body: {}, address: `192.0.2.${n % 5}` };
        await ask(house, `${FACTOR}/email/challenge`, asked);
      }
      const owner = await session(house, person);
      const refused = answers(await challenge(house, owner), 429, 'rate_limited');
      assert.match(refused.body.error.message, /use one of those that came/);
      answers(await emailVerify(house, owner, mailedCode(house)), 200);
    });
  });

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
