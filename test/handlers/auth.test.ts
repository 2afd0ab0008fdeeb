/** Logging in, the account, its password, and logging out; as a bearer and with a cookie. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { nodeHasher } from '../../runtime/argon2.ts';
import { BODY_PATIENCE_MS } from '../../src/handlers/kit/body.ts';
import { answers, ask, cookieIn, isLive, logIn, post, session, verified, WAYS, WEB } from '../support/ask.ts';
import { type House, inHouse, openHouse, TestClock } from '../support/house.ts';
import { newcomer, PASSWORD, settled } from '../support/people.ts';

const LOGIN = { bearer: '/v1/auth/login', cookie: '/v1/auth/web/login' };
const REQUEST_ID = { 'x-request-id': 'the-same-for-all' };
const HOUR_MS = 60 * 60_000;

const setState = (house: House, username: string, state: string) =>
  house.db.batch(
    [{ sql: 'UPDATE accounts SET state = ? WHERE username = ?', args: [state, username] }],
    'write',
  );

for (const way of WAYS) {
  // A house for each: failures of a name are counted together, and the tenth makes the next one wait.
  describe(`logging in, ${way}`, () => {
    let house: House;
    before(async () => {
      house = await openHouse({ env: WEB });
      for (const name of ['somebody', 'is-disabled', 'is-suspended', 'is-unpaid', 'is-pending']) {
        await newcomer(house, name);
      }
      await settled(house, 'with-a-factor');
      await setState(house, 'is-disabled', 'disabled');
      await setState(house, 'is-suspended', 'suspended');
      await setState(house, 'is-unpaid', 'pending_payment');
      await setState(house, 'is-pending', 'pending_email_verification');
    });
    after(() => house.close());

    const login = (username: unknown, password: unknown = PASSWORD, headers = {}) =>
      ask(house, LOGIN[way], { body: { username, password }, headers });

    it(`${way}: a right password opens a session for twelve hours, and the answer says just that`, async () => {
      const answer = answers(await login('somebody'), 201);
      const { body } = answer;
      const fields = [
        ...['account', 'created_at', 'expires_at', 'second_factor_verification_required', 'session_id'],
        ...(way === 'bearer' ? ['token'] : []),
      ];
      assert.deepEqual(Object.keys(body).sort(), fields);
      assert.deepEqual(Object.keys(body.account).sort(), [
        ...['account_state', 'created_at', 'id', 'password_changed_at', 'role'],
        ...['second_factor_setup_required', 'second_factor_setup_state', 'updated_at', 'username'],
      ]);
      assert.match(body.session_id, /^ses_[0-9A-HJKMNP-TV-Z]{26}$/);
      assert.match(way === 'bearer' ? body.token : cookieIn(answer), /^[A-Za-z0-9_-]{43}$/);
      assert.equal(answer.headers.has('set-cookie'), way === 'cookie');
      assert.equal(Date.parse(body.expires_at) - Date.parse(body.created_at), 12 * HOUR_MS);
      assert.equal(body.second_factor_verification_required, false);
      assert.equal(body.account.second_factor_setup_required, true);
      assert.equal(answer.headers.get('cache-control'), 'no-store');
    });

    it(`${way}: a name counts in any case and with space around it`, async () => {
      answers(await login('  SomeBody '), 201);
    });

    it(`${way}: whoever has a factor is told to show it`, async () => {
      const { body } = answers(await login('with-a-factor'), 201);
      assert.equal(body.second_factor_verification_required, true);
      assert.equal(body.account.second_factor_setup_state, 'complete');
      assert.equal('second_factor_verified_at' in body, false);
    });

    it(`${way}: unknown, wrong, shut and malformed are told alike, to the byte`, async () => {
      const tries: [string, unknown, unknown][] = [
        ['a wrong password', 'somebody', 'not the passphrase'],
        ['an unknown name', 'nobody-at-all', PASSWORD],
        ['a disabled account', 'is-disabled', PASSWORD],
        ['a suspended account', 'is-suspended', PASSWORD],
        ['an unpaid account', 'is-unpaid', PASSWORD],
        ['a pending account with a wrong password', 'is-pending', 'not the passphrase'],
        ['a name that cannot be one', 'no spaces allowed!', PASSWORD],
        ['a name that is no text', 7, PASSWORD],
        ['a password that is no text', 'somebody', { toString: 1 }],
        ['an empty password', 'somebody', ''],
        ['a password with a space at its end', 'somebody', `${PASSWORD} `],
        ['a password in another case', 'somebody', PASSWORD.toUpperCase()],
      ];
      const seen = new Set<string>();
      for (const [what, username, password] of tries) {
        const answer = await login(username, password, REQUEST_ID);
        assert.equal(answer.code, 'invalid_credentials', what);
        seen.add(JSON.stringify([answer.status, answer.text, [...answer.headers]]));
      }
      const missing = await ask(house, LOGIN[way], { body: {}, headers: REQUEST_ID });
      answers(missing, 401, 'invalid_credentials');
      seen.add(JSON.stringify([missing.status, missing.text, [...missing.headers]]));
      assert.equal(seen.size, 1, [...seen].join('\n'));
    });

    it(`${way}: only a right password is told that the address is not verified yet`, async () => {
      answers(await login('is-pending'), 403, 'email_verification_required');
      answers(await login('is-pending', 'not the passphrase'), 401, 'invalid_credentials');
    });

    for (const [what, body] of [
      ['nothing', ''],
      ['text', 'username=somebody'],
      ['half a document', '{"username":"somebody"'],
      ['a trailing value', `{"username":"somebody","password":"${PASSWORD}"} {}`],
      ['an unknown field', `{"username":"somebody","password":"${PASSWORD}","role":"admin"}`],
      ['an array', '[]'],
      ['null', 'null'],
      ['bytes that are no UTF-8', new Uint8Array([0x7b, 0xff, 0x7d])],
    ] as const) {
      it(`${way}: ${what} is no login, and is not repeated to the sender`, async () => {
        const answer = await ask(house, LOGIN[way], {
          method: 'POST',
          body: typeof body === 'string' ? body : new TextDecoder('latin1').decode(body),
        });
        // Text is sent as UTF-8, so that the last case needs a request of its own.
        if (typeof body === 'string') {
          answers(answer, 400, 'invalid_json');
          assert.doesNotMatch(answer.text, /role|somebody/);
        } else {
          const raw = await house.main(
            new Request(`http://127.0.0.1:8080${LOGIN[way]}`, { method: 'POST', body }),
          );
          assert.equal(raw.status, 400);
        }
      });
    }

    it(`${way}: more than 64 KiB is refused, whatever it says`, async () => {
      const most = 64 * 1024;
      const text = (length: number) => {
        const frame = JSON.stringify({ username: 'somebody', password: '' }).length;
        return JSON.stringify({ username: 'somebody', password: 'p'.repeat(length - frame) });
      };
      answers(await ask(house, LOGIN[way], { body: text(most + 1) }), 413, 'request_too_large');
      answers(await ask(house, LOGIN[way], { body: text(most) }), 401, 'invalid_credentials');
    });
  });
}

describe('logging in, when there is more to hash than a bound', () => {
  it('refuses the rest with 503 and when to come again, and serves those who fit', async () => {
    const hasher = nodeHasher({ maxQueued: 1 });
    try {
      await inHouse({ ports: { hasher } }, async (house) => {
        await newcomer(house, 'somebody');
        const many = Array.from({ length: 24 }, () =>
          ask(house, '/v1/auth/login', { body: { username: 'somebody', password: PASSWORD } }),
        );
        const all = await Promise.all(many);
        const busy = all.filter(({ status }) => status === 503);
        assert.ok(busy.length > 0, 'nobody was refused');
        assert.ok(
          all.some(({ status }) => status === 201),
          'nobody was served',
        );
        for (const answer of busy) {
          assert.equal(answer.code, 'service_busy');
          assert.match(answer.headers.get('retry-after') ?? '', /^[1-9][0-9]*$/);
        }
        assert.equal(all.filter(({ status }) => status !== 503 && status !== 201).length, 0);
      });
    } finally {
      hasher.close();
    }
  });
});

interface Guessed {
  readonly house: House;
  /** How long anybody was made to wait so far, in milliseconds each. */
  readonly waits: readonly number[];
  /** What `use` asks, while pauses stand still: resolves to a look at the first of them. */
  held<T>(
    use: () => Promise<T>,
  ): Promise<{ readonly answer: Promise<T>; done(): boolean; readonly ms: number }>;
}

