import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { nodeSha256 } from '../../runtime/digest.ts';
import { hashWith, hex, hmacSha256, sha256, sha256Hex } from '../../src/crypto/hash.ts';

const LENGTHS = [0, 1, 31, 32, 55, 56, 63, 64, 65, 127, 128, 1000];

function compares(): void {
  for (const text of ['', 'abc', 'é€😀'.repeat(30), '\ud800 alone'])
    assert.equal(sha256Hex(text), createHash('sha256').update(Buffer.from(text)).digest('hex'));
  for (const length of LENGTHS) {
    const data = Uint8Array.from(randomBytes(length));
    assert.equal(hex(sha256(data)), createHash('sha256').update(data).digest('hex'));
    for (const keyLength of [0, 16, 32, 64, 65, 200]) {
      const key = Uint8Array.from(randomBytes(keyLength));
      assert.equal(hex(hmacSha256(key, data)), createHmac('sha256', key).update(data).digest('hex'));
    }
  }
}

describe('SHA-256 and HMAC of short inputs', () => {
  it('are what every other program computes', compares);

  it('refuse what is no SHA-256 in their place', () => {
    const { bytes, hexOfText } = nodeSha256;
    assert.throws(() => hashWith({ bytes: () => new Uint8Array(32), hexOfText }), /not SHA-256/);
    assert.throws(() => hashWith({ bytes, hexOfText: () => '0'.repeat(64) }), /not SHA-256/);
    assert.throws(
      () => hashWith({ bytes, hexOfText: (text) => hexOfText(text).toUpperCase() }),
      /not SHA-256/,
    );
    compares();
  });

  it("are the same with the runtime's own", () => {
    hashWith(nodeSha256);
    compares();
  });
});
