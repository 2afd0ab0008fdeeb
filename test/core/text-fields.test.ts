import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fault } from '../../src/core/faults.ts';
import { type TextRule, textOf, wordOf } from '../../src/core/text-fields.ts';

const ONE: TextRule = { fault: 'invalid_label', mostBytes: 10 };
const LINES: TextRule = { fault: 'invalid_notes', mostBytes: 10, lines: true };
const refuses = (value: unknown, rule: TextRule) =>
  assert.throws(
    () => textOf(value, rule),
    (error) => error instanceof Fault && error.kind === rule.fault,
    JSON.stringify(value),
  );

describe('a text of a client', () => {
  it('loses the white space around it, and keeps that in it', () => {
    for (const space of [' ', '\t', '\n', '\r\n', '\u00a0', '\u2003', '\u3000', '\ufeff', '\u2028'])
      assert.equal(textOf(`${space}a  b${space}`, ONE), 'a  b', JSON.stringify(space));
  });

  it('is none where it is absent, null, or nothing but white space', () => {
    for (const value of [undefined, null, '', ' ', '\n\t ', '\u00a0'.repeat(500)])
      assert.equal(textOf(value, ONE), undefined);
  });

  it('is counted in bytes of UTF-8, after trimming', () => {
    for (const text of ['a'.repeat(10), '\u00e4'.repeat(5), '\u20ac'.repeat(3), '\u{1f600}\u{1f600}aa']) {
      assert.equal(textOf(` ${text} `, ONE), text);
      refuses(`${text}\u00e4`, ONE);
    }
    refuses('a'.repeat(11), ONE);
    refuses('a'.repeat(1_000_000), ONE);
  });

  it('is a string', () => {
    for (const value of [0, 1, true, false, [], ['a'], {}, { length: 1 }, 1n, Symbol('a'), () => 'a'])
      assert.throws(() => textOf(value, ONE), Fault);
  });

  it('has whole characters alone', () => {
    for (const text of ['\ud800', 'a\udc00', '\udc00\ud800']) refuses(text, ONE);
  });

  it('has no control characters, but for tabs and ends of lines where it may have lines', () => {
    for (let code = 0; code < 0xa0; code += 1) {
      if (code >= 0x20 && code < 0x7f) continue;
      const text = `a${String.fromCharCode(code)}b`;
      refuses(text, ONE);
      if (['\t', '\n', '\r'].includes(text.charAt(1))) assert.equal(textOf(text, LINES), text);
      else refuses(text, LINES);
    }
  });

  it('is kept as it is otherwise: markup, other scripts, what joins and reorders letters', () => {
    for (const text of ['<b>&amp;', "'; --", '\u0627\u0644', 'e\u0301', '\u200b\u202e', '\ufffd'])
      assert.equal(textOf(text, ONE), text);
  });
});

describe('a word out of a list', () => {
  const WORDS = ['one', 'two'] as const;
  const word = (value: unknown) => wordOf(value, WORDS, 'invalid_sharing_state');

  it('is found without the white space around it', () => {
    assert.equal(word('one'), 'one');
    assert.equal(word(' two\n'), 'two');
  });

  it('is none where it is absent, null or empty', () => {
    for (const value of [undefined, null, '', '  ']) assert.equal(word(value), undefined);
  });

  it('is refused where the list does not have it', () => {
    for (const value of [
      'three',
      'One',
      'one,two',
      'on\u0435',
      0,
      1,
      true,
      ['one'],
      {},
      'toString',
      '__proto__',
    ])
      assert.throws(() => word(value), new Fault('invalid_sharing_state'));
  });
});
