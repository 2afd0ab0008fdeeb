import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { sha256, utf8 } from '../../src/crypto/hash.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';
import {
  CHALLENGE_LIFETIME_MS,
  checkWork,
  hasLeadingZeroBits,
  MAX_DIFFICULTY,
  makeChallenge,
  solve,
} from '../../src/crypto/pow.ts';
import { tokenHash } from '../../src/crypto/tokens.ts';

const keys = openKeyring(new Uint8Array(32).fill(1));
const NOW = Date.UTC(2026, 10, 1);
const PEER = '192.0.2.7';
const random = (length: number) => Uint8Array.from(randomBytes(length));

function solved(difficulty: number) {
  const { token, expiresAt } = makeChallenge(keys, { peer: PEER, difficulty, now: NOW, random });
  const solution = solve(token, difficulty, 0, 2 ** (difficulty + 8));
  assert.ok(solution !== undefined);
  return { token, solution, expiresAt };
}

describe('proof of work', () => {
  const difficulty = 10;
  const { token, solution, expiresAt } = solved(difficulty);
  const work = { token, solution, peer: PEER, difficulty, now: NOW };

  it('that was done is accepted, with the name under which it is spent', () => {
    assert.deepEqual(checkWork(keys, work), { kind: 'ok', tokenHash: tokenHash(token), expiresAt });
    assert.equal(expiresAt, NOW + CHALLENGE_LIFETIME_MS);
    assert.match(token, /^[A-Za-z0-9_-]{48}$/);
  });

  it('means that SHA-256 of token, colon and solution begins with that many zero bits', () => {
    const hash = sha256(utf8(`${token}:${solution}`));
    assert.equal((((hash[0] ?? 255) << 8) | (hash[1] ?? 255)) >> 6, 0);
  });

  it('counts until the very millisecond in which it expires, and is told apart afterwards', () => {
    assert.equal(checkWork(keys, { ...work, now: expiresAt - 1 }).kind, 'ok');
    assert.deepEqual(checkWork(keys, { ...work, now: expiresAt }), {
      kind: 'expired',
      tokenHash: tokenHash(token),
      expiresAt,
    });
  });

  it('is worth nothing to another peer, under another secret, or where more is demanded', () => {
    const invalid = { kind: 'invalid' };
    assert.deepEqual(checkWork(keys, { ...work, peer: '192.0.2.8' }), invalid);
    assert.deepEqual(checkWork(openKeyring(new Uint8Array(32).fill(2)), work), invalid);
    assert.deepEqual(checkWork(keys, { ...work, difficulty: difficulty + 1 }), invalid);
  });

  it('that was done for more than is demanded is accepted', () => {
    assert.equal(checkWork(keys, { ...work, difficulty: difficulty - 1 }).kind, 'ok');
  });

  it('must meet what its token says, also where less is demanded', () => {
    let candidate = 0;
    let weak: string | undefined;
    while (weak === undefined) {
      const found = solve(token, 4, candidate, 1);
      if (found !== undefined && solve(token, 10, candidate, 1) === undefined) weak = found;
      candidate += 1;
    }
    assert.deepEqual(checkWork(keys, { ...work, solution: weak, difficulty: 4 }), { kind: 'invalid' });
  });

  it('that is wrong stays wrong when it has expired', () => {
    const late = { ...work, now: expiresAt, solution: 'not the solution' };
    assert.deepEqual(checkWork(keys, late), { kind: 'invalid' });
  });

  it('is refused whichever bit of its token is flipped', () => {
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Uint8Array.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const forged = Buffer.from(flipped).toString('base64url');
      // Solved anew, so that it is the signature that refuses it.
      const again = solve(forged, difficulty, 0, 2 ** 18);
      assert.ok(again !== undefined);
      assert.deepEqual(checkWork(keys, { ...work, token: forged, solution: again }), { kind: 'invalid' });
    }
  });

  it('is refused, and nothing thrown, whatever a client sends as token or solution', () => {
    const texts = ['', token.slice(1), `${token}A`, `${token}=`, token.replace(/./, '+'), 'é'.repeat(48)];
    for (const text of texts) {
      assert.deepEqual(checkWork(keys, { ...work, token: text }), { kind: 'invalid' });
    }
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'binary' }), (a, b) => {
        assert.equal(checkWork(keys, { ...work, token: a, solution: b }).kind, 'invalid');
        assert.equal(checkWork(keys, { ...work, solution: `\n${b}` }).kind, 'invalid');
      }),
    );
  });

  it('takes solutions of 1 to 128 printable ASCII characters', () => {
    const free = makeChallenge(keys, { peer: PEER, difficulty: 0, now: NOW, random });
    const judged = (text: string) =>
      checkWork(keys, { ...work, token: free.token, solution: text, difficulty: 0 }).kind;
    for (const text of ['a', ' ', '~', 'x'.repeat(128)]) assert.equal(judged(text), 'ok');
    for (const text of ['', '\x1f', '\x7f', 'é', 'x'.repeat(129), 'x\n'])
      assert.equal(judged(text), 'invalid');
  });

  it('is never made for a difficulty that is no number of bits', () => {
    for (const bits of [-1, 1.5, Number.NaN, MAX_DIFFICULTY + 1]) {
      assert.throws(
        () => makeChallenge(keys, { peer: PEER, difficulty: bits, now: NOW, random }),
        RangeError,
      );
    }
  });

  it('gives up after as many candidates as it was allowed', () => {
    assert.equal(solve(token, 64, 0, 100), undefined);
  });
});

describe('leading zero bits', () => {
  it('are counted from the most significant bit of the first byte', () => {
    const hash = Uint8Array.of(0, 0b0001_1111, 0xff);
    for (let bits = 0; bits <= 11; bits += 1) assert.ok(hasLeadingZeroBits(hash, bits), String(bits));
    for (let bits = 12; bits <= 40; bits += 1) assert.ok(!hasLeadingZeroBits(hash, bits), String(bits));
    assert.ok(hasLeadingZeroBits(new Uint8Array(3), 24));
    assert.ok(!hasLeadingZeroBits(new Uint8Array(3), 25), 'more bits than there are');
  });
});
