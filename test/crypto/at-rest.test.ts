import assert from 'node:assert/strict';
import { createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { openAtRest, resealAtRest, sealAtRest } from '../../src/crypto/at-rest.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';

const bytes = (length: number) => new Uint8Array(randomBytes(length));
const SECRET = bytes(32);
const keys = openKeyring(SECRET);
const PURPOSE = 'totp-at-rest';
const ROW = ['acct_1', 'sf_1'];
const PLAIN = bytes(20);
const seal = () => sealAtRest(keys, PURPOSE, ROW, PLAIN, bytes);

describe('what is sealed for a row', () => {
  it('opens there', async () => {
    for (const length of [0, 1, 20, 1000]) {
      const plain = bytes(length);
      const sealed = await sealAtRest(keys, PURPOSE, ROW, plain, bytes);
      assert.equal(sealed.length, 1 + 12 + length + 16);
      assert.deepEqual(await openAtRest(keys, PURPOSE, ROW, sealed), plain);
    }
  });

  it('is what the documented format says, to another implementation', async () => {
    const sealed = await seal();
    const subkey = hkdfSync('sha256', SECRET, '', `sallyport/1 ${PURPOSE}`, 32);
    const key = createHmac('sha256', Buffer.from(subkey)).update('aes-256-gcm').digest();
    const open = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13));
    open.setAAD(Buffer.concat([Buffer.of(1), Buffer.from(JSON.stringify([PURPOSE, ...ROW]))]));
    open.setAuthTag(sealed.subarray(-16));
    assert.equal(sealed[0], 1);
    const plain = Buffer.concat([open.update(sealed.subarray(13, -16)), open.final()]);
    assert.deepEqual(new Uint8Array(plain), PLAIN);
  });

  it('does not show what it holds, and looks different each time', async () => {
    const [one, two] = [await seal(), await seal()];
    assert.equal(Buffer.from(one).indexOf(PLAIN), -1);
    assert.notDeepEqual(one, two);
    assert.notDeepEqual(one.subarray(1, 13), two.subarray(1, 13));
  });

  it('opens as a view into a larger buffer, which is how a driver may hand it over', async () => {
    const sealed = await seal();
    const large = new Uint8Array(sealed.length + 10);
    large.set(sealed, 5);
    assert.deepEqual(await openAtRest(keys, PURPOSE, ROW, large.subarray(5, 5 + sealed.length)), PLAIN);
  });
});

describe('it opens nowhere else', () => {
  for (const [what, row] of [
    ["in another account's row", ['acct_2', 'sf_1']],
    ["in another factor's row", ['acct_1', 'sf_2']],
    ['with the parts the other way round', ['sf_1', 'acct_1']],
    ['with the parts run together', ['acct_1sf_1']],
    ['with a part cut elsewhere', ['acct_1s', 'f_1']],
    ['without a row', []],
  ] as const) {
    it(what, async () => assert.equal(await openAtRest(keys, PURPOSE, row, await seal()), undefined));
  }

  it('under another secret', async () => {
    assert.equal(await openAtRest(openKeyring(bytes(32)), PURPOSE, ROW, await seal()), undefined);
  });

  it('with any one bit changed', async () => {
    const sealed = await seal();
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = new Uint8Array(sealed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(await openAtRest(keys, PURPOSE, ROW, changed), undefined);
    }
  });

  it('cut anywhere, or with something behind it', async () => {
    const sealed = await seal();
    for (let length = 0; length < sealed.length; length += 1) {
      assert.equal(await openAtRest(keys, PURPOSE, ROW, sealed.subarray(0, length)), undefined);
    }
    assert.equal(await openAtRest(keys, PURPOSE, ROW, new Uint8Array([...sealed, 0])), undefined);
  });
});

describe('changing the secret', () => {
  const next = openKeyring(bytes(32));

  it('seals the same again under the new one', async () => {
    const resealed = await resealAtRest({ from: keys, to: next }, PURPOSE, ROW, await seal(), bytes);
    assert(resealed !== undefined);
    assert.deepEqual(await openAtRest(next, PURPOSE, ROW, resealed), PLAIN);
    assert.equal(await openAtRest(keys, PURPOSE, ROW, resealed), undefined);
  });

  it('leaves alone what the old one does not open', async () => {
    assert.equal(await resealAtRest({ from: next, to: keys }, PURPOSE, ROW, await seal(), bytes), undefined);
  });
});

it('a source of too few random bytes is a defect, not a weak nonce', async () => {
  await assert.rejects(
    sealAtRest(keys, PURPOSE, ROW, PLAIN, () => new Uint8Array(4)),
    RangeError,
  );
});
