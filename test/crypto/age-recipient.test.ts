import assert from 'node:assert/strict';
import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import fc from 'fast-check';
import { MAX_RECIPIENT_LENGTH, recipientKind } from '../../src/crypto/age-recipient.ts';
import { bytesOfWords, decodeBech32 } from '../../src/crypto/bech32.ts';
import { bech32Of, wordsOf } from '../support/bech32.ts';

const encode = (prefix: string, bytes: Uint8Array) => bech32Of(prefix, wordsOf(bytes));
const bytesOf = (text: string) =>
  bytesOfWords(decodeBech32(text)?.words ?? []) ?? assert.fail(`${text} is no Bech32`);

/** Whether age itself takes it. */
function ageTakes(text: string): boolean {
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

const x25519 = async () => identityToRecipient(await generateX25519Identity());
const hybrid = async () => identityToRecipient(await generateHybridIdentity());

describe('an age recipient', () => {
  it('of X25519 is told from a hybrid one', async () => {
    for (let i = 0; i < 10; i += 1) {
      assert.equal(recipientKind(await x25519()), 'x25519');
      assert.equal(recipientKind(await hybrid()), 'mlkem768x25519');
    }
    assert.equal((await hybrid()).length, MAX_RECIPIENT_LENGTH);
  });

  it('may be the one of the documentation of age', () => {
    assert.equal(recipientKind('age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'), 'x25519');
  });

  it('is refused in every other spelling', async () => {
    for (const text of [await x25519(), await hybrid()]) {
      const wrong = text.endsWith('q') ? 'p' : 'q';
      for (const other of [
        '',
        text.toUpperCase(),
        `A${text.slice(1)}`,
        ` ${text}`,
        `${text}\n`,
        `${text}\0`,
        `${text} ${text}`,
        `# public key: ${text}`,
        text.slice(0, -1),
        text.slice(1),
        text.slice(0, -1) + wrong,
        text.replace('age1', 'age1age1'),
        `${text}q`,
        text.replace('a', '\u0430'),
      ])
        assert.equal(recipientKind(other), undefined, JSON.stringify(other.slice(0, 80)));
    }
  });

  it('is refused with another length, prefix or padding, though its checksum holds', async () => {
    const point = bytesOf(await x25519());
    const both = bytesOf(await hybrid());
    for (const text of [
      encode('age', point.slice(1)),
      encode('age', Uint8Array.of(...point, 1)),
      encode('age', both),
      encode('age', new Uint8Array(0)),
      encode('age1pq', point),
      encode('age1pq', both.slice(1)),
      encode('age1pq', Uint8Array.of(...both, 1)),
      encode('age1tag', Uint8Array.of(2, ...point)),
      encode('age1yubikey', Uint8Array.of(2, ...point)),
      encode('bc', point),
      encode('age1pq1', both),
      encode('age', new Uint8Array(5000)),
      bech32Of('age', [...wordsOf(point), 0]),
      bech32Of('age', [...wordsOf(point).slice(0, -1), 31]),
    ])
      assert.equal(recipientKind(text), undefined, text.slice(0, 80));
  });

  it('is no identity', async () => {
    for (const identity of [await generateX25519Identity(), await generateHybridIdentity()])
      for (const text of [identity, identity.toLowerCase()]) assert.equal(recipientKind(text), undefined);
  });

  it('is no point that everybody shares a secret with', () => {
    const own = generateKeyPairSync('x25519').privateKey;
    const prime = 2n ** 255n - 19n;
    const eights = [
      325606250916557431795983626356110631294008115727848805560023387167927233504n,
      39382357235489614581723060781553021112529911719440698176882885853963445705823n,
    ];
    for (const value of [0n, 1n, ...eights, prime - 1n, prime, prime + 1n]) {
      for (const top of [0n, 2n ** 255n]) {
        const digits = (value + top).toString(16).padStart(64, '0');
        const point = Uint8Array.from(Buffer.from(digits, 'hex')).reverse();
        const jwk = { kty: 'OKP', crv: 'X25519', x: Buffer.from(point).toString('base64url') };
        const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
        assert.throws(() => diffieHellman({ privateKey: own, publicKey }), `${value}`);
        assert.equal(recipientKind(encode('age', point)), undefined, `${value}`);
      }
    }
  });

  it('of both kinds has numbers below the modulus, as ML-KEM demands', async () => {
    const good = bytesOf(await hybrid());
    for (const [at, bytes] of [
      [0, [0x01, 0x0d]],
      [1, [0x10, 0xd0]],
      [1149, [0xff, 0xff, 0xff]],
    ] as const) {
      const bad = Uint8Array.from(good);
      bad.set(bytes, at);
      assert.equal(recipientKind(encode('age1pq', bad)), undefined, String(at));
    }
    const largest = Uint8Array.from(good);
    largest.set([0x00, 0x0d, 0xd0], 0);
    assert.equal(recipientKind(encode('age1pq', largest)), 'mlkem768x25519');
  });

  it('is taken by age wherever it is taken here, and no text makes this throw', async () => {
    const seeds = [await x25519(), await hybrid()];
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.nat(),
        fc.string({ maxLength: 3, unit: 'binary' }),
        (seed, at, put) => {
          const from = at % seed.length;
          const text = seed.slice(0, from) + put + seed.slice(from + put.length);
          if (recipientKind(text) !== undefined) assert.ok(ageTakes(text));
        },
      ),
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => recipientKind(text) === undefined));
  });
});
