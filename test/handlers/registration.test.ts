/** Registration, and the mail that completes it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Mailer } from '../../src/core/mail.ts';
import { outboxMailer, sendOutbox } from '../../src/core/outbox.ts';
import { answers, ask } from '../support/ask.ts';
import { type House, type HouseOptions, inHouse } from '../support/house.ts';
import { newcomer, PASSWORD } from '../support/people.ts';

const OPEN = {
  SAFE_ACCOUNT_REGISTRATION_MODE: 'open',
  SAFE_PUBLIC_WEB_ORIGIN: 'https://app.example',
  SAFE_EMAIL_BACKEND: 'smtp',
  SAFE_SMTP_HOST: '127.0.0.1',
  SAFE_SMTP_FROM: 'Vault <vault@example.org>',
};
const SOMEBODY = { username: 'somebody', email: 'somebody@example.org', password: PASSWORD };
const REQUEST_ID = { 'x-request-id': 'the-same-for-all' };
const DAY_MS = 24 * 60 * 60_000;

const open = (use: (house: House) => Promise<void>, more: HouseOptions = {}) =>
  inHouse({ env: OPEN, ...more }, use);
const register = (house: House, given: object = {}, headers = {}) =>
  ask(house, '/v1/auth/register', { body: { ...SOMEBODY, ...given }, headers });
const verify = (house: House, token: unknown) => ask(house, '/v1/auth/email/verify', { body: { token } });
const logIn = (house: House, username = 'somebody') =>
  ask(house, '/v1/auth/login', { body: { username, password: PASSWORD } });

async function mailedToken(house: House): Promise<string> {
  await house.settled();
  return /#token=([A-Za-z0-9_-]{43})$/m.exec(house.mail.at(-1)?.text ?? '')?.[1] ?? 'no token was mailed';
}

describe('registration', () => {
  for (const mode of ['disabled', 'admin_only']) {
    it(`is refused where the mode is ${mode}`, async () => {
      await inHouse({ env: { SAFE_ACCOUNT_REGISTRATION_MODE: mode } }, async (house) => {
        answers(await register(house), 403, 'registration_disabled');
        answers(await register(house, { username: '!' }), 403, 'registration_disabled');
      });
    });
  }

  it('is not available where it would have to be paid for', async () => {
    await inHouse({ env: { ...OPEN, SAFE_ACCOUNT_REGISTRATION_MODE: 'paid' } }, async (house) => {
      answers(await register(house), 503, 'registration_payment_unavailable');
    });
  });

  it('mails a link, opens the account with its token, and leaves the second factor to be set up', async () => {
    await open(async (house) => {
      const taken = answers(await register(house, { email: '  SomeBody@Example.ORG ' }), 202);
      assert.deepEqual(taken.body, {
        status: 'verification_required',
        message: 'If registration can be completed, a verification email will be sent.',
      });
      const token = await mailedToken(house);
      const [message] = house.mail;
      assert.equal(house.mail.length, 1);
      assert.equal(message?.to, 'somebody@example.org');
      assert.equal(message?.subject, 'Verify your Sallyport account');
      assert.match(message?.text ?? '', /^https:\/\/app\.example\/verify-email#token=[A-Za-z0-9_-]{43}$/m);
      answers(await logIn(house), 403, 'email_verification_required');

      const verified = answers(await verify(house, token), 200);
      assert.deepEqual(verified.body, { status: 'verified' });
      assert.equal(verified.headers.has('set-cookie'), false);
      const { body } = answers(await logIn(house), 201);
      assert.equal(body.account.account_state, 'active');
      assert.equal(body.account.role, 'user');
      assert.equal(body.account.email, 'somebody@example.org');
      assert.equal(Date.parse(body.account.email_verified_at), house.clock.now());
      assert.equal(body.account.second_factor_setup_required, true);
    });
  });

  for (const [what, given, code] of [
    ['a short name', { username: 'ab' }, 'invalid_username'],
    ['a long name', { username: 'a'.repeat(65) }, 'invalid_username'],
    ['a name with a space', { username: 'some body' }, 'invalid_username'],
    ['a name in other letters', { username: 'sömebody' }, 'invalid_username'],
    ['no name', { username: undefined }, 'invalid_username'],
    ['no address', { email: undefined }, 'invalid_email'],
    ['two addresses', { email: 'a@example.org, b@example.org' }, 'invalid_email'],
    ['an address with a line break', { email: 'a@example.org\r\nBcc: b@example.org' }, 'invalid_email'],
    ['a short password', { password: 'eleven byte' }, 'invalid_password'],
    ['a long password', { password: 'p'.repeat(257) }, 'invalid_password'],
    ['a role', { role: 'admin' }, 'invalid_json'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      await open(async (house) => {
        answers(await register(house, given), 400, code);
        await house.settled();
        assert.equal(house.mail.length, 0);
      });
    });
  }

  it('does not tell what is taken: the same answer to the byte, and no mail', async () => {
    await open(async (house) => {
      await newcomer(house, 'an-admin', 'admin');
      const seen = new Set<string>();
      const note = async (given: object) => {
        const answer = answers(await register(house, given, REQUEST_ID), 202);
        seen.add(JSON.stringify([answer.text, [...answer.headers]]));
        await house.settled();
      };
      await note({});
      answers(await verify(house, await mailedToken(house)), 200);
      assert.equal(house.mail.length, 1);
      await note({});
      await note({ email: 'another@example.org' });
      await note({ username: 'another' });
      await note({ username: 'AN-ADMIN', email: 'third@example.org' });
      assert.equal(house.mail.length, 1, 'something was mailed to or about somebody who is there already');
      assert.equal(seen.size, 1);
    });
  });

  it('mails again while the address is not verified; the first link that is followed spends the others', async () => {
    await open(async (house) => {
      await register(house);
      const first = await mailedToken(house);
      await register(house);
      const second = await mailedToken(house);
      assert.equal(house.mail.length, 2);
      assert.notEqual(first, second);
      answers(await verify(house, second), 200);
      answers(await verify(house, first), 400, 'verification_token_invalid');
      answers(await logIn(house), 201);
    });
  });

  it('opens with the password of whoever follows their own link, not of whoever was first', async () => {
    await open(async (house) => {
      await register(house, { password: 'the password of a stranger' });
      await register(house);
      answers(await verify(house, await mailedToken(house)), 200);
      answers(await logIn(house), 201);
    });
  });

  it('mails one address five times an hour at most, and answers alike', async () => {
    await open(async (house) => {
      for (let n = 0; n < 8; n += 1) answers(await register(house), 202);
      await house.settled();
      assert.equal(house.mail.length, 5);
      house.clock.advance(60 * 60_000);
      answers(await register(house), 202);
      await house.settled();
      assert.equal(house.mail.length, 6);
    });
  });

  it('is mailed by whoever goes on where the process was killed right after it said so', async () => {
    await open(
      async (house) => {
        answers(await register(house), 202);
        answers(await register(house, { username: 'other' }), 202);
        assert.equal(house.mail.length, 0);
        const [kept] = await house.db.batch([{ sql: 'SELECT sealed FROM mail_outbox' }], 'read');
        assert.equal(kept?.rows.length, 1, 'none for an address that is taken');
        const sealed = kept?.rows[0]?.[0];
        assert.ok(sealed instanceof Uint8Array && !Buffer.from(sealed).includes('example'));
        assert.equal((await sendOutbox(house.deps)).sent, 1);
        answers(await verify(house, await mailedToken(house)), 200);
      },
      { ports: { background: () => {} } },
    );
  });

  it('is mailed once, and nothing of the mail stays', async () => {
    await open(async (house) => {
      answers(await register(house), 202);
      await Promise.all([sendOutbox(house.deps), house.settled()]);
      await sendOutbox(house.deps);
      assert.equal(house.mail.length, 1);
      const [kept] = await house.db.batch([{ sql: 'SELECT id FROM mail_outbox' }], 'read');
      assert.deepEqual(kept?.rows, []);
    });
  });

  /** So many messages that are due tomorrow. */
  const waiting = (house: House, count: number) =>
    house.db.batch(
      [
        {
          sql: `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO mail_outbox (id, sealed, created_at, due_at, attempts) SELECT printf('%032d', i), x'00', 0, ?, 0 FROM n`,
          args: [count, house.clock.now() + DAY_MS],
        },
      ],
      'write',
    );

  it('is mailed although the outbox is full', async () => {
    await open(async (house) => {
      await waiting(house, 10_000);
      answers(await register(house), 202);
      answers(await verify(house, await mailedToken(house)), 200);
    });
  });

  it('leaves half of the outbox to the codes of those who have an account, on every kind of door', async () => {
    for (const elsewhere of [false, true]) {
      const house: { it?: House } = {};
      const here = { send: () => Promise.reject(new Error('the mail server is down')) };
      const away: Mailer = {
        elsewhere: true,
        send: (message) => outboxMailer(house.it?.deps ?? assert.fail()).send(message),
      };
      await open(
        async (opened) => {
          house.it = opened;
          await waiting(opened, 5_000);
          answers(await register(opened), 202);
          await opened.settled();
          const [kept] = await opened.db.batch([{ sql: 'SELECT count(*) FROM mail_outbox' }], 'read');
          assert.equal(Number(kept?.rows[0]?.[0]), 5_000);
          await outboxMailer(opened.deps).send({ to: 'a@example.org', subject: 'A code', text: 'code' });
        },
        { ports: { mailer: elsewhere ? away : here } },
      );
    }
  });

  it('is answered alike when the mail cannot be sent', async () => {
    const mailer = { send: () => Promise.reject(new Error('somebody@example.org was refused')) };
    await open(
      async (house) => {
        answers(await register(house), 202);
        await house.settled();
        assert.doesNotMatch(JSON.stringify(house.log), /example\.org/);
      },
      { ports: { mailer } },
    );
  });
});