/** A house in which a pause is over at once, unless a test holds it to look at it. */
async function guessedAt(use: (guessed: Guessed) => Promise<void>): Promise<void> {
  const clock = new TestClock();
  const waits: number[] = [];
  let hold: ((ms: number) => void) | undefined;
  const after = (ms: number, then: () => void) => {
    const stop = clock.after(ms, then);
    if (ms === BODY_PATIENCE_MS) return stop;
    waits.push(ms);
    if (hold === undefined) queueMicrotask(() => clock.advance(ms));
    else hold(ms);
    return stop;
  };
  await inHouse({ clock, ports: { after } }, (house) =>
    use({
      house,
      waits,
      async held(ask) {
        const paused = new Promise<number>((resolve) => {
          hold = resolve;
        });
        let done = false;
        const answer = ask().finally(() => {
          done = true;
        });
        const ms = await Promise.race([paused, answer.then(() => 0)]);
        hold = undefined;
        return { answer, done: () => done, ms };
      },
    }),
  );
}

describe('guessing at a name', () => {
  const attempt = (house: House, username: string, password: string) =>
    ask(house, '/v1/auth/login', { body: { username, password } });
  const failed = async (house: House, username: string, times: number) => {
    for (let i = 0; i < times; i += 1) {
      answers(await attempt(house, username, `wrong guess ${i}`), 401, 'invalid_credentials');
    }
  };

  it('makes tries wait from the tenth failure on, the longer the more there were, up to eight seconds', async () => {
    await guessedAt(async ({ house, waits }) => {
      await newcomer(house, 'somebody');
      await failed(house, 'somebody', 9);
      assert.deepEqual(waits, []);
      await failed(house, 'somebody', 7);
      assert.deepEqual(waits, [500, 500, 1000, 2000, 4000, 8000, 8000]);
    });
  });

  it('is answered when the pause is over, and not before', async () => {
    await guessedAt(async ({ house, held }) => {
      await failed(house, 'somebody', 10);
      const slow = await held(() => attempt(house, 'somebody', 'wrong again'));
      house.clock.advance(slow.ms - 1);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(slow.done(), false);
      house.clock.advance(1);
      answers(await slow.answer, 401, 'invalid_credentials');
    });
  });

  it('makes those wait as well who come all at once', async () => {
    await guessedAt(async ({ house, waits }) => {
      await Promise.all(Array.from({ length: 16 }, () => attempt(house, 'somebody', 'wrong')));
      assert.equal(waits.length, 7);
    });
  });

  it('lets the right password in after its pause, and forgets the failures with it', async () => {
    await guessedAt(async ({ house, waits }) => {
      await newcomer(house, 'somebody');
      await failed(house, 'somebody', 10);
      answers(await attempt(house, 'somebody', PASSWORD), 201);
      assert.deepEqual(waits, [500, 500]);
      await failed(house, 'somebody', 1);
      assert.equal(waits.length, 2);
    });
  });

  it('is forgotten after a quarter of an hour', async () => {
    await guessedAt(async ({ house, waits }) => {
      await failed(house, 'somebody', 10);
      house.clock.advance(15 * 60_000);
      await failed(house, 'somebody', 9);
      assert.deepEqual(waits, [500]);
    });
  });

  it('slows down a name that nobody has in the same way, and no other name', async () => {
    await guessedAt(async ({ house, waits }) => {
      await newcomer(house, 'somebody-else');
      await failed(house, 'nobody', 13);
      assert.deepEqual(waits, [500, 500, 1000, 2000]);
      answers(await attempt(house, 'somebody-else', PASSWORD), 201);
      assert.equal(waits.length, 4);
    });
  });

  it('is counted for the name however it is written', async () => {
    await guessedAt(async ({ house, waits }) => {
      await failed(house, ' SOMEBODY', 5);
      await failed(house, 'somebody', 5);
      assert.deepEqual(waits, [500]);
    });
  });

  it('does not touch sessions that are open', async () => {
    await guessedAt(async ({ house, waits }) => {
      const open = await session(house, await newcomer(house, 'somebody'));
      await failed(house, 'somebody', 10);
      assert.ok(await isLive(house, open));
      answers(await post(house, '/v1/account/second-factor/totp/enroll', open), 201);
      assert.equal(waits.length, 1);
    });
  });
});

