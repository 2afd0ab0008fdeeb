/** Passkeys over the wire, with an authenticator in software that can be told to lie. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
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
import {
  type Algorithm,
  type Authenticator,
  newAuthenticator,
  type Twist,
} from '../support/authenticator.ts';
import { type House, inHouse } from '../support/house.ts';
import { newcomer, type Person, settled } from '../support/people.ts';

const FACTOR = '/v1/account/second-factor/webauthn';
const ORIGIN = 'https://vault.example.test';
const RP_ID = 'example.test';
const ON = {
  ...WEB,
  SAFE_WEBAUTHN_ENABLED: 'true',
  SAFE_WEBAUTHN_RP_ID: RP_ID,
  SAFE_WEBAUTHN_ALLOWED_ORIGINS: ORIGIN,
};
const INVALID = 'webauthn_challenge_invalid';
const FIVE_MINUTES_MS = 5 * 60_000;

const inPasskeys = (use: (house: House) => Promise<void>, env = {}) =>
  inHouse({ env: { ...ON, ...env } }, use);
const start = (house: House, as: Session, kind: 'register' | 'verify', body: object = {}) =>
  post(house, `${FACTOR}/${kind}/start`, as, body);
const finish = (house: House, as: Session, kind: 'register' | 'verify', posted: object) =>
  post(house, `${FACTOR}/${kind}/finish`, as, posted);

const sceneOf = ({ body }: Answer) => {
  const { publicKey } = body.credential_creation ?? body.credential_assertion;
  return { origin: ORIGIN, rpId: RP_ID, challenge: publicKey.challenge as string };
};

async function register(
  house: House,
  as: Session,
  device: Authenticator = newAuthenticator('ES256'),
  twist?: Twist,
): Promise<Answer> {
  const scene = sceneOf(answers(await start(house, as, 'register'), 201));
  return finish(house, as, 'register', device.create(scene, twist));
}

async function show(house: House, as: Session, device: Authenticator, twist?: Twist): Promise<Answer> {
  const scene = sceneOf(answers(await start(house, as, 'verify'), 201));
  return finish(house, as, 'verify', device.get(scene, twist));
}

/** Somebody whose only factor is this passkey. */
async function holder(house: House, device: Authenticator, username = 'somebody'): Promise<Person> {
  const person = await newcomer(house, username);
  answers(await register(house, await session(house, person), device), 200);
  return person;
}

