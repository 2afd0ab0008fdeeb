import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { matchTotp, newTotpSecret, totpEnrolment } from '../../src/crypto/totp.ts';

const bytes = (length: number) => new Uint8Array(randomBytes(length));
/** The seed of RFC 6238 appendix B and RFC 4226 appendix D. */
const RFC_SEED = new TextEncoder().encode('12345678901234567890');

/** RFC 4226 section 5.3, written again from its text. */
function hotp(seed: Uint8Array, counter: number): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac('sha1', seed).update(message).digest();
  const offset = (mac[19] ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

describe('a code is checked as the RFCs say', () => {
  // RFC 6238 appendix B, the last six of its eight digits.
  for (const [seconds, code] of [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ] as const) {
    it(`at ${seconds} seconds it is ${code}`, () => {
      assert.equal(matchTotp(RFC_SEED, code, seconds * 1000), Math.floor(seconds / 30));
    });
  }

  it('any seed at any time gives what another implementation gives', () => {
    for (let i = 0; i < 200; i += 1) {
      const seed = bytes(20);
      const step = randomBytes(4).readUInt32BE();
      const matched = matchTotp(seed, hotp(seed, step), step * 30_000 + 29_999);
      // A code may by chance be the next step's too; then that one counts.
      assert(matched !== undefined && hotp(seed, matched) === hotp(seed, step));
    }
  });
});

describe('a clock may be off by one step and no more', () => {
  const at = 1_000_000 * 30_000;
  for (const [offset, taken] of [
    [-2, false],
    [-1, true],
    [0, true],
    [1, true],
    [2, false],
  ] as const) {
    it(`the code of step ${offset} is ${taken ? 'taken, and known for that step' : 'refused'}`, () => {
      for (const ms of [0, 15_000, 29_999]) {
        const code = hotp(RFC_SEED, 1_000_000 + offset);
        assert.equal(matchTotp(RFC_SEED, code, at + ms), taken ? 1_000_000 + offset : undefined);
      }
    });
  }

  it('at the very beginning of time there is no step before the first', () => {
    assert.equal(matchTotp(RFC_SEED, '755224', 0), 0);
    assert.equal(matchTotp(RFC_SEED, '287082', 0), 1);
    assert.equal(matchTotp(RFC_SEED, '359152', 0), undefined);
  });

  it('a code that two steps share counts for the later one, so that it cannot be used for each', () => {
    // Found by counting up: one seed in a million has such a pair.
    const seed = new Uint8Array(20);
    new DataView(seed.buffer).setUint32(0, 305_249);
    assert.equal(hotp(seed, 100), hotp(seed, 102));
    assert.equal(matchTotp(seed, hotp(seed, 100), 101 * 30_000), 102);
  });
});

describe('nothing but six ASCII digits is a code', () => {
  const now = 59_000;
  for (const code of [
    '',
    '28708',
    '2870820',
    ' 287082',
    '287082\n',
    '287 082',
    '287082 ',
    '+287082',
    '28708a',
    '٢٨٧٠٨٢',
    '２８７０８２',
    '94287082',
    '0x4616a',
    '287082\0',
  ]) {
    it(JSON.stringify(code), () => assert.equal(matchTotp(RFC_SEED, code, now), undefined));
  }

  it('a wrong one is refused', () => assert.equal(matchTotp(RFC_SEED, '287083', now), undefined));
});

describe('an enrolment', () => {
  it('holds what an authenticator app needs, as the wire spells it', () => {
    assert.deepEqual(totpEnrolment(RFC_SEED, 'reader@inbox.example'), {
      secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
      otpauth_url:
        'otpauth://totp/Sallyport:reader%40inbox.example?issuer=Sallyport&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&algorithm=SHA1&digits=6&period=30',
      issuer: 'Sallyport',
      account_name: 'reader@inbox.example',
      period_seconds: 30,
      digits: 6,
      algorithm: 'SHA1',
    });
  });

  it('spells any seed in 32 characters of base32 without padding', () => {
    for (let i = 0; i < 50; i += 1) assert.match(totpEnrolment(bytes(20), 'a').secret, /^[A-Z2-7]{32}$/);
  });

  it('takes the seed out of a larger buffer without what stands beside it', () => {
    const large = new Uint8Array(64).fill(255);
    large.set(RFC_SEED, 7);
    const view = large.subarray(7, 27);
    assert.equal(totpEnrolment(view, 'a').secret, 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    assert.equal(matchTotp(view, '287082', 59_000), 1);
  });

  it('has a seed of 20 fresh bytes', () => {
    assert.equal(newTotpSecret(bytes).length, 20);
    assert.notDeepEqual(newTotpSecret(bytes), newTotpSecret(bytes));
    assert.throws(() => newTotpSecret(() => new Uint8Array(10)), RangeError);
  });

  it('refuses a seed of another length, which could be an empty one', () => {
    assert.throws(() => matchTotp(new Uint8Array(), '328482', 0), RangeError);
    assert.throws(() => totpEnrolment(new Uint8Array(16), 'a'), RangeError);
  });
});