describe('a session', () => {
  for (const way of WAYS) {
    it(`${way}: sees its account, ends by logout, and leaves the account's other sessions alone`, async () => {
      await inHouse({ env: WEB }, async (house) => {
        const person = await newcomer(house, 'somebody');
        const [here, there] = [await session(house, person, way), await session(house, person, way)];
        const { body } = answers(await ask(house, '/v1/account', { as: here }), 200);
        assert.deepEqual(Object.keys(body), ['account']);
        assert.equal(body.account.username, 'somebody');
        const ended = answers(await ask(house, '/v1/auth/logout', { method: 'POST', as: here }), 200);
        assert.deepEqual(ended.body, { revoked: true });
        answers(await ask(house, '/v1/account', { as: here }), 401, 'authentication_required');
        answers(
          await ask(house, '/v1/auth/logout', { method: 'POST', as: here }),
          401,
          'authentication_required',
        );
        assert.ok(await isLive(house, there));
      });
    });

    it(`${way}: ends at its time, to the millisecond`, async () => {
      await inHouse({ env: WEB }, async (house) => {
        const as = await session(house, await newcomer(house, 'somebody'), way);
        house.clock.advance(12 * HOUR_MS - 1);
        assert.ok(await isLive(house, as));
        house.clock.advance(1);
        answers(await ask(house, '/v1/account', { as }), 401, 'authentication_required');
      });
    });

    for (const state of ['disabled', 'suspended', 'pending_payment', 'pending_email_verification']) {
      it(`${way}: opens nothing while its account is ${state}`, async () => {
        await inHouse({ env: WEB }, async (house) => {
          const as = await session(house, await newcomer(house, 'somebody'), way);
          await setState(house, 'somebody', state);
          answers(await ask(house, '/v1/account', { as }), 401, 'authentication_required');
        });
      });
    }
  }
});

