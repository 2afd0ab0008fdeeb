/** Protected pastes: who gets in, and how often one may guess. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Answer,
  type CallHeaders,
  created,
  type Door,
  info,
  put,
  raw,
  refused,
  remove,
  retryAfter,
  same,
  somebody,
  token,
  words,
} from '../../support/door.ts';
import { sha256Hex } from './options.ts';

const show = (password: string) => ({ 'x-paste-password': password });

export function protecting(open: () => Door): void {
  type Read = (id: string, headers: CallHeaders) => Promise<Answer>;
  const reads: [string, Read][] = [
    ['GET metadata', (id, headers) => info(open(), id, headers)],
    ['GET the bytes', (id, headers) => raw(open(), id, headers)],
  ];
  const heads: [string, Read][] = [
    ['HEAD metadata', (id, headers) => open().send({ method: 'HEAD', path: `/${id}`, headers })],
    ['HEAD the bytes', (id, headers) => open().send({ method: 'HEAD', path: `/${id}/raw`, headers })],
  ];

  describe('a protected paste', () => {
    for (const [name, read] of reads) {
      it(`asks for the password to ${name}`, async () => {
        const { id } = await created(open(), words(), show('right'));
        const headers = somebody();
        refused(await read(id, headers), 401, 'password_required');
        refused(await read(id, { ...headers, ...show('') }), 401, 'password_required');
        refused(await read(id, { ...headers, ...show('wrong') }), 403, 'password_invalid');
        refused(await read(id, { ...headers, ...show('right '.repeat(300)) }), 403, 'password_invalid');
        assert.equal((await read(id, { ...headers, ...show('right') })).status, 200);
      });
    }

    for (const [name, read] of heads) {
      it(`asks for the password to ${name}`, async () => {
        const { id } = await created(open(), words(), show('right'));
        const headers = somebody();
        assert.equal((await read(id, headers)).status, 401);
        assert.equal((await read(id, { ...headers, ...show('wrong') })).status, 403);
        assert.equal((await read(id, { ...headers, ...show('right') })).status, 200);
      });
    }

    it('gives nothing away in a refusal', async () => {
      const text = words('the secret');
      const { id } = await created(open(), text, { ...show('right'), 'x-expiry': '777' });
      for (const headers of [{}, show('wrong')]) {
        const answer = await info(open(), id, { ...somebody(), ...headers });
        assert.deepEqual(Object.keys(answer.json), ['error']);
        assert.ok(!answer.text.includes('right') && !answer.text.includes(id));
      }
    });

    it('is told apart by case, spaces and length of its password', async () => {
      const { id } = await created(open(), words(), show('Right one'));
      for (const wrong of ['right one', 'Right  one', 'Right on', 'Right one1']) {
        refused(await raw(open(), id, { ...somebody(), ...show(wrong) }), 403, 'password_invalid');
      }
    });

    it('can be deleted and replaced with the delete token alone', async () => {
      const paste = await created(open(), words(), show('right'));
      const replaced = await put(open(), paste.id, 'new bytes', token(paste));
      assert.equal(replaced.status, 200);
      refused(await raw(open(), paste.id, somebody()), 401, 'password_required');
      assert.equal((await remove(open(), paste.id, token(paste))).status, 200);
    });
  });

  describe('guessing', () => {
    const proof = 'a proof that nobody guesses';
    const proven = () => created(open(), words(), { 'x-paste-access-hash': sha256Hex(proof) });

    it('ten times from one peer locks that peer out of that paste alone, for 15 minutes', async () => {
      const paste = await proven();
      const other = await proven();
      const peer = somebody();
      for (let i = 0; i < 10; i += 1) {
        refused(await raw(open(), paste.id, { ...peer, ...show(`guess ${i}`) }), 403, 'password_invalid');
      }
      const locked = await raw(open(), paste.id, { ...peer, ...show(proof) });
      const seconds = retryAfter(refused(locked, 429, 'password_locked'));
      assert.ok(seconds > 600 && seconds <= 900, String(seconds));
      refused(await info(open(), paste.id, { ...peer, ...show(proof) }), 429, 'password_locked');
      refused(await raw(open(), paste.id, peer), 401, 'password_required');
      assert.equal((await raw(open(), other.id, { ...peer, ...show(proof) })).status, 200);
      assert.equal((await raw(open(), paste.id, { ...somebody(), ...show(proof) })).status, 200);
    });

    it('a password, too, and all at once does not help', async () => {
      const text = words();
      const paste = await created(open(), text, show('right'));
      const peer = somebody();
      const answers = await Promise.all(
        Array.from({ length: 14 }, (_, i) => raw(open(), paste.id, { ...peer, ...show(`guess ${i}`) })),
      );
      const codes = answers.map((answer) => String(answer.code)).sort();
      assert.deepEqual(codes, [
        ...Array.from({ length: 10 }, () => 'password_invalid'),
        ...Array.from({ length: 4 }, () => 'password_locked'),
      ]);
      same((await raw(open(), paste.id, { ...somebody(), ...show('right') })).bytes, text);
    });

    it('a hundred times from all locks it for everyone, and destroys nothing', async () => {
      const paste = await proven();
      for (let group = 0; group < 20; group += 1) {
        const peer = somebody();
        const guesses = Array.from({ length: 5 }, (_, i) =>
          raw(open(), paste.id, { ...peer, ...show(`guess ${i}`) }),
        );
        for (const answer of await Promise.all(guesses)) refused(answer, 403, 'password_invalid');
      }
      const answer = await raw(open(), paste.id, { ...somebody(), ...show(proof) });
      assert.ok(retryAfter(refused(answer, 429, 'password_locked')) <= 900);
      assert.equal((await put(open(), paste.id, words(), token(paste))).status, 200);
    });

    it('a burn paste never burns it', async () => {
      const text = words();
      const { id } = await created(open(), text, { ...show('right'), 'x-burn-after-read': '1' });
      for (let i = 0; i < 3; i += 1) {
        refused(await raw(open(), id, { ...somebody(), ...show('wrong') }), 403, 'password_invalid');
        refused(await raw(open(), id, somebody()), 401, 'password_required');
      }
      same((await raw(open(), id, { ...somebody(), ...show('right') })).bytes, text);
      refused(await raw(open(), id, { ...somebody(), ...show('right') }), 404, 'paste_not_found');
    });
  });
}
