/** Raw creates: what comes back, and what is refused. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bytes,
  created,
  type Door,
  holder,
  info,
  post,
  raw,
  refused,
  same,
  words,
} from '../../support/door.ts';

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export function creating(open: () => Door): void {
  describe('a raw create', () => {
    it('answers everything that there is to know of the new paste', async () => {
      const door = open();
      const text = words();
      const answer = await post(door, text);
      assert.equal(answer.status, 201);
      assert.equal(answer.headers.get('content-type'), 'application/json');
      assert.equal(answer.headers.get('idempotency-replayed'), null);
      const { id, created_at: createdAt, expires_at: expiresAt, delete_token: token, ...rest } = answer.json;
      assert.match(String(id), /^[0-9a-hjkmnp-tv-z]{26}$/);
      assert.match(String(createdAt), INSTANT);
      assert.match(String(expiresAt), INSTANT);
      assert.equal(Date.parse(String(expiresAt)) - Date.parse(String(createdAt)), 5 * 24 * 3600 * 1000);
      assert.match(String(token), /^[A-Za-z0-9_-]{43}$/);
      assert.deepEqual(rest, {
        url: `${door.origin}/${id}`,
        raw: `${door.origin}/${id}/raw`,
        size: text.length,
        mime_type: 'text/plain',
        burn_after_read: false,
        password_protected: false,
      });
      assert.equal(answer.headers.get('location'), rest.url);
    });

    it('names the owner to a holder of a certificate', async () => {
      const paste = await created(open(), words(), holder('names the owner'));
      assert.match(paste.owner ?? '', /^[0-9a-f]{64}$/);
    });

    it('answers the URL alone to Accept: text/plain, and the token in a header', async () => {
      const door = open();
      const answer = await post(door, words(), { accept: 'text/plain' });
      assert.equal(answer.status, 201);
      assert.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8');
      const id = answer.text.trim().split('/').at(-1) ?? '';
      assert.equal(answer.text, `${door.origin}/${id}\n`);
      assert.equal(answer.headers.get('location'), `${door.origin}/${id}`);
      const token = answer.headers.get('x-delete-token') ?? '';
      assert.match(token, /^[A-Za-z0-9_-]{43}$/);
      const gone = await door.send({
        method: 'DELETE',
        path: `/${id}`,
        headers: { 'x-delete-token': token },
      });
      assert.equal(gone.status, 200);
    });

    for (const accept of ['*/*', 'application/json', 'application/json, text/plain', 'text/html', 'text/*']) {
      it(`answers JSON to Accept: ${accept}`, async () => {
        const answer = await post(open(), words(), { accept });
        assert.equal(answer.headers.get('content-type'), 'application/json');
        assert.equal(answer.headers.get('x-delete-token'), null);
      });
    }

    it('gives no two pastes the same id or token', async () => {
      const door = open();
      const text = words();
      const [one, two] = [await created(door, text), await created(door, text)];
      assert.notEqual(one.id, two.id);
      assert.notEqual(one.delete_token, two.delete_token);
    });

    it('of nothing is refused', async () => {
      refused(await post(open(), ''), 400, 'empty_paste');
    });

    it('of nothing without Content-Length is refused', async () => {
      refused(await post(open(), { pieces: [] }), 400, 'empty_paste');
    });

    it('without a body at all is refused', async () => {
      refused(await open().send({ method: 'POST', path: '/' }), 400, 'empty_paste');
    });

    for (const type of [
      'multipart/form-data; boundary=b',
      'multipart/form-data',
      'MULTIPART/Form-Data ; boundary=b',
    ]) {
      it(`as ${type} is refused, with a hint that curl needs --data-binary`, async () => {
        const answer = refused(
          await post(open(), '--b\r\n\r\nx\r\n--b--', { 'content-type': type }),
          415,
          'unsupported_media_type',
        );
        assert.match(answer.text, /--data-binary/);
      });
    }

    for (const type of [
      'application/x-www-form-urlencoded',
      'text/html',
      'image/png',
      'application/jsonp',
      'application/problem+json',
      'multipart/mixed',
      'no type at all',
    ]) {
      it(`as ${type} keeps the bytes and does not believe the type`, async () => {
        const door = open();
        const text = `{"content": "${words()}"}`;
        const paste = await created(door, text, { 'content-type': type });
        assert.equal(paste.mime_type, 'text/plain');
        same((await raw(door, paste.id)).bytes, text);
      });
    }
  });

  describe('bytes come back as they went in', () => {
    const bodies: [string, Uint8Array | string][] = [
      ['one byte', Uint8Array.of(0)],
      ['one letter', 'a'],
      ['a line break', '\n'],
      ['CR and LF', '\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'],
      ['a text with a byte order mark', '\ufeffbeginning'],
      ['all bytes there are', Uint8Array.from({ length: 256 }, (_, i) => i)],
      ['a text of many scripts', 'Καλημέρα κόσμε, 你好，世界, 🌍'.repeat(100)],
      ['a lone surrogate in UTF-8', Uint8Array.of(0xed, 0xa0, 0x80)],
      ['a JSON document', '{"content":"not a document for us"}'],
      ['1 MiB', bytes(1024 * 1024)],
      ['1 MiB and a byte', bytes(1024 * 1024 + 1)],
      ['2 MiB', bytes(2 * 1024 * 1024)],
      ['3 MiB, which is what an anonymous create may be', bytes(3 * 1024 * 1024)],
    ];
    for (const [name, body] of bodies) {
      for (const framing of ['with', 'without']) {
        it(`${name}, ${framing} Content-Length`, async () => {
          const door = open();
          const whole = typeof body === 'string' ? new TextEncoder().encode(body) : body;
          const paste = await created(door, framing === 'with' ? whole : { pieces: inPieces(whole) });
          assert.equal(paste.size, whole.length);
          same((await raw(door, paste.id)).bytes, whole);
          assert.equal((await info(door, paste.id)).json.size, whole.length);
          // Once more: reading changes nothing.
          same((await raw(door, paste.id)).bytes, whole);
        });
      }
    }

    it('50 MiB, which is what a holder of a certificate may create', async () => {
      const door = open();
      const body = bytes(50 * 1024 * 1024);
      const paste = await created(door, body, holder('large'));
      assert.equal(paste.size, body.length);
      same((await raw(door, paste.id)).bytes, body);
      await door.send({ method: 'DELETE', path: `/${paste.id}`, headers: holder('large') });
    });
  });
}

/** Pieces of uneven lengths, none at a boundary that anybody expects. */
export function* inPieces(whole: Uint8Array, largest = 65_521): Generator<Uint8Array> {
  let length = 1;
  for (let at = 0; at < whole.length; ) {
    yield whole.subarray(at, at + length);
    at += length;
    length = Math.min(length * 3, largest);
  }
}
