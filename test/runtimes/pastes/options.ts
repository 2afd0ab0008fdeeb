/** The options of a create: expiry, burn, password, access hash. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { created, type Door, info, post, raw, refused, words } from '../../support/door.ts';

/** A text as RFC 8187 wants it. */
export function encodePassword(text: string): string {
  const encoded = encodeURIComponent(text).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `UTF-8''${encoded}`;
}

export const sha256Hex = (text: string) => createHash('sha256').update(text).digest('hex');

export function options(open: () => Door): void {
  const livesFor = async (expiry: string) => {
    const paste = await created(open(), words(), { 'x-expiry': expiry });
    return (Date.parse(paste.expires_at) - Date.parse(paste.created_at)) / 1000;
  };

  describe('X-Expiry', () => {
    for (const [value, seconds] of [
      ['1', 1],
      ['3600', 3600],
      ['0060', 60],
      ['2592000', 2_592_000],
      ['2592001', 2_592_000],
      ['999999999999999', 2_592_000],
      ['9'.repeat(400), 2_592_000],
    ] as const) {
      it(`${value.slice(0, 20)} gives ${seconds} seconds`, async () => {
        assert.equal(await livesFor(value), seconds);
      });
    }

    for (const value of [
      '0',
      '-1',
      '+1',
      '1.5',
      '1e3',
      '1h',
      '0x10',
      '',
      'soon',
      '1 2',
      '60, 60',
      'NaN',
      '\u00b2',
    ]) {
      it(`${JSON.stringify(value)} is refused`, async () => {
        refused(await post(open(), words(), { 'x-expiry': value }), 400, 'invalid_expiry');
      });
    }

    it('sent twice is refused', async () => {
      refused(await post(open(), words(), { 'x-expiry': ['60', '60'] }), 400, 'invalid_expiry');
    });
  });

  describe('X-Burn-After-Read', () => {
    for (const [value, burns] of [
      ['true', true],
      ['1', true],
      ['yes', true],
      ['false', false],
      ['0', false],
      ['no', false],
    ] as const) {
      it(`${value} means ${burns}`, async () => {
        const paste = await created(open(), words(), { 'x-burn-after-read': value });
        assert.equal(paste.burn_after_read, burns);
        assert.equal((await info(open(), paste.id)).json.burn_after_read, burns);
      });
    }

    for (const value of ['', 'on', '2', 'y', 'true, true', 'null', 'constructor', '__proto__']) {
      it(`${JSON.stringify(value)} is refused`, async () => {
        refused(await post(open(), words(), { 'x-burn-after-read': value }), 400, 'invalid_burn');
      });
    }
  });

  describe('X-Paste-Password', () => {
    const spellings: [string, string, string][] = [
      ['visible ASCII', '!"#$%&()*+,-./09:;<=>?@AZ[]^_`az{|}~', '!"#$%&()*+,-./09:;<=>?@AZ[]^_`az{|}~'],
      ['one character', 'x', 'x'],
      ['inner spaces', 'correct horse  battery', 'correct horse  battery'],
      ['percent signs that mean themselves', '100%41', '100%41'],
      ['1024 bytes', 'p'.repeat(1024), 'p'.repeat(1024)],
      ['any text in RFC 8187 form', encodePassword('pässwörd 密码'), encodePassword('pässwörd 密码')],
      ['plain ASCII in RFC 8187 form, read back plainly', "UTF-8''abc%20d", 'abc d'],
      ['plain ASCII, read back in RFC 8187 form', 'abc d', "utf-8''%61bc%20%64"],
      ['outer spaces in RFC 8187 form', "UTF-8''%20x%20", "utf-8''%20x%20"],
    ];
    for (const [name, set, shown] of spellings) {
      it(`can be ${name}`, async () => {
        const paste = await created(open(), words(), { 'x-paste-password': set });
        assert.equal(paste.password_protected, true);
        refused(await raw(open(), paste.id), 401, 'password_required');
        assert.equal((await raw(open(), paste.id, { 'x-paste-password': shown })).status, 200);
      });
    }

    const refusals: [string, string][] = [
      ['empty', ''],
      ['empty in RFC 8187 form', "UTF-8''"],
      ['over 1024 bytes', 'p'.repeat(1025)],
      ['over 1024 bytes once decoded', encodePassword('é'.repeat(513))],
      ['a raw Latin-1 letter', 'p\u00e4ss'],
      ['raw UTF-8 bytes', 'p\u00c3\u00a4ss'],
      ['a tab', 'a\tb'],
      ['RFC 8187 that ends in the middle', "UTF-8''%4"],
      ['RFC 8187 that is not hexadecimal', "UTF-8''%zz"],
      ['RFC 8187 that is not UTF-8', "UTF-8''%ff"],
      ['RFC 8187 with half a surrogate pair', "UTF-8''%ed%a0%80"],
      ['RFC 8187 with a space', "UTF-8''a b"],
    ];
    for (const [name, value] of refusals) {
      it(`cannot be ${name}`, async () => {
        refused(await post(open(), words(), { 'x-paste-password': value }), 400, 'invalid_password');
      });
    }
  });

  describe('X-Paste-Access-Hash', () => {
    it('protects with a proof that the server never saw', async () => {
      const proof = 'a-proof-of-high-entropy';
      const paste = await created(open(), words(), { 'x-paste-access-hash': sha256Hex(proof) });
      assert.equal(paste.password_protected, true);
      refused(await raw(open(), paste.id), 401, 'password_required');
      refused(await raw(open(), paste.id, { 'x-paste-password': sha256Hex(proof) }), 403, 'password_invalid');
      assert.equal((await raw(open(), paste.id, { 'x-paste-password': proof })).status, 200);
    });

    const refusals: [string, string][] = [
      ['empty', ''],
      ['upper case', 'A'.repeat(64)],
      ['63 digits', 'a'.repeat(63)],
      ['65 digits', 'a'.repeat(65)],
      ['other letters', 'g'.repeat(64)],
    ];
    for (const [name, value] of refusals) {
      it(`cannot be ${name}`, async () => {
        refused(await post(open(), words(), { 'x-paste-access-hash': value }), 400, 'invalid_access_hash');
      });
    }

    it('does not go together with a password', async () => {
      const headers = { 'x-paste-access-hash': 'a'.repeat(64), 'x-paste-password': 'both' };
      refused(await post(open(), words(), headers), 400, 'invalid_access_hash');
    });
  });
}
