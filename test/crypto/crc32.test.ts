import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { crc32 } from '../../src/crypto/crc32.ts';

const ascii = (text: string) => new TextEncoder().encode(text);

describe('CRC-32 in plain JavaScript', () => {
  it('has the check value of the standard', () => {
    assert.equal(crc32(ascii('123456789'), 0), 0xcbf43926);
  });

  it('is 0 of nothing, and nothing changes it', () => {
    assert.equal(crc32(new Uint8Array(), 0), 0);
    assert.equal(crc32(new Uint8Array(), 0xcbf43926), 0xcbf43926);
  });

  it('is what zlib says, for every short length and at every place in a buffer', () => {
    const bytes = randomBytes(300);
    for (let length = 0; length <= 64; length += 1) {
      for (let start = 0; start < 16; start += 1) {
        const part = bytes.subarray(start, start + length);
        assert.equal(crc32(part, 0), zlibCrc32(part), `${length} from ${start}`);
      }
    }
  });

  it('is what zlib says of bytes with the highest bit set, and of a megabyte', () => {
    for (const bytes of [new Uint8Array(1000).fill(255), new Uint8Array(1000), randomBytes(1024 * 1024 + 3)])
      assert.equal(crc32(bytes, 0), zlibCrc32(bytes));
  });

  it('goes on where it stopped, however the bytes were cut', () => {
    const bytes = randomBytes(5000);
    for (const cuts of [[1], [7, 8, 9], [4096], [0, 5000], [2500, 2501, 2502]]) {
      let [at, sum] = [0, 0];
      for (const cut of [...cuts, bytes.length]) {
        sum = crc32(bytes.subarray(at, cut), sum);
        at = cut;
      }
      assert.equal(sum, zlibCrc32(bytes), String(cuts));
    }
  });
});
