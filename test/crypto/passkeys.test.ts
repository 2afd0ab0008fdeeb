import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  assertionOptions,
  finishAssertion,
  finishRegistration,
  type KnownPasskey,
  type NewPasskey,
  newPasskeyChallenge,
  type PasskeyRefusal,
  type RelyingParty,
  registrationOptions,
} from '../../src/crypto/passkeys.ts';
import type { Passkey } from '../../src/store/accounts.ts';
import {
  type Algorithm,
  type Authenticator,
  b64,
  type Cbor,
  newAuthenticator,
  type Twist,
} from '../support/authenticator.ts';

const bytes = (length: number) => new Uint8Array(randomBytes(length));
const ORIGIN = 'https://vault.example.test';
const ACCOUNT = 'acct_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const RP: RelyingParty = {
  id: 'example.test',
  name: 'Sallyport',
  origins: [ORIGIN, 'https://example.test'],
  userVerification: 'required',
  timeoutMs: 300_000,
};
const scene = () => ({ origin: ORIGIN, rpId: RP.id, challenge: newPasskeyChallenge(bytes) });

/** Registers, and hands over what is kept. */
async function registered(authenticator: Authenticator, twist: Twist = {}, rp = RP): Promise<NewPasskey> {
  const here = scene();
  const outcome = await finishRegistration(rp, here, authenticator.create(here, twist));
  assert(outcome.ok, outcome.ok ? '' : outcome.reason);
  return outcome.passkey;
}

async function registrationRefused(reason: PasskeyRefusal, twist: Twist, algorithm: Algorithm = 'ES256') {
  const here = scene();
  const posted = newAuthenticator(algorithm).create(here, twist);
  assert.deepEqual(await finishRegistration(RP, here, posted), { ok: false, reason });
}

describe('with any of the three algorithms a passkey', () => {
  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
    it(`is made and shown: ${algorithm}`, async () => {
      const authenticator = newAuthenticator(algorithm);
      const passkey = await registered(authenticator);
      // What is made is what the store keeps.
      const kept: Omit<Passkey, 'id' | 'accountId' | 'cloneWarning' | 'verifiedAt' | 'lastUsedAt'> = passkey;
      const { publicKey, ...rest } = kept;
      assert.deepEqual(rest, {
        credentialId: authenticator.id,
        signCount: 0,
        attachment: 'platform',
        transports: ['hybrid', 'internal'],
        backupEligible: false,
        backupState: false,
        userVerified: true,
      });
      assert(publicKey.length > 40);

      const here = scene();
      const started = { challenge: here.challenge, accountId: ACCOUNT, passkeys: [passkey] };
      assert.deepEqual(await finishAssertion(RP, started, authenticator.get(here)), {
        ok: true,
        passkey,
        signCount: 1,
        backupState: false,
        userVerified: true,
        cloneSuspected: false,
      });
    });
  }

  it('may vouch for itself', async () => {
    for (const [algorithm, id] of [
      ['ES256', -7],
      ['EdDSA', -8],
      ['RS256', -257],
    ] as const) {
      const here = scene();
      const outcome = await finishRegistration(
        RP,
        here,
        newAuthenticator(algorithm).createSelfAttested(here, id),
      );
      assert.equal(outcome.ok, true);
    }
  });

  it('may be made and shown on any of the origins', async () => {
    const authenticator = newAuthenticator('ES256');
    const here = { ...scene(), origin: 'https://example.test' };
    const made = await finishRegistration(RP, here, authenticator.create(here));
    assert(made.ok);
    const started = { challenge: here.challenge, accountId: ACCOUNT, passkeys: [made.passkey] };
    assert((await finishAssertion(RP, started, authenticator.get(here))).ok);
  });

  it('may come with extensions, which are not looked at', async () => {
    const extensions = Buffer.from('a16b6372656450726f7465637402', 'hex'); // {"credProtect": 2}
    await registered(newAuthenticator('ES256'), {
      flags: 1 | 4 | 64 | 128,
      tamper: (data) => Buffer.concat([data, extensions]),
    });
  });

  it('may be kept by a service, which is noted', async () => {
    const passkey = await registered(newAuthenticator('ES256'), { flags: 1 | 4 | 8 | 16 | 64 });
    assert.deepEqual([passkey.backupEligible, passkey.backupState], [true, true]);
  });
});

