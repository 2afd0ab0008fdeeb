/** Sealed or refused. On a door that asks for 7.2 bits a byte, below a prefix, with an origin of its own. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sealPaste } from '../../../src/crypto/sealed.ts';
import {
  AGE_HEADER,
  bytes,
  created,
  type Door,
  holder,
  info,
  post,
  put,
  raw,
  refused,
  remove,
  same,
  token,
  words,
} from '../../support/door.ts';

const random = (length: number) => new Uint8Array(randomBytes(length));

/** A real sealed paste, as a client makes it. */
async function sealed(content: string): Promise<Uint8Array> {
  const key = random(32);
  const stream = await sealPaste(new TextEncoder().encode(content), { key, random });
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const joined = (...parts: (Uint8Array | string)[]) =>
  new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part))));

export function sealing(open: () => Door): void {
  const me = holder('sealer');

  describe('a door that takes sealed pastes only', () => {
    it('says so', async () => {
      const door = open();
      const { limits } = (await door.send({ path: `${door.prefix}/` })).json;
      assert.equal((limits as Record<string, unknown>).min_entropy, 7.2);
    });

    it('takes what a client sealed, and says that it is sealed and how to open it', async () => {
      const door = open();
      const body = await sealed(words());
      const paste = await created(door, body, me);
      same((await raw(door, paste.id)).bytes, body);
      const { json } = await info(door, paste.id);
      assert.equal(json.sealed, true);
      assert.ok(String(json.hint).includes(`${door.origin}${door.prefix}/client`));
    });

    const taken: [string, () => Uint8Array][] = [
      ['64 random bytes', () => bytes(64)],
      ['a MiB of random bytes', () => bytes(1024 * 1024 + 1)],
      ['a compressed file', () => new Uint8Array(gzipSync(randomBytes(2000)))],
      ['an age header with 32 bytes after it', () => joined(AGE_HEADER, bytes(32))],
      ['an age header with 1000 random bytes after it', () => joined(AGE_HEADER, bytes(1000))],
    ];
    for (const [name, make] of taken) {
      it(`takes ${name}`, async () => {
        const body = make();
        same((await raw(open(), (await created(open(), body, me)).id)).bytes, body);
      });
    }

    const plain: [string, () => Uint8Array | string][] = [
      ['text', () => words().repeat(20)],
      ['JSON', () => JSON.stringify({ a: words(), b: [1, 2, 3] })],
      ['base64', () => randomBytes(3000).toString('base64')],
      ['Latin-1 text', () => new Uint8Array(Buffer.from(`caf\u00e9 ${words()} `.repeat(50), 'latin1'))],
      ['63 random bytes', () => bytes(63)],
      ['zeros', () => new Uint8Array(5000)],
      ['an age header alone', () => joined(AGE_HEADER, bytes(31))],
      ['an age header with text after it', () => joined(AGE_HEADER, words().repeat(100), bytes(1))],
    ];
    for (const [name, make] of plain) {
      it(`refuses ${name}`, async () => {
        refused(await post(open(), make(), me), 422, 'not_sealed');
      });
    }

    it('refuses the header of a sealed paste with text after it', async () => {
      const header = (await sealed(words())).slice(0, 128);
      refused(await post(open(), joined(header, words().repeat(100)), me), 422, 'not_sealed');
    });

    it('refuses to replace a sealed paste by a plain one', async () => {
      const body = bytes(500);
      const paste = await created(open(), body, me);
      refused(await put(open(), paste.id, words().repeat(10), token(paste)), 422, 'not_sealed');
      same((await raw(open(), paste.id)).bytes, body);
    });
  });

  describe('a door below a prefix', () => {
    it('emits links with its prefix and its public origin', async () => {
      const door = open();
      const answer = await post(door, bytes(100), { ...me, host: 'evil.example' });
      const { id, url, raw: link } = answer.json;
      assert.equal(url, `https://paste.example/paste/${id}`);
      assert.equal(link, `https://paste.example/paste/${id}/raw`);
      assert.equal(answer.headers.get('location'), url);
      const seen = await info(door, String(id));
      assert.equal(seen.json.url, url);
      assert.equal(seen.json.raw, link);
      const text = await post(door, bytes(100), { ...me, accept: 'text/plain' });
      assert.match(text.text, /^https:\/\/paste\.example\/paste\/[0-9a-z]{26}\n$/);
    });

    it('lists its endpoints with it', async () => {
      const door = open();
      const { endpoints } = (await door.send({ path: '/paste/' })).json;
      for (const endpoint of ['POST /paste/', 'GET /paste/{id}/raw', 'GET /paste/challenge']) {
        assert.ok((endpoints as string[]).includes(endpoint), endpoint);
      }
    });

    it('answers nowhere else', async () => {
      const door = open();
      const paste = await created(door, bytes(100), me);
      for (const path of [
        '/',
        '/challenge',
        `/${paste.id}`,
        `/${paste.id}/raw`,
        '/paste',
        '/PASTE/',
        '/paste//',
      ]) {
        refused(await door.send({ path }), 404, 'not_found');
      }
      refused(
        await door.send({ method: 'POST', path: '/', body: bytes(100), headers: me }),
        404,
        'not_found',
      );
      const away = { method: 'DELETE', path: `/${paste.id}`, headers: token(paste) };
      refused(await door.send(away), 404, 'not_found');
      assert.equal((await remove(door, paste.id, token(paste))).status, 200);
    });
  });
}
