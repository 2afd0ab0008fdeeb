/** Reading what is open to whoever has the link. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  AGE_HEADER,
  bytes,
  created,
  type Door,
  fingerprint,
  holder,
  info,
  post,
  raw,
  same,
  words,
} from '../../support/door.ts';

const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const padded = (head: string, length = 64) => {
  const body = new Uint8Array(length);
  body.set(ascii(head));
  return body;
};

const PNG = padded('\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0');
const JPEG = padded('\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01');
const GIF = padded('GIF89a\x01\0\x01\0\x80\0\0');
const WEBP = padded('RIFF\x38\0\0\0WEBPVP8L');

/** Body, what it is said to be, as what it is sent. */
const TYPES: [string, Uint8Array | string, string | RegExp, string][] = [
  ['text', 'hello', 'text/plain', 'text/plain; charset=utf-8'],
  ['HTML', '<!doctype html><script>alert(1)</script>', 'text/plain', 'text/plain; charset=utf-8'],
  [
    'SVG',
    '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    'text/plain',
    'text/plain; charset=utf-8',
  ],
  ['XML', '<?xml version="1.0"?><a/>', 'text/plain', 'text/plain; charset=utf-8'],
  ['JavaScript', '#!/usr/bin/env node\nalert(1)', 'text/plain', 'text/plain; charset=utf-8'],
  ['HTML after a byte order mark', '\ufeff<html>', 'text/plain', 'text/plain; charset=utf-8'],
  ['a PNG', PNG, 'image/png', 'image/png'],
  ['a JPEG', JPEG, 'image/jpeg', 'image/jpeg'],
  ['a GIF', GIF, 'image/gif', 'image/gif'],
  ['a WebP', WEBP, 'image/webp', 'image/webp'],
  ['a PDF', padded('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n'), 'application/pdf', 'application/octet-stream'],
  ['a ZIP', padded('PK\x03\x04\x14\0\0\0'), 'application/zip', 'application/octet-stream'],
  ['HTML in UTF-16', padded('\xff\xfe<\0h\0t\0m\0l\0>\0'), /./, 'application/octet-stream'],
  ['HTML in Latin-1', padded('<html>\xe9</html>', 16), /./, 'application/octet-stream'],
  ['bytes', Uint8Array.of(0xff, 0xfe, 0xfd, 0x80), 'application/octet-stream', 'application/octet-stream'],
];

export function reading(open: () => Door): void {
  describe('metadata', () => {
    it('says everything but what only the creator knows', async () => {
      const text = words();
      const { delete_token: _, ...paste } = await created(open(), text, { 'x-expiry': '60' });
      const answer = await info(open(), paste.id);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-type'), 'application/json');
      assert.deepEqual({ ...answer.json }, { ...paste, sealed: false });
    });

    it('has the same headers and no body for HEAD', async () => {
      const { id } = await created(open(), words());
      const get = await info(open(), id);
      const head = await open().send({ method: 'HEAD', path: `/${id}` });
      assert.equal(head.status, 200);
      assert.equal(head.headers.get('content-length'), String(get.bytes.length));
    });

    it('names the owner only to the owner', async () => {
      const paste = await created(open(), words(), holder('owner'));
      assert.equal(paste.owner, fingerprint('owner'));
      assert.equal((await info(open(), paste.id, holder('owner'))).json.owner, paste.owner);
      for (const headers of [{}, holder('stranger')]) {
        assert.ok(!('owner' in (await info(open(), paste.id, headers)).json));
      }
    });

    it('says of a paste that begins like an age file that it is sealed, and how to open it', async () => {
      const body = new Uint8Array([...ascii(AGE_HEADER), ...bytes(64)]);
      const paste = await created(open(), body);
      const { sealed, hint } = (await info(open(), paste.id)).json;
      assert.equal(sealed, true);
      assert.match(String(hint), /\/client\b/);
      assert.ok(String(hint).includes(`${open().origin}/client`));
    });
  });

  describe('the bytes', () => {
    for (const [name, body, kind, sentAs] of TYPES) {
      it(`of ${name} are sent as ${sentAs}`, async () => {
        const paste = await created(open(), body, { 'content-type': 'text/html' });
        if (typeof kind === 'string') assert.equal(paste.mime_type, kind);
        else assert.doesNotMatch(paste.mime_type, /html|xml|script/);
        const answer = await raw(open(), paste.id);
        assert.equal(answer.status, 200);
        same(answer.bytes, body);
        assert.equal(answer.headers.get('content-type'), sentAs);
        const inline = sentAs !== 'application/octet-stream';
        assert.equal(answer.headers.get('content-disposition'), inline ? 'inline' : 'attachment');
        assert.equal(answer.headers.get('cache-control'), 'no-store');
        assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
        assert.equal(answer.headers.get('content-security-policy'), "default-src 'none'; sandbox");
      });
    }

    for (const size of [1, 1000, 1024 * 1024 + 1]) {
      it(`${size} of them have the same headers and no body for HEAD`, async () => {
        const paste = await created(open(), bytes(size));
        const head = await open().send({ method: 'HEAD', path: `/${paste.id}/raw` });
        const get = await raw(open(), paste.id);
        assert.equal(head.status, 200);
        assert.equal(head.headers.get('content-length'), String(size));
        for (const name of ['content-type', 'content-disposition', 'content-security-policy']) {
          assert.equal(head.headers.get(name), get.headers.get(name));
        }
      });
    }

    it('come whole whatever part or version is asked for', async () => {
      const text = words();
      const { id } = await created(open(), text);
      for (const headers of [
        { range: 'bytes=0-1' },
        { 'if-none-match': '*' },
        { 'sec-purpose': 'prefetch' },
      ]) {
        const answer = await raw(open(), id, headers);
        assert.equal(answer.status, 200);
        same(answer.bytes, text);
      }
    });

    it('can be read by many at once', async () => {
      const body = bytes(1024 * 1024 + 7);
      const { id } = await created(open(), body);
      const answers = await Promise.all(Array.from({ length: 8 }, () => raw(open(), id)));
      for (const answer of answers) same(answer.bytes, body);
    });

    it('set no cookie and allow no other origin', async () => {
      const { id } = await created(open(), words());
      for (const answer of [
        await raw(open(), id, { origin: 'https://evil.example' }),
        await post(open(), words()),
      ]) {
        assert.equal(answer.headers.get('set-cookie'), null);
        assert.equal(answer.headers.get('access-control-allow-origin'), null);
      }
    });
  });
}