describe('a new passkey is refused', () => {
  const cases: readonly (readonly [what: string, PasskeyRefusal, Twist])[] = [
    ['made for an assertion', 'wrong_type', { type: 'webauthn.get' }],
    ['made for a payment', 'wrong_type', { type: 'payment.get' }],
    ['for another challenge', 'wrong_challenge', { challenge: b64(bytes(32)) }],
    ['for an empty challenge', 'wrong_challenge', { challenge: '' }],
    ['from another origin', 'wrong_origin', { origin: 'https://evil.example' }],
    ['from a subdomain that is not listed', 'wrong_origin', { origin: 'https://other.example.test' }],
    ['from our host without TLS', 'wrong_origin', { origin: 'http://vault.example.test' }],
    ['from another port', 'wrong_origin', { origin: `${ORIGIN}:8443` }],
    ['from an origin that ours begins', 'wrong_origin', { origin: `${ORIGIN}.evil.example` }],
    ['from our origin with a slash', 'wrong_origin', { origin: `${ORIGIN}/` }],
    ['from a frame', 'cross_origin', { clientData: { crossOrigin: true } }],
    ['from a frame that says so oddly', 'cross_origin', { clientData: { crossOrigin: 'no' } }],
    ['below a foreign page', 'cross_origin', { clientData: { topOrigin: 'https://evil.example' } }],
    ['for another domain', 'wrong_rp_id', { rpId: 'evil.example' }],
    ['for a domain of ours that is not the one', 'wrong_rp_id', { rpId: 'vault.example.test' }],
    ['without anybody there', 'user_not_present', { flags: 4 | 64 }],
    ['without knowing who was there', 'user_not_verified', { flags: 1 | 64 }],
    ['backed up although it cannot be', 'impossible_backup_flags', { flags: 1 | 4 | 16 | 64 }],
    ['with a name of its own in the key', 'unsuitable_key', { key: new Map<number, Cbor>([[2, bytes(4)]]) }],
    ['without a key', 'malformed', { flags: 1 | 4 }],
    ['with an empty key', 'unsupported_algorithm', { keyBytes: Buffer.of(0xa0) }],
    ['with a key that is no map', 'malformed', { keyBytes: Buffer.of(0x80) }],
    ['with something behind it', 'malformed', { tamper: (data) => Buffer.concat([data, Buffer.of(0)]) }],
    ['cut short, in its key', 'unsuitable_key', { tamper: (data) => data.subarray(0, -1) }],
    ['shorter than its own head', 'malformed', { tamper: (data) => data.subarray(0, 36) }],
    ['whose envelope names another', 'wrong_credential_id', { outer: { id: b64(bytes(32)) } }],
    ['with an id too long', 'wrong_credential_id', { credentialId: bytes(1024) }],
    [
      'with none attested, and something with it',
      'unsupported_attestation',
      { statement: new Map([['x', 1]]) },
    ],
    ['attested in a way that nobody knows', 'unsupported_attestation', { format: 'compound' }],
  ];
  for (const [what, reason, twist] of cases) {
    it(what, async () => {
      // Both have to agree for an id to be looked at further.
      const outer = twist.outer?.id === undefined ? twist.outer : { ...twist.outer, rawId: twist.outer.id };
      await registrationRefused(reason, outer === undefined ? twist : { ...twist, outer });
    });
  }

  for (const format of ['packed', 'fido-u2f', 'tpm', 'android-key', 'android-safetynet', 'apple']) {
    it(`attested by certificates (${format}), whose addresses the library might fetch`, async (t) => {
      const fetched = t.mock.method(globalThis, 'fetch', () => Promise.reject(new Error('fetched')));
      const statement = new Map<string, Cbor>([
        ['alg', -7],
        ['sig', bytes(64)],
        ['x5c', [bytes(300)]],
      ]);
      await registrationRefused('unsupported_attestation', { format, statement });
      assert.equal(fetched.mock.callCount(), 0);
    });
  }

  it('vouching for itself with a wrong signature', async () => {
    const statement = new Map<string, Cbor>([
      ['alg', -8],
      ['sig', bytes(64)],
    ]);
    await registrationRefused('bad_signature', { format: 'packed', statement }, 'EdDSA');
  });

  it('vouching for itself by another algorithm than its own', async () => {
    const here = scene();
    const posted = newAuthenticator('ES256').createSelfAttested(here, -8);
    assert.deepEqual(await finishRegistration(RP, here, posted), {
      ok: false,
      reason: 'unsupported_attestation',
    });
  });

  for (const algorithm of ['ES384', 'ML-DSA-44'] as const) {
    it(`by an algorithm that was not offered: ${algorithm}`, () => {
      return registrationRefused('unsupported_algorithm', {}, algorithm);
    });
  }

  const keys: readonly (readonly [string, Algorithm, Map<number, Cbor>])[] = [
    ['P-384 under the name of ES256', 'ES384', new Map([[3, -7]])],
    ['ES256 of a P-384 curve', 'ES256', new Map([[-1, 2]])],
    ['ES256 with a short coordinate', 'ES256', new Map<number, Cbor>([[-2, bytes(31)]])],
    ['ES256 with a number for a coordinate', 'ES256', new Map<number, Cbor>([[-3, 1]])],
    ['ES256 of another key type', 'ES256', new Map([[1, 3]])],
    ['Ed25519 of another curve', 'EdDSA', new Map([[-1, 4]])],
    ['Ed25519 with a long key', 'EdDSA', new Map<number, Cbor>([[-2, bytes(57)]])],
    ['ES256 under the name of RS256', 'ES256', new Map([[3, -257]])],
    ['RSA of 1,024 bits', 'RS256', new Map<number, Cbor>([[-1, bytes(128).fill(1)]])],
    ['RSA of 4,104 bits', 'RS256', new Map<number, Cbor>([[-1, bytes(513).fill(1)]])],
    ['RSA with a zero in front', 'RS256', new Map<number, Cbor>([[-1, new Uint8Array(256)]])],
    ['RSA with an exponent of 3', 'RS256', new Map<number, Cbor>([[-2, Buffer.of(3)]])],
    ['RSA with an exponent of a thousand bits', 'RS256', new Map<number, Cbor>([[-2, bytes(125)]])],
  ];
  for (const [what, algorithm, key] of keys) {
    it(`with a key that its algorithm does not have: ${what}`, () => {
      return registrationRefused('unsuitable_key', { key }, algorithm);
    });
  }

  it('with an algorithm that is no number', () => {
    return registrationRefused('unsupported_algorithm', { key: new Map<number, Cbor>([[3, '-7']]) });
  });
});

