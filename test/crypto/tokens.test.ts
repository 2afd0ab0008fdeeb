import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  decodeBase64,
  decodePaddedBase64,
  encodeBase64,
  encodePaddedBase64,
} from '../../src/crypto/base64.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';
import {
  deleteToken,
  encodePasteId,
  idempotentPasteId,
  isPasteId,
  pasteRef,
  randomToken,
  tokenHash,
} from '../../src/crypto/tokens.ts';

const keys = openKeyring(new Uint8Array(32).fill(1));
const other = openKeyring(new Uint8Array(32).fill(2));
const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });

describe('paste ids', () => {
  it('are 16 bytes in lower-case Crockford base32, as in a ULID', () => {
    assert.equal(encodePasteId(new Uint8Array(16)), '0'.repeat(26));
    assert.equal(encodePasteId(new Uint8Array(16).fill(255)), `7${'z'.repeat(25)}`);
    assert.equal(encodePasteId(new Uint8Array(16).fill(0).with(15, 33)), `${'0'.repeat(24)}11`);
  });

  it('are the number that the bytes are, written to the base of 32', () => {
    fc.assert(
      fc.property(sixteen, (bytes) => {
        const id = encodePasteId(bytes);
        let number = 0n;
        for (const byte of bytes) number = number * 256n + BigInt(byte);
        let read = 0n;
        for (const c of id) read = read * 32n + BigInt('0123456789abcdefghjkmnpqrstvwxyz'.indexOf(c));
        assert.equal(read, number);
        assert.ok(isPasteId(id));
      }),
    );
  });

  it('are never made of more or fewer bytes', () => {
    for (const length of [0, 15, 17]) {
      assert.throws(() => encodePasteId(new Uint8Array(length)), RangeError);
    }
  });

  it('are told from everything else', () => {
    const id = encodePasteId(new Uint8Array(16).fill(0xa5));
    const wrong = ['', id.slice(1), `${id}0`, id.toUpperCase(), `${id}\n`, ` ${id.slice(1)}`];
    for (const letter of ['i', 'l', 'o', 'u', '-', 'é', '%']) wrong.push(`${letter}${id.slice(1)}`);
    assert.ok(isPasteId(id));
    for (const text of wrong) assert.ok(!isPasteId(text), JSON.stringify(text));
  });

  it('are stored as the first half of their SHA-256', () => {
    assert.equal(pasteRef('0'.repeat(26)), tokenHash('0'.repeat(26)).slice(0, 32));
    assert.match(pasteRef('0'.repeat(26)), /^[0-9a-f]{32}$/);
  });
});

describe('tokens', () => {
  it('that delete belong to one id and one secret, and can be made again', () => {
    const token = deleteToken(keys, 'a');
    assert.match(token, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(deleteToken(keys, 'a'), token);
    assert.notEqual(deleteToken(keys, 'b'), token);
    assert.notEqual(deleteToken(other, 'a'), token);
  });

  it('are hashed with SHA-256', () => {
    // FIPS 180-4, the example "abc".
    assert.equal(tokenHash('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });

  it('that are random hold 32 bytes of what the generator gives', () => {
    assert.equal(
      randomToken((n) => new Uint8Array(n).fill(0xff)),
      `${'_'.repeat(42)}8`,
    );
  });
});

describe('the id of a create under an idempotency key', () => {
  it('comes back for the same nonce and key, and for no other', () => {
    const id = idempotentPasteId(keys, '00ff', 'key');
    assert.ok(isPasteId(id));
    assert.equal(idempotentPasteId(keys, '00ff', 'key'), id);
    const others = [
      idempotentPasteId(other, '00ff', 'key'),
      idempotentPasteId(keys, '00fe', 'key'),
      idempotentPasteId(keys, '00ff', 'kez'),
    ];
    assert.ok(!others.includes(id));
  });

  it('takes no nonce that could run into the key', () => {
    for (const nonce of ['', '00FF', '00:ff', 'xy']) {
      assert.throws(() => idempotentPasteId(keys, nonce, 'key'), RangeError);
    }
  });
});

describe('base64', () => {
  it('reads what it wrote, and agrees with the platform', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = encodeBase64(bytes);
        assert.equal(text, Buffer.from(bytes).toString('base64').replaceAll('=', ''));
        assert.deepEqual(decodeBase64(text), Uint8Array.from(bytes));
        const padded = encodePaddedBase64(bytes);
        assert.equal(padded, Buffer.from(bytes).toString('base64'));
        assert.deepEqual(decodePaddedBase64(padded), Uint8Array.from(bytes));
      }),
    );
  });

  it('has one spelling only', () => {
    for (const text of ['A', 'AA==', 'AB', 'AAB', 'A-AA', 'A_AA', 'AA A', 'AAAA\n', '=']) {
      assert.equal(decodeBase64(text), undefined, JSON.stringify(text));
    }
    assert.deepEqual(decodeBase64('+/+/'), Uint8Array.of(0xfb, 0xff, 0xbf));
    const padded = ['AQI', 'AQJ=', 'AQ I=', 'AQI=\n', 'A-I=', 'A===', '====', 'AQ=', 'AQID====', 'AQ==AQID'];
    for (const text of padded) assert.equal(decodePaddedBase64(text), undefined, JSON.stringify(text));
    assert.deepEqual(decodePaddedBase64('AQI='), Uint8Array.of(1, 2));
  });
});