describe('a passkey', () => {
  for (const way of WAYS) {
    it(`${way}: is registered by one session and shown by the next`, async () => {
      await inPasskeys(async (house) => {
        const device = newAuthenticator('ES256');
        const person = await newcomer(house, 'somebody');
        const as = await session(house, person, way);
        const started = answers(
          await start(house, as, 'register', { authenticator_attachment: 'platform' }),
          201,
        );
        const { credential_creation: creation, ...rest } = started.body;
        assert.deepEqual(rest, {
          status: 'registration_challenge_created',
          authenticator_attachment: 'platform',
          expires_at: new Date(house.clock.now() + FIVE_MINUTES_MS).toISOString(),
        });
        assert.deepEqual(
          creation.publicKey.pubKeyCredParams.map(({ alg }: { alg: number }) => alg),
          [-8, -7, -257],
        );
        const { rp, authenticatorSelection: selection } = creation.publicKey;
        assert.deepEqual(rp, { id: RP_ID, name: 'Sallyport' });
        assert.equal(selection.userVerification, 'required');
        assert.equal(selection.residentKey, 'preferred');

        const set = answers(await finish(house, as, 'register', device.create(sceneOf(started))), 200);
        assert.deepEqual(Object.keys(set.body).sort(), ['account', 'second_factor', 'session', 'status']);
        assert.equal(set.body.account.second_factor_setup_state, 'complete');
        assert.equal(set.body.session.second_factor_method, 'webauthn');
        const { id, ...factor } = set.body.second_factor;
        assert.match(id, /^sf_/);
        assert.deepEqual(factor, {
          factor_type: 'webauthn',
          attachment: 'platform',
          transports: ['hybrid', 'internal'],
          backup_eligible: false,
          backup_state: false,
          user_verified: true,
          clone_warning: false,
          verified_at: new Date(house.clock.now()).toISOString(),
        });

        const next = await session(house, person, way);
        const gate = await post(house, '/v1/account/password', next);
        answers(gate, 403, 'second_factor_verification_required');
        house.clock.advance(1000);
        const shown = answers(await show(house, next, device), 200);
        assert.deepEqual(Object.keys(shown.body).sort(), ['second_factor', 'session', 'status']);
        assert.equal(Date.parse(shown.body.second_factor.last_used_at), house.clock.now());
        answers(await post(house, '/v1/account/password', next), 400, 'invalid_password');
      });
    });

    it(`${way}: of a challenge that another session asked for is refused, and the challenge stays good`, async () => {
      await inPasskeys(async (house) => {
        const device = newAuthenticator('ES256');
        const person = await holder(house, device);
        const [mine, other] = [await session(house, person, way), await session(house, person, way)];
        const scene = sceneOf(await start(house, mine, 'verify'));
        answers(await finish(house, other, 'verify', device.get(scene)), 400, INVALID);
        answers(await finish(house, mine, 'verify', device.get(scene)), 200);
      });
    });
  }

  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
    it(`works with ${algorithm}`, async () => {
      await inPasskeys(async (house) => {
        const device = newAuthenticator(algorithm);
        answers(await show(house, await session(house, await holder(house, device)), device), 200);
      });
    });
  }

  for (const algorithm of ['ES384', 'ML-DSA-44'] satisfies Algorithm[]) {
    it(`is refused with ${algorithm}, which nobody asked for`, async () => {
      await inPasskeys(async (house) => {
        const as = await session(house, await newcomer(house, 'somebody'));
        answers(await register(house, as, newAuthenticator(algorithm)), 400, INVALID);
      });
    });
  }

  const lies: [string, Twist][] = [
    ['another origin', { origin: 'https://evil.example' }],
    ['another host of the domain', { origin: 'https://other.example.test' }],
    ['the origin without TLS', { origin: 'http://vault.example.test' }],
    ['another RP id', { rpId: 'vault.example.test' }],
    ['another challenge', { challenge: 'A'.repeat(43) }],
    ['a foreign frame', { clientData: { crossOrigin: true, topOrigin: 'https://evil.example' } }],
    ['the other ceremony', { type: 'webauthn.other' }],
  ];
  for (const [what, twist] of lies) {
    it(`from ${what} is neither registered nor taken for shown`, async () => {
      await inPasskeys(async (house) => {
        const fresh = await session(house, await newcomer(house, 'fresh'));
        answers(await register(house, fresh, newAuthenticator('ES256'), twist), 400, INVALID);
        const { body } = await ask(house, '/v1/account', { as: fresh });
        assert.equal(body.account.second_factor_setup_required, true);
        const device = newAuthenticator('ES256');
        const as = await session(house, await holder(house, device));
        answers(await show(house, as, device, twist), 400, INVALID);
        answers(await post(house, '/v1/account/password', as), 403, 'second_factor_verification_required');
      });
    });
  }

  it('that does not know who is there is refused where that is required, and taken where it is not', async () => {
    const unverified = { flags: 1 };
    await inPasskeys(async (house) => {
      const device = newAuthenticator('ES256');
      const as = await session(house, await holder(house, device));
      answers(await show(house, as, device, unverified), 400, INVALID);
    });
    await inPasskeys(
      async (house) => {
        const device = newAuthenticator('ES256');
        const as = await session(house, await holder(house, device));
        const { body } = answers(await show(house, as, device, unverified), 200);
        assert.equal(body.second_factor.user_verified, false);
      },
      { SAFE_WEBAUTHN_USER_VERIFICATION: 'preferred' },
    );
  });

  it('of another account shows nothing', async () => {
    await inPasskeys(async (house) => {
      const [mine, theirs] = [newAuthenticator('ES256'), newAuthenticator('ES256')];
      const person = await holder(house, mine);
      await holder(house, theirs, 'another');
      answers(await show(house, await session(house, person), theirs), 400, INVALID);
    });
  });

  it('whose signature is not its own shows nothing', async () => {
    await inPasskeys(async (house) => {
      const device = newAuthenticator('ES256');
      const as = await session(house, await holder(house, device));
      answers(await show(house, as, device, { signature: new Uint8Array(70) }), 400, INVALID);
      answers(
        await show(house, as, newAuthenticator('ES256'), { credentialId: device.credentialId }),
        400,
        INVALID,
      );
    });
  });

  it('is registered once, whoever tries it again', async () => {
    await inPasskeys(async (house) => {
      const device = newAuthenticator('ES256');
      const person = await newcomer(house, 'somebody');
      const as = await session(house, person);
      answers(await register(house, as, device), 200);
      const again = answers(await start(house, as, 'register'), 201);
      const { excludeCredentials: excluded } = again.body.credential_creation.publicKey;
      assert.deepEqual(
        excluded.map(({ id }: { id: string }) => id),
        [device.id],
      );
      const code = 'webauthn_credential_already_configured';
      answers(await finish(house, as, 'register', device.create(sceneOf(again))), 409, code);
      const other = await session(house, await newcomer(house, 'another'));
      answers(await register(house, other, device), 409, code);
      answers(await register(house, as, newAuthenticator('EdDSA')), 200);
    });
  });

  it('whose counter does not rise is suspected to be a copy, from then on', async () => {
    await inPasskeys(async (house) => {
      const device = newAuthenticator('ES256');
      const person = await holder(house, device);
      const warned = async (count: number) => {
        const answer = await show(house, await session(house, person), device, { count });
        return answers(answer, 200).body.second_factor.clone_warning as boolean;
      };
      assert.deepEqual([await warned(7), await warned(7), await warned(9)], [false, true, true]);
    });
  });
});