describe('an assertion', async () => {
  const authenticator = newAuthenticator('ES256');
  const passkey = await registered(authenticator);

  async function shown(
    twist: Twist,
    started: { passkeys?: readonly KnownPasskey[]; accountId?: string } = {},
    rp = RP,
  ) {
    const here = scene();
    const with_ = { challenge: here.challenge, accountId: ACCOUNT, passkeys: [passkey], ...started };
    return finishAssertion<KnownPasskey>(rp, with_, authenticator.get(here, twist));
  }

  const cases: readonly (readonly [what: string, PasskeyRefusal, Twist])[] = [
    ['that was a registration', 'wrong_type', { type: 'webauthn.create' }],
    ['for another challenge', 'wrong_challenge', { challenge: b64(bytes(32)) }],
    ['for the challenge with padding', 'wrong_challenge', { challenge: `${b64(bytes(32))}=` }],
    ['from another origin', 'wrong_origin', { origin: 'https://evil.example' }],
    ['from our host without TLS', 'wrong_origin', { origin: 'http://vault.example.test' }],
    ['from a frame', 'cross_origin', { clientData: { crossOrigin: true } }],
    [
      'from a frame with a page above',
      'cross_origin',
      { clientData: { crossOrigin: true, topOrigin: ORIGIN } },
    ],
    ['for another domain', 'wrong_rp_id', { rpId: 'evil.example' }],
    ['without anybody there', 'user_not_present', { flags: 4 }],
    ['without knowing who was there', 'user_not_verified', { flags: 1 }],
    ['backed up although it cannot be', 'impossible_backup_flags', { flags: 1 | 4 | 16 }],
    ['that can be backed up all of a sudden', 'backup_eligibility_changed', { flags: 1 | 4 | 8 }],
    ['of a passkey that is not on file', 'unknown_credential', { credentialId: bytes(32) }],
    ['for another account', 'wrong_user_handle', { userHandle: new TextEncoder().encode(`${ACCOUNT}X`) }],
    [
      'with something behind its data',
      'malformed',
      { tamper: (data) => Buffer.concat([data, Buffer.of(0)]) },
    ],
    ['with a signature cut short', 'bad_signature', { signature: bytes(70) }],
    ['with an empty signature', 'malformed', { inner: { signature: '' } }],
  ];
  for (const [what, reason, twist] of cases) {
    it(`${what} is refused`, async () => assert.deepEqual(await shown(twist), { ok: false, reason }));
  }

  it('with the right user handle is taken', async () => {
    assert((await shown({ userHandle: new TextEncoder().encode(ACCOUNT) })).ok);
  });

  it('signed by another key is refused', async () => {
    const other = newAuthenticator('ES256');
    const here = scene();
    const posted = other.get(here, { credentialId: authenticator.credentialId });
    const started = { challenge: here.challenge, accountId: ACCOUNT, passkeys: [passkey] };
    assert.deepEqual(await finishAssertion(RP, started, posted), { ok: false, reason: 'bad_signature' });
  });

  for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
    it(`whose data was changed after it was signed is refused: ${algorithm}`, async () => {
      const mine = newAuthenticator(algorithm);
      const kept = await registered(mine);
      const here = scene();
      const started = { challenge: here.challenge, accountId: ACCOUNT, passkeys: [kept] };
      // A higher counter would hide a clone.
      const raised = mine.get(here, {
        tamper: (data) => {
          const changed = Uint8Array.from(data);
          changed[36] = 99;
          return changed;
        },
      });
      assert.deepEqual(await finishAssertion(RP, started, raised), { ok: false, reason: 'bad_signature' });
      const verified = mine.get(here, {
        flags: 1,
        tamper: (data) => {
          const changed = Uint8Array.from(data);
          changed[32] = 5;
          return changed;
        },
      });
      assert.deepEqual(await finishAssertion(RP, started, verified), { ok: false, reason: 'bad_signature' });
    });
  }

  it('shown again for a later challenge is refused', async () => {
    const first = scene();
    const posted = authenticator.get(first);
    const started = (challenge: string) => ({ challenge, accountId: ACCOUNT, passkeys: [passkey] });
    assert((await finishAssertion(RP, started(first.challenge), posted)).ok);
    assert.deepEqual(await finishAssertion(RP, started(scene().challenge), posted), {
      ok: false,
      reason: 'wrong_challenge',
    });
  });

  it('says which of several passkeys it was', async () => {
    const other = { ...(await registered(newAuthenticator('EdDSA'))), id: 'sf_other' };
    const mine = { ...passkey, id: 'sf_mine' };
    const here = scene();
    const started = { challenge: here.challenge, accountId: ACCOUNT, passkeys: [other, mine] };
    const outcome = await finishAssertion(RP, started, authenticator.get(here));
    assert(outcome.ok && outcome.passkey.id === 'sf_mine');
  });

  it('without user verification is taken where that is not required, and noted', async () => {
    for (const userVerification of ['preferred', 'discouraged'] as const) {
      const outcome = await shown({ flags: 1 }, {}, { ...RP, userVerification });
      assert(outcome.ok && !outcome.userVerified);
    }
  });

  it('tells of a change of the backup', async () => {
    const eligible = await registered(authenticator, { flags: 1 | 4 | 8 | 64 });
    const outcome = await shown({ flags: 1 | 4 | 8 | 16 }, { passkeys: [eligible] });
    assert(outcome.ok && outcome.backupState);
    assert.deepEqual(await shown({ flags: 1 | 4 }, { passkeys: [eligible] }), {
      ok: false,
      reason: 'backup_eligibility_changed',
    });
  });

  for (const [stored, posted, suspected] of [
    [0, 0, false],
    [0, 1, false],
    [7, 8, false],
    [7, 0xffff_ffff, false],
    [7, 7, true],
    [7, 6, true],
    [7, 0, true],
  ] as const) {
    it(`counting ${posted} after ${stored} is ${suspected ? 'taken for a possible clone' : 'as it should be'}`, async () => {
      const outcome = await shown({ count: posted }, { passkeys: [{ ...passkey, signCount: stored }] });
      assert(outcome.ok);
      assert.deepEqual([outcome.signCount, outcome.cloneSuspected], [posted, suspected]);
    });
  }

  it('with a wrong signature is not even suspected of a clone', async () => {
    const outcome = await shown(
      { count: 1, signature: bytes(70) },
      { passkeys: [{ ...passkey, signCount: 9 }] },
    );
    assert.deepEqual(outcome, { ok: false, reason: 'bad_signature' });
  });
});

