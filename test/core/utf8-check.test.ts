/** Whether a body is text: the same answer from a decoder and from the runtime, whatever pieces it comes in. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { checkUtf8With, Utf8Check } from '../../src/core/utf8-check.ts';
import { rounds, seeded } from '../support/seed.ts';

const WHOLE = ['a', 'ä', '€', '🙂', '\u{feff}', '\0'].map((text) => [...new TextEncoder().encode(text)]);
/** Characters cut short, bytes that only follow, surrogates, what is written longer than need be, what is none. */
const BROKEN = [
  [0xc3],
  [0xe2, 0x82],
  [0xf0, 0x9f, 0x99],
  [0x80],
  [0xed, 0xa0, 0x80],
  [0xe0, 0x80, 0x80],
  [0xf0, 0x80, 0x80, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xc0, 0x80],
  [0xff],
];

/** Mostly valid, else nothing would be looked at to its end. */
const units = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...WHOLE) },
    { weight: 1, arbitrary: fc.constantFrom(...BROKEN) },
  ),
  { maxLength: 8 },
);

function check(bytes: Uint8Array, lengths: readonly number[]): boolean {
  const utf8 = new Utf8Check();
  let at = 0;
  for (const length of lengths) {
    utf8.update(bytes.slice(at, at + length));
    at += length;
  }
  utf8.update(bytes.slice(at));
  return utf8.finish();
}

const agrees = (t: TestContext) =>
  fc.assert(
    fc.property(units, fc.array(fc.nat(4), { maxLength: 12 }), (parts, lengths) => {
      const bytes = Uint8Array.from(parts.flat());
      assert.equal(check(bytes, lengths), isUtf8(bytes));
    }),
    { seed: seeded(t).below(2 ** 31), numRuns: rounds(1000) },
  );

describe('bytes in pieces are valid UTF-8 where they are as a whole', () => {
  it('as a decoder sees it', (t) => agrees(t));

  it('refuses to ask what does not know UTF-8', () => {
    for (const wrong of [() => true, () => false, (bytes: Uint8Array) => bytes.length > 1])
      assert.throws(() => checkUtf8With(wrong), /does not know UTF-8/);
  });

  it('as the runtime sees it', (t) => {
    checkUtf8With(isUtf8);
    agrees(t);
  });
});
