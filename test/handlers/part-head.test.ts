/** The heads of a form and of its parts, which are read in one way or not at all. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Fault } from '../../src/core/faults.ts';
import { boundaryOf } from '../../src/handlers/kit/part-head.ts';
import { BOUNDARY } from '../support/uploads.ts';
import { lines, outcome, read } from './forms.ts';

describe('the head of a part', () => {
  const heads = (...headers: string[]) => lines(`--${BOUNDARY}`, ...headers, '', 'x', `--${BOUNDARY}--`, '');
  const named = 'Content-Disposition: form-data; name="a"';

  it('quotes names as clients do', async () => {
    for (const [disposition, filename] of [
      ['filename="\\"quoted\\".opus"', '"quoted".opus'],
      ['filename="C:\\media\\x.opus"', 'C:\\media\\x.opus'],
      ['filename="; name=b; "', '; name=b; '],
      ['filename="%22.opus"', '%22.opus'],
      ['filename=plain.opus', 'plain.opus'],
      ['filename=""', ''],
      ['filename="é漢🎙"', 'é漢🎙'],
    ]) {
      assert.deepEqual(await read(heads(`${named}; ${disposition}`)), [{ name: 'a', filename, data: 'x' }]);
    }
  });

  it('takes nothing from filename*, which forms do not have', async () => {
    const both = `${named}; filename="a.opus"; filename*=UTF-8''%2e%2e%2Fb`;
    assert.deepEqual(await read(heads(both)), [{ name: 'a', filename: 'a.opus', data: 'x' }]);
    assert.deepEqual(await read(heads(`${named}; filename*=UTF-8''%ff%`)), [{ name: 'a', data: 'x' }]);
  });

  it('may say that nothing was encoded', async () => {
    for (const encoding of ['7bit', '8BIT', 'binary'])
      assert.deepEqual(await read(heads(named, `Content-Transfer-Encoding: ${encoding}`)), [
        { name: 'a', data: 'x' },
      ]);
  });

  for (const [what, ...headers] of [
    ['without a name', 'Content-Disposition: form-data'],
    ['without a disposition', 'Content-Type: text/plain'],
    ['with nothing in it'],
    ['of another disposition', 'Content-Disposition: attachment; name="a"'],
    ['with two dispositions', named, named],
    ['with two names', `${named}; name="b"`],
    ['with two names in other letters', `${named}; NAME="b"`],
    ['with an open quote', 'Content-Disposition: form-data; name="a'],
    ['with text after its parameters', `${named} and more`],
    ['with an empty parameter', `${named};`],
    ['with a line that is no header', named, 'and this'],
    ['with a space before the colon', 'Content-Disposition : form-data; name="a"'],
    ['with a folded line', 'Content-Disposition: form-data;', ' name="a"'],
    ['with a folded line after it', named, '\tfolded'],
    ['with a bare line feed', `${named}\nX: y`],
    ['with a bare carriage return', `${named}\rX: y`],
    ['with a NUL', `${named}\0`],
    ['with base64', named, 'Content-Transfer-Encoding: base64'],
    ['with quoted-printable', named, 'Content-Transfer-Encoding: quoted-printable'],
    ['with a nameless header', named, ': value'],
    ['that never ends', named, `X: ${'x'.repeat(9000)}`],
    ['of ten thousand headers', named, ...Array.from({ length: 10_000 }, (_, i) => `X-${i}: y`)],
  ] as const) {
    it(`${what} is malformed`, async () => {
      assert.equal(await outcome(heads(...headers)), 'invalid_multipart');
      assert.equal(await outcome(heads(...headers), () => 1), 'invalid_multipart');
    });
  }

  it('that is not UTF-8 is malformed', async () => {
    const latin = Buffer.from(heads(`${named}; filename="\xe9"`), 'latin1');
    assert.equal(await outcome(latin), 'invalid_multipart');
  });

  it('costs no more the more spaces it has', { timeout: 20_000 }, async () => {
    for (const filler of [' ', '\t', '; ', ';a=', '"', '\\', '\u2028'])
      await outcome(heads(`${named}${filler.repeat(8000 / Buffer.byteLength(filler))}\u2028`));
  });
});

describe('the boundary in Content-Type', () => {
  it('is read with and without quotes', () => {
    assert.equal(boundaryOf('multipart/form-data; boundary=abc'), 'abc');
    assert.equal(boundaryOf('Multipart/Form-Data;BOUNDARY="a b:c=?"'), 'a b:c=?');
    assert.equal(boundaryOf('multipart/form-data; charset=utf-8 ; boundary=----x'), '----x');
    assert.equal(boundaryOf(`multipart/form-data; boundary=${'x'.repeat(70)}`), 'x'.repeat(70));
  });

  for (const wrong of [
    null,
    '',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="ends with a space "',
    'multipart/form-data; boundary="new\\\nline"',
    'multipart/form-data; boundary="é"',
    'multipart/form-data; boundary=a; boundary=b',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
    'multipart/mixed; boundary=abc',
    'application/json',
    'application/x-www-form-urlencoded; boundary=abc',
    'multipart/form-data, multipart/form-data; boundary=abc',
  ]) {
    it(`is missing in ${JSON.stringify(wrong)?.slice(0, 60)}`, () => {
      assert.throws(
        () => boundaryOf(wrong),
        (error) => error instanceof Fault && error.kind === 'invalid_multipart',
      );
    });
  }
});