describe('a challenge', () => {
  it('is one try: whatever came of it, it is spent', async () => {
    await inPasskeys(async (house) => {
      const device = newAuthenticator('ES256');
      const as = await session(house, await holder(house, device));
      const scene = sceneOf(await start(house, as, 'verify'));
      answers(
        await finish(house, as, 'verify', device.get(scene, { origin: 'https://evil.example' })),
        400,
        INVALID,
      );
      answers(await finish(house, as, 'verify', device.get(scene)), 400, INVALID);
      const second = sceneOf(await start(house, as, 'verify'));
      const posted = device.get(second);
      answers(await finish(house, as, 'verify', posted), 200);
      answers(await finish(house, as, 'verify', posted), 400, INVALID);
      answers(await finish(house, as, 'verify', device.get(second)), 400, INVALID);
    });
  });

  it('holds for five minutes', async () => {
    await inPasskeys(async (house) => {
      const device = newAuthenticator('ES256');
      const as = await session(house, await holder(house, device));
      const late = sceneOf(await start(house, as, 'verify'));
      house.clock.advance(FIVE_MINUTES_MS);
      answers(await finish(house, as, 'verify', device.get(late)), 400, INVALID);
      const soon = sceneOf(await start(house, as, 'verify'));
      house.clock.advance(FIVE_MINUTES_MS - 1);
      answers(await finish(house, as, 'verify', device.get(soon)), 200);
    });
  });

  it('is replaced by the next one, and good for its own ceremony only', async () => {
    await inPasskeys(async (house) => {
      const device = newAuthenticator('ES256');
      const person = await holder(house, device);
      const as = await session(house, person);
      const first = sceneOf(await start(house, as, 'verify'));
      await start(house, as, 'verify');
      answers(await finish(house, as, 'verify', device.get(first)), 400, INVALID);
      const fresh = await session(house, await newcomer(house, 'fresh'));
      const scene = sceneOf(await start(house, fresh, 'register'));
      answers(await finish(house, fresh, 'verify', device.get(scene)), 400, INVALID);
    });
  });

  it('nobody asked for is refused, and so is everything that is no ceremony', async () => {
    await inPasskeys(async (house) => {
      const as = await session(house, await newcomer(house, 'somebody'));
      answers(await start(house, as, 'verify'), 400, INVALID);
      for (const kind of ['register', 'verify'] as const)
        answers(await finish(house, as, kind, {}), 400, INVALID);
      for (const posted of [
        {},
        { id: 7 },
        { response: null },
        { id: 'a', rawId: 'a', response: {}, type: 'public-key' },
      ]) {
        await start(house, as, 'register');
        answers(await finish(house, as, 'register', posted), 400, INVALID);
      }
      answers(await post(house, `${FACTOR}/register/finish`, as, '['), 400, 'invalid_json');
      for (const attachment of ['usb', '', 7, null]) {
        const asked = start(house, as, 'register', { authenticator_attachment: attachment });
        answers(await asked, 400, 'invalid_webauthn_attachment');
      }
      answers(await start(house, as, 'register', { more: 1 }), 400, 'invalid_json');
      assert.ok(await isLive(house, as));
    });
  });
});

describe('where passkeys are off', () => {
  it('each of their routes says so', async () => {
    await inHouse({}, async (house) => {
      const own = await verified(house, await settled(house, 'somebody'));
      for (const route of ['register/start', 'register/finish', 'verify/start', 'verify/finish']) {
        answers(await post(house, `${FACTOR}/${route}`, own), 503, 'webauthn_unavailable');
      }
    });
  });
});
