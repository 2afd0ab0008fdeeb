/** TOTP over the wire, as a bearer and with a cookie. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, isLive, post, session, verified, WAYS, WEB } from '../support/ask.ts';
import { inHouse } from '../support/house.ts';
import { codeOf, newcomer, settled } from '../support/people.ts';

import {
  confirm,
  enroll,
  exactly,
  FACTOR,
  INVALID_TOTP,
  MAIL,
  MINUTE_MS,
  verify,
  wrongCode,
} from './factor-asks.ts';

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
