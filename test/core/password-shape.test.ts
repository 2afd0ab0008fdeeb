/** Which passwords are called easy to guess, where an operator asks for that, and which are not. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isObvious } from '../../src/core/password-shape.ts';

const AROUND = { username: 'ada.lovelace', email: 'ada@analytical.example', words: ['Acme', 'Night-Shift'] };
const obvious = (password: string) => isObvious(password, AROUND);

for (const [what, password] of [
  ['one sign over and over', 'aaaaaaaaaaaaaaaa'],
  ['one sign with spaces', 'a a a a a a a a'],
  ['one sign of several bytes', 'é'.repeat(20)],
  ['few signs over and over', 'abcabcabcabcabc'],
  ['no letters, one sign', '............'],
  ['a row of letters', 'abcdefghijklmnop'],
  ['a row of letters backwards', 'ponmlkjihgfedcba'],
  ['a row of digits', '123456789012345'],
  ['a row with something in between', '1-2-3-4-5-6-7'],
  ['a row of digits backwards', '9876543210987'],
  ['the name of the account', 'ada.lovelace'],
  ['the name, in capitals and with a year', 'AdaLovelace2026!'],
  ['half of the name, twice', 'lovelace lovelace'],
  ['the address', 'ada@analytical.example'],
  ['its domain', 'analytical-2026'],
  ['our own name', 'sallyport1234'],
  ['our own name, spread out', 's.a.l.l.y.p.o.r.t 99'],
  ['our own name in full-width letters', 'ｓａｌｌｙｐｏｒｔ１２３'],
  ['a word of the operator', 'acme-acme-acme-1'],
  ['a word of the operator, written otherwise', 'nightshift 2026'],
  ['all of them', 'acme sallyport lovelace'],
] as const) {
  it(`${what} is easy to guess`, () => assert.equal(obvious(password), true, password));
}

for (const [what, password] of [
  ['a phrase', 'correct horse battery'],
  ['a phrase with the name in it', 'ada has two green umbrellas'],
  ['a phrase with our name in it', 'sallyport of the western tower'],
  ['random letters', 'qzv7-kk2p-9x4m'],
  ['random digits', '839201847562'],
  ['a phrase in another script', 'белая лошадь бежит'],
  ['Chinese', '正确的马电池订书钉'],
  ['random signs alone', '!"§$%&/()=?*+~'],
  ['random signs and a digit', '!"§$%&/7()=?*+~'],
  ['letters that hold two of ours', 'nacreous mechanism'],
] as const) {
  it(`${what} is not`, () => assert.equal(obvious(password), false, password));
}

it('a name of two letters is in too many passwords to count', () => {
  assert.equal(isObvious('correct horse', { username: 'a.b', words: [] }), false);
  assert.equal(isObvious('kxkxkxkzw.jq', { username: 'kx.', words: [] }), false);
});

it('a long password is looked at in no time to speak of, whatever the words are', () => {
  const words = Array.from({ length: 256 }, (_, n) => `word${n}`);
  assert.equal(isObvious('word1'.repeat(51), { username: 'somebody', words }), true);
});
