import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeKey, encodeKey, formatLink, newKey, parseLink, SealedError } from '../../src/crypto/sealed.ts';
import { code, seededRandom } from './sealed-helpers.ts';

const key = newKey(seededRandom('link'));
const text = encodeKey(key);

describe('a link', () => {
  test('carries the key in its fragment and gives both parts back', () => {
    for (const url of ['https://paste.example/0123456789abcdefghjkmnpqrs', 'http://127.0.0.1:8080/paste/x']) {
      const link = formatLink(url, key);
      assert.equal(link, `${url}#${text}`);
      assert.deepEqual(parseLink(link), { url, key });
      assert.deepEqual(parseLink(` ${link}\n`), { url, key }, 'pasted with white space around it');
    }
  });

  test('of a plain paste has no key', () => {
    assert.deepEqual(parseLink('https://paste.example/abc'), { url: 'https://paste.example/abc' });
  });

  test('is refused where its key was cut, changed or lost, without repeating it', () => {
    const url = 'https://paste.example/abc';
    for (const fragment of [
      '',
      text.slice(1),
      `${text}.`,
      `${text}=`,
      `${text}#${text}`,
      `/${text.slice(1)}`,
    ]) {
      assert.throws(
        () => parseLink(`${url}#${fragment}`),
        (error) => code('bad_link')(error) && error instanceof SealedError && !error.message.includes('abc'),
        fragment,
      );
    }
  });

  test('is refused where it is not an address of a paste', () => {
    for (const link of [
      '',
      text,
      `#${text}`,
      `ftp://h/x#${text}`,
      `javascript:x#${text}`,
      `https://u:p@h/x#${text}`,
    ]) {
      assert.throws(() => parseLink(link), code('bad_link'), link);
    }
  });

  test('is not made out of one that has a fragment already', () => {
    assert.throws(() => formatLink(`https://h/x#${text}`, key), code('bad_link'));
    assert.throws(() => formatLink('https://h/x', key.subarray(1)), code('bad_key'));
  });
});

describe('a key', () => {
  test('is 43 characters and comes back from them', () => {
    assert.match(text, /^[A-Za-z0-9_-]{43}$/);
    assert.deepEqual(decodeKey(text), key);
    assert.equal(encodeKey(new Uint8Array(32).fill(255)), `${'_'.repeat(42)}8`);
  });

  test('is not taken from a generator that answers too little', () => {
    assert.throws(() => newKey((count) => new Uint8Array(count - 1)), code('bad_key'));
  });
});