describe('what is not the JSON of a credential', async () => {
  const authenticator = newAuthenticator('ES256');
  const passkey = await registered(authenticator);
  const here = scene();
  const started = { challenge: here.challenge, accountId: ACCOUNT, passkeys: [passkey] };
  const MALFORMED = { ok: false, reason: 'malformed' };

  const shapes: readonly (readonly [string, Twist])[] = [
    ['an id that is not its raw id', { outer: { rawId: 'AAAA' } }],
    ['an id with padding', { outer: { id: `${authenticator.id}=`, rawId: `${authenticator.id}=` } }],
    ['an id with characters of base64', { outer: { id: '+/+/', rawId: '+/+/' } }],
    ['an id that is no text', { outer: { id: 7, rawId: 7 } }],
    ['another type', { outer: { type: 'password' } }],
    ['no response', { outer: { response: undefined } }],
    ['a response that is a list', { outer: { response: [] } }],
    ['no client data', { inner: { clientDataJSON: undefined } }],
    ['client data that is not base64url', { inner: { clientDataJSON: '{}' } }],
    ['client data that is not JSON', { inner: { clientDataJSON: b64(Buffer.from('no')) } }],
    ['client data that is null', { inner: { clientDataJSON: b64(Buffer.from('null')) } }],
    ['client data that is not UTF-8', { inner: { clientDataJSON: b64(Buffer.of(0x7b, 0xff, 0x7d)) } }],
    ['client data without an origin', { clientData: { origin: undefined } }],
    ['client data with an origin that is a list', { clientData: { origin: [ORIGIN] } }],
    ['client data with a challenge that is a number', { clientData: { challenge: 1 } }],
    ['client data beyond all measure', { clientData: { more: 'x'.repeat(9000) } }],
  ];
  for (const [what, twist] of shapes) {
    it(`is refused: ${what}`, async () => {
      assert.deepEqual(await finishRegistration(RP, here, authenticator.create(here, twist)), MALFORMED);
      assert.deepEqual(await finishAssertion(RP, started, authenticator.get(here, twist)), MALFORMED);
    });
  }

  for (const [what, object] of [
    ['nothing', ''],
    ['a number', b64(Buffer.of(1))],
    ['an empty map', b64(Buffer.of(0xa0))],
    ['lists in lists in lists', b64(Buffer.alloc(6000, 0x81))],
    ['a map that claims four thousand million entries', b64(Buffer.of(0xba, 0xff, 0xff, 0xff, 0xff))],
    [
      'a text that claims to be longer than all',
      b64(Buffer.of(0x7b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
    ],
  ] as const) {
    it(`is refused: an attestation object of ${what}`, async () => {
      const posted = authenticator.create(here, { inner: { attestationObject: object } });
      assert.deepEqual(await finishRegistration(RP, here, posted), MALFORMED);
    });
  }

  it('is refused whatever it is, and nothing throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (posted) => {
        assert.deepEqual(await finishRegistration(RP, here, posted), MALFORMED);
        assert.deepEqual(await finishAssertion(RP, started, posted), MALFORMED);
      }),
      { numRuns: 300 },
    );
    assert.deepEqual(await finishRegistration(RP, here, undefined), MALFORMED);
  });

  it('with any byte of the attestation changed makes nothing throw, and no other passkey', async () => {
    const posted = authenticator.create(here);
    const inner = posted.response as Record<string, string>;
    const object = Buffer.from(inner.attestationObject ?? '', 'base64url');
    for (let i = 0; i < object.length; i += 1) {
      const changed = Buffer.from(object);
      changed[i] = (changed[i] ?? 0) ^ 0x11;
      const twisted = { ...posted, response: { ...inner, attestationObject: b64(changed) } };
      const outcome = await finishRegistration(RP, here, twisted);
      // Without attestation nothing signs the key, the counter and the model's number: those may be anything.
      if (outcome.ok) assert.equal(outcome.passkey.credentialId, authenticator.id);
    }
  });

  it('with unknown members besides is read all the same, and unknown transports are dropped', async () => {
    const posted = authenticator.create(here, {
      outer: { somethingNew: 1, authenticatorAttachment: 'implanted' },
      inner: { publicKeyAlgorithm: -7, transports: ['usb', 'telepathy', 'usb', 7] },
    });
    const outcome = await finishRegistration(RP, here, posted);
    assert(outcome.ok);
    assert.deepEqual(outcome.passkey.transports, ['usb']);
    assert.equal('attachment' in outcome.passkey, false);
  });

  it('without an attachment has the one that was asked for', async () => {
    const posted = authenticator.create(here, { outer: { authenticatorAttachment: undefined } });
    const outcome = await finishRegistration(RP, { ...here, attachment: 'cross-platform' }, posted);
    assert(outcome.ok && outcome.passkey.attachment === 'cross-platform');
  });
});

