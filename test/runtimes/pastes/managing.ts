/** Replacing and deleting. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  bytes,
  type CallBody,
  type CallHeaders,
  created,
  type Door,
  holder,
  info,
  put,
  raw,
  refused,
  remove,
  same,
  token,
  words,
} from '../../support/door.ts';
import { inPieces } from './creating.ts';
import { sha256Hex } from './options.ts';

const MIB = 1024 * 1024;

export function managing(open: () => Door): void {
  describe('PUT', () => {
    it('replaces the bytes; id, owner and delete token stay', async () => {
      const paste = await created(open(), words(), holder('keeper'));
      const text = '{"now": "something else entirely"}';
      const answer = await put(open(), paste.id, text, token(paste));
      assert.equal(answer.status, 200);
      assert.equal(answer.json.id, paste.id);
      assert.equal(answer.json.size, text.length);
      assert.equal(answer.json.created_at, paste.created_at);
      assert.ok(!('delete_token' in answer.json));
      same((await raw(open(), paste.id)).bytes, text);
      assert.equal((await info(open(), paste.id, holder('keeper'))).json.owner, paste.owner);
      assert.equal((await put(open(), paste.id, 'again', token(paste))).status, 200);
    });

    it('goes from small to large and back, byte for byte', async () => {
      const paste = await created(open(), 'small');
      for (const size of [2 * MIB + 3, 10, MIB, MIB + 1, 3 * MIB, 1]) {
        const body = bytes(size);
        const answer = await put(
          open(),
          paste.id,
          size % 2 ? body : { pieces: inPieces(body) },
          token(paste),
        );
        assert.equal(answer.json.size, size);
        same((await raw(open(), paste.id)).bytes, body);
      }
    });

    it('takes a JSON document like a create', async () => {
      const paste = await created(open(), words());
      const document = JSON.stringify({ content: 'from a document', expiry: 60 });
      const headers = { ...token(paste), 'content-type': 'application/json' };
      assert.equal((await put(open(), paste.id, document, headers)).status, 200);
      same((await raw(open(), paste.id)).bytes, 'from a document');
    });

    it('detects the type anew', async () => {
      const paste = await created(open(), 'text');
      const answer = await put(open(), paste.id, Uint8Array.of(0xff, 0, 0xff), token(paste));
      assert.equal(answer.json.mime_type, 'application/octet-stream');
    });

    it('keeps what absent headers do not change: expiry, burn, password', async () => {
      const options = { 'x-expiry': '1000', 'x-burn-after-read': 'true', 'x-paste-password': 'kept' };
      const paste = await created(open(), words(), options);
      const answer = await put(open(), paste.id, 'new bytes', token(paste));
      assert.equal(answer.status, 200);
      assert.equal(answer.json.expires_at, paste.expires_at);
      assert.equal(answer.json.burn_after_read, true);
      assert.equal(answer.json.password_protected, true);
      refused(await raw(open(), paste.id), 401, 'password_required');
      same((await raw(open(), paste.id, { 'x-paste-password': 'kept' })).bytes, 'new bytes');
    });

    it('changes what its headers say', async () => {
      const paste = await created(open(), words(), { 'x-paste-password': 'old' });
      const headers = { ...token(paste), 'x-expiry': '100', 'x-paste-access-hash': sha256Hex('proof') };
      const answer = await put(open(), paste.id, 'new bytes', headers);
      const left = Date.parse(String(answer.json.expires_at)) - Date.parse(paste.created_at);
      assert.ok(left >= 100_000 && left < 200_000);
      refused(await raw(open(), paste.id, { 'x-paste-password': 'old' }), 403, 'password_invalid');
      same((await raw(open(), paste.id, { 'x-paste-password': 'proof' })).bytes, 'new bytes');
      await put(open(), paste.id, 'newest', { ...token(paste), 'x-paste-password': 'newer' });
      refused(await raw(open(), paste.id, { 'x-paste-password': 'proof' }), 403, 'password_invalid');
      same((await raw(open(), paste.id, { 'x-paste-password': 'newer' })).bytes, 'newest');
    });

    it('caps the expiry', async () => {
      const paste = await created(open(), words());
      const answer = await put(open(), paste.id, 'x', { ...token(paste), 'x-expiry': '99999999999' });
      const left = Date.parse(String(answer.json.expires_at)) - Date.parse(paste.created_at);
      assert.ok(left <= 2_592_060_000);
    });

    const refusals: [string, CallBody, CallHeaders, number, string][] = [
      ['nothing', '', {}, 400, 'empty_paste'],
      ['nothing without Content-Length', { pieces: [] }, {}, 400, 'empty_paste'],
      ['too much', { announced: 3 * MIB + 1 }, {}, 413, 'paste_too_large'],
      ['a bad expiry', 'x', { 'x-expiry': '0' }, 400, 'invalid_expiry'],
      ['a bad burn', 'x', { 'x-burn-after-read': 'x' }, 400, 'invalid_burn'],
      ['a bad password', 'x', { 'x-paste-password': '' }, 400, 'invalid_password'],
      ['a bad access hash', 'x', { 'x-paste-access-hash': 'x' }, 400, 'invalid_access_hash'],
      [
        'password and access hash',
        'x',
        { 'x-paste-access-hash': 'a'.repeat(64), 'x-paste-password': 'x' },
        400,
        'invalid_access_hash',
      ],
      ['a form', 'x', { 'content-type': 'multipart/form-data; boundary=b' }, 415, 'unsupported_media_type'],
      ['a broken document', '{', { 'content-type': 'application/json' }, 400, 'invalid_json'],
      ['a document without content', '{}', { 'content-type': 'application/json' }, 400, 'invalid_content'],
    ];
    for (const [name, body, headers, status, code] of refusals) {
      it(`of ${name} is refused and changes nothing`, async () => {
        const text = words();
        const paste = await created(open(), text);
        const before = (await info(open(), paste.id)).text;
        refused(await put(open(), paste.id, body, { ...token(paste), ...headers }), status, code);
        assert.equal((await info(open(), paste.id)).text, before);
        same((await raw(open(), paste.id)).bytes, text);
      });
    }

    it('of bytes that were stored too often is refused, and does not count itself', async () => {
      const text = words();
      const paste = await created(open(), words());
      for (let i = 0; i < 4; i += 1) {
        assert.equal((await put(open(), paste.id, text, token(paste))).status, 200);
      }
      for (let i = 0; i < 3; i += 1) await created(open(), text);
      refused(await put(open(), paste.id, text, token(paste)), 429, 'duplicate_content');
    });

    it('may be as large as the one who sends it may create', async () => {
      const paste = await created(open(), words());
      const body = bytes(4 * MIB);
      assert.equal((await put(open(), paste.id, body, { ...token(paste), ...holder('any') })).status, 200);
      same((await raw(open(), paste.id)).bytes, body);
    });

    it('by many at once leaves one of them, whole', async () => {
      const paste = await created(open(), words());
      const bodies = Array.from({ length: 4 }, () => bytes(MIB + 100));
      const answers = await Promise.all(bodies.map((body) => put(open(), paste.id, body, token(paste))));
      for (const { status, code } of answers) assert.ok(status === 200 || code === 'service_busy');
      const { bytes: left } = await raw(open(), paste.id);
      assert.ok(bodies.some((body) => Buffer.compare(body, left) === 0));
    });
  });

  describe('DELETE', () => {
    it('answers the id, and the paste is gone', async () => {
      const paste = await created(open(), words());
      const answer = await remove(open(), paste.id, token(paste));
      assert.equal(answer.status, 200);
      assert.deepEqual({ ...answer.json }, { id: paste.id, deleted: true });
      refused(await raw(open(), paste.id), 404, 'paste_not_found');
      refused(await remove(open(), paste.id, token(paste)), 404, 'paste_not_found');
    });

    it('by many at once is done once', async () => {
      const paste = await created(open(), bytes(MIB + 1));
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => remove(open(), paste.id, token(paste))),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 404, 404, 404, 404, 404]);
    });
  });

  describe('the right to replace and delete', () => {
    const acts = [
      ['PUT', (id: string, headers: CallHeaders) => put(open(), id, 'x', headers)],
      ['DELETE', (id: string, headers: CallHeaders) => remove(open(), id, headers)],
    ] as const;
    for (const [name, act] of acts) {
      it(`${name} is refused without a token, with a wrong one, and with another paste's`, async () => {
        const text = words();
        const paste = await created(open(), text);
        const other = await created(open(), words());
        const almost = paste.delete_token.slice(0, -1) + (paste.delete_token.endsWith('A') ? 'E' : 'A');
        for (const wrong of ['', 'x', almost, paste.id, other.delete_token, 'é', `${paste.delete_token} x`]) {
          refused(await act(paste.id, { 'x-delete-token': wrong }), 403, 'not_owner');
        }
        refused(await act(paste.id, {}), 403, 'not_owner');
        same((await raw(open(), paste.id)).bytes, text);
      });

      it(`${name} is granted to the certificate that created it, without a token`, async () => {
        const paste = await created(open(), words(), holder('creator'));
        refused(await act(paste.id, holder('somebody else')), 403, 'not_owner');
        assert.equal((await act(paste.id, holder('creator'))).status, 200);
      });

      it(`${name} is granted to whoever holds the token, also of an owned paste`, async () => {
        const paste = await created(open(), words(), holder('creator'));
        assert.equal((await act(paste.id, { ...token(paste), ...holder('a helper') })).status, 200);
      });

      it(`${name} is not granted by a certificate over a paste that has no owner`, async () => {
        const paste = await created(open(), words());
        refused(await act(paste.id, holder('anybody')), 403, 'not_owner');
      });
    }

    it('is decided before the body is sent', async () => {
      const paste = await created(open(), words());
      refused(await put(open(), paste.id, { announced: 1000 }), 403, 'not_owner');
      refused(await put(open(), '0'.repeat(26), { announced: 1000 }, token(paste)), 404, 'paste_not_found');
    });
  });
}
