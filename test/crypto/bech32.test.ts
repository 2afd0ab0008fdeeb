/** Bech32 against the vectors of BIP-173. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { bytesOfWords, decodeBech32 } from '../../src/crypto/bech32.ts';
import { bech32Of, wordsOf } from '../support/bech32.ts';

const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** With what each says: its prefix, and its words in the letters that stand for them. */
const VALID: Readonly<Record<string, readonly [prefix: string, letters: string]>> = {
  A12UEL5L: ['a', ''],
  a12uel5l: ['a', ''],
  an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs: [
    'an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio',
    '',
  ],
  abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw: ['abcdef', CHARSET],
  '11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j': [
    '1',
    'q'.repeat(82),
  ],
  split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w: [
    'split',
    'checkupstagehandshakeupstreamerranterredcaperred',
  ],
  '?1ezyfcl': ['?', ''],
};

/** With why. The vectors of BIP-350, which are right but for the other constant, are none here. */
const INVALID: Readonly<Record<string, string>> = {
  'a character of the prefix that is no printable ASCII': '\x201nwldj5',
  'DEL in the prefix': '\x7f1axkwrx',
  'a character above ASCII': '\x801eym55h',
  'a prefix of 84 characters':
    'an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx',
  'no separator': 'pzry9x0s0muk',
  'an empty prefix': '1pzry9x0s0muk',
  'a character outside the set': 'x1b4n0q5v',
  'a checksum that is too short': 'li1dgmt3',
  'a character of the checksum outside the set': 'de1lg7wt\xff',
  'a checksum of the prefix in upper case': 'A1G7SGD8',
  'an empty prefix before six characters': '10a06t8',
  'an empty prefix before seven characters': '1qzzfhee',
  'mixed case': 'A12uEL5L',
  'the constant of BIP-350': 'a1lqfn3a',
  nothing: '',
};

describe('Bech32', () => {
  for (const [text, [prefix, letters]] of Object.entries(VALID)) {
    it(`decodes ${text.slice(0, 40)}`, () => {
      const words = [...letters].map((letter) => CHARSET.indexOf(letter));
      assert.deepEqual(decodeBech32(text), { prefix, words });
    });
  }

  for (const [why, text] of Object.entries(INVALID)) {
    it(`refuses ${why}`, () => assert.equal(decodeBech32(text), undefined));
  }

  it('gives back any bytes, however many', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const decoded = decodeBech32(bech32Of('age', wordsOf(bytes)));
        assert.equal(decoded?.prefix, 'age');
        assert.deepEqual(bytesOfWords(decoded?.words ?? []), Uint8Array.from(bytes));
      }),
    );
  });

  it('notices any one character that is another', () => {
    const text = bech32Of('age', wordsOf(new Uint8Array(32).fill(0x5a)));
    for (const [at, was] of [...text].entries()) {
      if (at < 4) continue;
      for (const character of CHARSET) {
        if (character === was) continue;
        assert.equal(decodeBech32(text.slice(0, at) + character + text.slice(at + 1)), undefined);
      }
    }
  });

  it('makes no bytes of words with bits left over that are set, or that fill a word of their own', () => {
    assert.deepEqual(bytesOfWords([]), new Uint8Array(0));
    assert.deepEqual(bytesOfWords([31, 28]), Uint8Array.of(255));
    assert.equal(bytesOfWords([31, 29]), undefined);
    assert.equal(bytesOfWords([31]), undefined);
    assert.equal(bytesOfWords([31, 28, 0]), undefined);
    assert.equal(bytesOfWords([0]), undefined);
  });
});
