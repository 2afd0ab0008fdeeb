/** Creates from JSON documents. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bytes,
  created,
  type Door,
  holder,
  info,
  postJson,
  raw,
  refused,
  same,
  words,
} from '../../support/door.ts';
import { encodePassword } from './options.ts';

const MIB = 1024 * 1024;

export function creatingJson(open: () => Door): void {
  const stored = async (document: unknown, headers = {}) => {
    const answer = await postJson(open(), document, headers);
    assert.equal(answer.status, 201, answer.text);
    return answer.json as { id: string; size: number; expires_at: string; created_at: string };
  };

  describe('a JSON document', () => {
    it('with content stores the text as UTF-8', async () => {
      const text = `${words()} é 🌍\n`;
      const { id, size } = await stored({ content: text });
      assert.equal(size, Buffer.byteLength(text));
      same((await raw(open(), id)).bytes, text);
    });

    it('with content_b64 stores the bytes', async () => {
      const body = bytes(1000);
      const { id } = await stored({ content_b64: Buffer.from(body).toString('base64') });
      same((await raw(open(), id)).bytes, body);
    });

    it('keeps a byte order mark that is content', async () => {
      const { id } = await stored({ content: '\ufeffx' });
      same((await raw(open(), id)).bytes, '\ufeffx');
    });

    for (const type of ['application/json; charset=utf-8', 'Application/JSON', ' application/json ;x=y']) {
      it(`is recognised as ${JSON.stringify(type)}`, async () => {
        const text = words();
        const { id } = await stored({ content: text }, { 'content-type': type });
        same((await raw(open(), id)).bytes, text);
      });
    }

    it('can set how long the paste lives', async () => {
      for (const expiry of [60, '60']) {
        const paste = await stored({ content: words(), expiry });
        assert.equal(Date.parse(paste.expires_at) - Date.parse(paste.created_at), 60_000);
      }
    });

    it('can make it burn', async () => {
      for (const burn of [true, 'yes', '1']) {
        const { id } = await stored({ content: words(), burn_after_read: burn });
        assert.equal((await info(open(), id)).json.burn_after_read, true);
      }
      const { id } = await stored({ content: words(), burn_after_read: false });
      assert.equal((await info(open(), id)).json.burn_after_read, false);
    });

    it('can protect it with any text', async () => {
      const password = ' pass wörd\n ';
      const { id } = await stored({ content: words(), password });
      refused(await info(open(), id), 401, 'password_required');
      const headers = { 'x-paste-password': encodePassword(password) };
      assert.equal((await info(open(), id, headers)).status, 200);
    });

    it('takes options from headers beside it', async () => {
      const { id } = await stored(
        { content: words(), expiry: 60 },
        { 'x-burn-after-read': 'true', 'x-paste-password': 'open sesame' },
      );
      const seen = await info(open(), id, { 'x-paste-password': 'open sesame' });
      assert.equal(seen.json.burn_after_read, true);
      assert.equal(seen.json.password_protected, true);
    });

    const invalid: [string, unknown, string][] = [
      ['without content', {}, 'invalid_content'],
      ['with both contents', { content: 'a', content_b64: 'YQ==' }, 'invalid_content'],
      ['with both contents, one empty', { content: '', content_b64: 'YQ==' }, 'invalid_content'],
      ['with a number for content', { content: 1 }, 'invalid_content'],
      ['with null for content', { content: null }, 'invalid_content'],
      ['with a list for content', { content: ['a'] }, 'invalid_content'],
      ['with an object for content', { content: { toString: 'a' } }, 'invalid_content'],
      ['with true for content_b64', { content_b64: true }, 'invalid_content'],
      ['with content_b64 that is not padded', { content_b64: 'YQ' }, 'invalid_content'],
      ['with content_b64 in the URL alphabet', { content_b64: '_-8=' }, 'invalid_content'],
      ['with white space in content_b64', { content_b64: 'YWJj\nYWJj' }, 'invalid_content'],
      ['with a lone surrogate', '{"content":"\\ud800"}', 'invalid_content'],
      ['with empty content', { content: '' }, 'empty_paste'],
      ['with empty content_b64', { content_b64: '' }, 'empty_paste'],
      ['that is empty', '', 'empty_paste'],
      ['that is white space', ' \n', 'invalid_json'],
      ['that is a list', '[]', 'invalid_json'],
      ['that is a text', '"content"', 'invalid_json'],
      ['that is null', 'null', 'invalid_json'],
      ['that is a number', '1', 'invalid_json'],
      ['that ends early', '{"content":"a"', 'invalid_json'],
      ['with something after it', '{"content":"a"}{}', 'invalid_json'],
      ['with a trailing comma', '{"content":"a",}', 'invalid_json'],
      ['with a byte order mark before it', '\ufeff{"content":"a"}', 'invalid_json'],
      ['with an unknown member', { content: 'a', burn: true }, 'invalid_json'],
      ['with __proto__', '{"content":"a","__proto__":{"expiry":60}}', 'invalid_json'],
      ['with an access hash', { content: 'a', access_hash: '0'.repeat(64) }, 'invalid_json'],
      ['with expiry null', { content: 'a', expiry: null }, 'invalid_expiry'],
      ['with expiry true', { content: 'a', expiry: true }, 'invalid_expiry'],
      ['with expiry 0', { content: 'a', expiry: 0 }, 'invalid_expiry'],
      ['with expiry -1', { content: 'a', expiry: -1 }, 'invalid_expiry'],
      ['with expiry 1.5', { content: 'a', expiry: 1.5 }, 'invalid_expiry'],
      ['with an endless expiry', '{"content":"a","expiry":1e999}', 'invalid_expiry'],
      ['with expiry "1h"', { content: 'a', expiry: '1h' }, 'invalid_expiry'],
      ['with burn_after_read 1', { content: 'a', burn_after_read: 1 }, 'invalid_burn'],
      ['with burn_after_read null', { content: 'a', burn_after_read: null }, 'invalid_burn'],
      ['with burn_after_read "maybe"', { content: 'a', burn_after_read: 'maybe' }, 'invalid_burn'],
      ['with password 1234', { content: 'a', password: 1234 }, 'invalid_password'],
      ['with password null', { content: 'a', password: null }, 'invalid_password'],
      ['with an empty password', { content: 'a', password: '' }, 'invalid_password'],
      [
        'with a password of 1025 bytes',
        { content: 'a', password: `${'é'.repeat(512)}x` },
        'invalid_password',
      ],
      ['with half a character as password', '{"content":"a","password":"\\udc00"}', 'invalid_password'],
    ];
    for (const [name, document, code] of invalid) {
      it(`${name} is refused`, async () => {
        refused(await postJson(open(), document), 400, code);
      });
    }

    it('that is not UTF-8 is refused', async () => {
      const body = new Uint8Array([...new TextEncoder().encode('{"content":"'), 0xff, 0x22, 0x7d]);
      const answer = await open().send({
        method: 'POST',
        path: '/',
        headers: { 'content-type': 'application/json' },
        body,
      });
      refused(answer, 400, 'invalid_json');
    });

    it('never hears back what it said', async () => {
      const answer = await postJson(open(), { content: 'a', 'canary-7f3a': 'canary-7f3b' });
      assert.ok(!refused(answer, 400, 'invalid_json').text.includes('canary'));
    });

    const twice: [string, string, unknown, string][] = [
      ['x-expiry', '60', { expiry: 60 }, 'invalid_expiry'],
      ['x-burn-after-read', 'true', { burn_after_read: true }, 'invalid_burn'],
      ['x-paste-password', 'one', { password: 'one' }, 'invalid_password'],
      ['x-paste-access-hash', '0'.repeat(64), { password: 'one' }, 'invalid_access_hash'],
    ];
    for (const [header, value, member, code] of twice) {
      it(`and the header ${header} cannot both say it`, async () => {
        const document = { content: words(), ...(member as object) };
        refused(await postJson(open(), document, { [header]: value }), 400, code);
      });
    }

    it('may be 4 MiB', async () => {
      const frame = JSON.stringify({ content_b64: '' }).length;
      // White space fills what base64, in fours, leaves.
      const encoded = bytes(3 * MIB - 30);
      const text = JSON.stringify({ content_b64: Buffer.from(encoded).toString('base64') });
      assert.ok(text.length > 4 * MIB - 64 && text.length <= 4 * MIB && frame < 40);
      const { id } = await stored(text.padEnd(4 * MIB));
      same((await raw(open(), id)).bytes, encoded);
    });

    for (const [framing, wrap] of [
      ['with', (text: string) => text],
      ['without', (text: string) => ({ pieces: [new TextEncoder().encode(text)] })],
    ] as const) {
      it(`may not be a byte more, ${framing} Content-Length, whoever sends it`, async () => {
        const text = JSON.stringify({ content: 'a' }).padEnd(4 * MIB + 1);
        const answer = await open().send({
          method: 'POST',
          path: '/',
          headers: { 'content-type': 'application/json', ...holder('json') },
          body: wrap(text),
        });
        refused(answer, 413, 'paste_too_large');
      });
    }

    it('holds no more than an anonymous paste may', async () => {
      refused(await postJson(open(), { content: 'a'.repeat(3 * MIB + 1) }), 413, 'paste_too_large');
    });

    it('sent with any other content type is stored itself', async () => {
      const text = JSON.stringify({ content: words() });
      const paste = await created(open(), text, { 'content-type': 'text/plain' });
      same((await raw(open(), paste.id)).bytes, text);
    });
  });
}