describe('a verification token', () => {
  const INVALID = 'verification_token_invalid';

  it('counts once', async () => {
    await open(async (house) => {
      await register(house);
      const token = await mailedToken(house);
      const twice = await Promise.all([verify(house, token), verify(house, token)]);
      assert.deepEqual(twice.map(({ status }) => status).sort(), [200, 400]);
      answers(await verify(house, token), 400, INVALID);
    });
  });

  it('counts for a day, to the millisecond', async () => {
    await open(async (house) => {
      await register(house);
      const token = await mailedToken(house);
      house.clock.advance(DAY_MS);
      answers(await verify(house, token), 400, INVALID);
      answers(await logIn(house), 403, 'email_verification_required');
      await register(house);
      const next = await mailedToken(house);
      house.clock.advance(DAY_MS - 1);
      answers(await verify(house, next), 200);
    });
  });

  it('is taken from the body alone, and everything that is none is told alike', async () => {
    await open(async (house) => {
      await register(house);
      const token = await mailedToken(house);
      const inAddress = `/v1/auth/email/verify?token=${token}`;
      answers(await ask(house, inAddress, { body: {} }), 400, INVALID);
      answers(await ask(house, inAddress), 404, 'not_found');
      for (const wrong of [
        '',
        'x'.repeat(43),
        `${token} `,
        token.toUpperCase(),
        7,
        null,
        [token],
        undefined,
      ]) {
        answers(await verify(house, wrong), 400, INVALID);
      }
      answers(await ask(house, '/v1/auth/email/verify', { body: { token, more: 1 } }), 400, 'invalid_json');
      answers(await verify(house, token), 200);
    });
  });
});
