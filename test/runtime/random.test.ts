import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pooledRandom } from '../../runtime/random.ts';

describe('unpredictable bytes', () => {
  it('never gives the same bytes twice, across the ends of what was fetched', () => {
    const random = pooledRandom();
    const seen = new Set<string>();
    for (let i = 0; i < 2000; i += 1) seen.add(Buffer.from(random(16)).toString('hex'));
    assert.equal(seen.size, 2000);
  });

  it('gives as many as were asked for, in memory of their own', () => {
    const random = pooledRandom();
    for (const length of [0, 1, 16, 255, 256, 257, 10_000]) {
      const bytes = random(length);
      assert.equal(bytes.length, length);
      assert.equal(bytes.buffer.byteLength, length);
    }
  });
});