describe('changing the password', () => {
  const PATH = '/v1/account/password';
  const NEXT = 'another passphrase for tests';

  for (const way of WAYS) {
    it(`${way}: ends every other session, keeps this one, and only the new one logs in`, async () => {
      await inHouse({ env: WEB }, async (house) => {
        const person = await settled(house, 'somebody');
        const own = await verified(house, person, way);
        const others = [await session(house, person, 'bearer'), await verified(house, person, 'cookie')];
        house.clock.advance(1000);
        const changed = answers(
          await post(house, PATH, own, { current_password: PASSWORD, new_password: NEXT }),
          200,
        );
        assert.deepEqual(Object.keys(changed.body), ['account']);
        assert.equal(Date.parse(changed.body.account.password_changed_at), house.clock.now());
        assert.ok(await isLive(house, own));
        for (const other of others) assert.equal(await isLive(house, other), false);
        const old = { username: 'somebody', password: PASSWORD };
        answers(await ask(house, '/v1/auth/login', { body: old }), 401, 'invalid_credentials');
        await logIn(house, 'somebody', way, NEXT);
      });
    });

    it(`${way}: refuses a wrong current password and a new one that is too short or too long`, async () => {
      await inHouse({ env: WEB }, async (house) => {
        const person = await settled(house, 'somebody');
        const own = await verified(house, person, way);
        const other = await verified(house, person, way);
        const change = (current_password: unknown, new_password: unknown) =>
          post(house, PATH, own, { current_password, new_password });
        const wrong = answers(await change('not the passphrase', NEXT), 401, 'invalid_credentials');
        assert.equal(wrong.body.error.message, 'current password is invalid');
        answers(await change(undefined, NEXT), 401, 'invalid_credentials');
        for (const short of [
          'eleven byte',
          '',
          'é'.repeat(5),
          7,
          undefined,
          'x'.repeat(257),
          '\ud800 alone in here',
        ]) {
          answers(await change(PASSWORD, short), 400, 'invalid_password');
        }
        answers(await post(house, PATH, own, '{'), 400, 'invalid_json');
        answers(await post(house, PATH, own, { current_password: PASSWORD, more: 1 }), 400, 'invalid_json');
        assert.ok(await isLive(house, other), 'a refused change ended a session');
        answers(await change(PASSWORD, 'é'.repeat(6)), 200);
      });
    });
  }
});