describe('what a browser is asked', () => {
  const challenge = b64(new Uint8Array(32).fill(7));
  const known = (id: string, transports: readonly string[]): KnownPasskey => ({
    credentialId: id,
    publicKey: bytes(77),
    signCount: 0,
    transports,
    backupEligible: false,
  });
  const ask = { accountId: ACCOUNT, username: 'reader', challenge, existing: [] };

  it('to make a passkey: the three algorithms, no attestation, none that is there already', async () => {
    const options = await registrationOptions(RP, {
      ...ask,
      existing: [known('AAAA', ['usb']), known('BBBB', [])],
    });
    assert.deepEqual(JSON.parse(JSON.stringify(options)), {
      rp: { id: 'example.test', name: 'Sallyport' },
      user: { id: b64(Buffer.from(ACCOUNT)), name: 'reader', displayName: 'reader' },
      challenge,
      pubKeyCredParams: [
        { type: 'public-key', alg: -8 },
        { type: 'public-key', alg: -7 },
        { type: 'public-key', alg: -257 },
      ],
      timeout: 300_000,
      attestation: 'none',
      excludeCredentials: [
        { type: 'public-key', id: 'AAAA', transports: ['usb'] },
        { type: 'public-key', id: 'BBBB' },
      ],
      authenticatorSelection: {
        residentKey: 'preferred',
        requireResidentKey: false,
        userVerification: 'required',
      },
      extensions: { credProps: true },
      hints: [],
    });
  });

  for (const [attachment, hint] of [
    ['platform', 'client-device'],
    ['cross-platform', 'security-key'],
  ] as const) {
    it(`to make one that is ${attachment}`, async () => {
      const options = await registrationOptions(RP, { ...ask, attachment });
      assert.equal(options.authenticatorSelection?.authenticatorAttachment, attachment);
      assert.deepEqual(options.hints, [hint]);
    });
  }

  it('to show one: those of the account alone', async () => {
    const passkeys = [known('AAAA', ['usb', 'nfc']), known('BBBB', [])];
    const options = await assertionOptions({ ...RP, userVerification: 'preferred' }, { challenge, passkeys });
    assert.deepEqual(JSON.parse(JSON.stringify(options)), {
      rpId: 'example.test',
      challenge,
      timeout: 300_000,
      userVerification: 'preferred',
      allowCredentials: [
        { type: 'public-key', id: 'AAAA', transports: ['usb', 'nfc'] },
        { type: 'public-key', id: 'BBBB' },
      ],
    });
  });

  it('never to show just any', () => {
    assert.throws(() => assertionOptions(RP, { challenge, passkeys: [] }), RangeError);
  });

  it('with a fresh challenge of 32 bytes each time', () => {
    assert.match(newPasskeyChallenge(bytes), /^[\w-]{43}$/);
    assert.notEqual(newPasskeyChallenge(bytes), newPasskeyChallenge(bytes));
    assert.throws(() => newPasskeyChallenge(() => bytes(16)), RangeError);
    assert.throws(() => registrationOptions(RP, { ...ask, challenge: 'AAAA' }), RangeError);
  });
});
