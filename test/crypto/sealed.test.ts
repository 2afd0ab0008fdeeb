import assert from 'node:assert/strict';
import { argon2 } from 'node:crypto';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import {
  ARGON2ID_PARAMETERS,
  type ChunkContext,
  deriveSecret,
  newKey,
  openChunk,
  openPaste,
  SealedError,
  sealChunk,
  sealedPasteSize,
  sealPaste,
} from '../../src/crypto/sealed.ts';
import { argon2Of, code, collect, nativeArgon2, seededRandom, wasmArgon2 } from './sealed-helpers.ts';

const random = seededRandom('sealed');
const key = newKey(random);
const context: ChunkContext = {
  kind: 'chunk',
  incident_id: 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV',
  stream_id: 'str_01BX5ZZKBKACTAV9WEVGEMMVRZ',
  media_type: 'audio',
  chunk_index: 7,
  final: true,
};

describe('a sealed paste', () => {
  test('comes back with its name, its type and every byte', async () => {
    const content = random(200_000);
    const sealed = await sealPaste(content, { key, random, name: 'notes.txt', mime: 'text/plain' });
    const opened = await openPaste(sealed, { key });
    assert.deepEqual([opened.name, opened.mime], ['notes.txt', 'text/plain']);
    assert.ok((await collect(opened.body)).equals(content));
  });

  test('is never the same file twice, so that equal pastes cannot be told', async () => {
    const one = await collect(await sealPaste(Buffer.from('same'), { key, random }));
    const two = await collect(await sealPaste(Buffer.from('same'), { key, random }));
    assert.ok(!one.equals(two));
  });

  test('has the same size for all short contents, and the size that was foretold', async () => {
    for (const hasPassword of [false, true]) {
      const password = hasPassword ? 'open sesame' : undefined;
      const sizes = new Set<number>();
      for (const length of [0, 1, 100, 200, 224]) {
        const options = { key, password, argon2: argon2Of, random, mime: 'text/plain' };
        const sealed = await collect(await sealPaste(new Uint8Array(length), options));
        assert.equal(sealed.length, sealedPasteSize(length, { mime: 'text/plain', hasPassword }));
        sizes.add(sealed.length);
      }
      assert.equal(sizes.size, 1);
    }
    for (const length of [225, 65536, 1_000_000]) {
      const sealed = await collect(await sealPaste(new Uint8Array(length), { key, random }));
      assert.equal(sealed.length, sealedPasteSize(length, {}));
    }
  });

  test('with a password opens with key and password, in any composition of its accents', async () => {
    const sealed = await collect(
      await sealPaste(Buffer.from('x'), { key, password: 'é', argon2: argon2Of, random }),
    );
    const opened = await openPaste(sealed, { key, password: 'e\u0301', argon2: argon2Of });
    assert.equal(`${await collect(opened.body)}`, 'x');
  });

  test('runs Argon2id once for proof, sealing and opening when the secret is derived beforehand', async () => {
    let runs = 0;
    const counted = (password: Uint8Array, salt: Uint8Array): Promise<Uint8Array> => {
      runs++;
      return argon2Of(password, salt);
    };
    const secret = await deriveSecret({ key, password: 'once', argon2: counted });
    const sealed = await sealPaste(Buffer.from('x'), { ...secret, random });
    assert.equal(`${await collect((await openPaste(sealed, secret)).body)}`, 'x');
    assert.equal(runs, 1);
  });

  test('asks for a password, or says that it has none, before Argon2id runs', async () => {
    const never = (): Promise<Uint8Array> => assert.fail('Argon2id ran');
    const plain = await collect(await sealPaste(Buffer.from('x'), { key, random }));
    const locked = await collect(
      await sealPaste(Buffer.from('x'), { key, password: 'p', argon2: argon2Of, random }),
    );
    await assert.rejects(
      openPaste(plain, { key, password: 'p', argon2: never }),
      code('password_not_expected'),
    );
    await assert.rejects(openPaste(locked, { key, argon2: never }), code('password_required'));
  });

  test('is refused before any byte is read when key, password or name cannot be used', async () => {
    const source = new ReadableStream<Uint8Array>({ pull: () => assert.fail('read') }, { highWaterMark: 0 });
    const options = { key, random, argon2: argon2Of };
    await assert.rejects(sealPaste(source, { ...options, key: key.subarray(1) }), code('bad_key'));
    await assert.rejects(sealPaste(source, { ...options, password: '' }), code('bad_password'));
    await assert.rejects(sealPaste(source, { ...options, password: 'a\ud800' }), code('bad_password'));
    await assert.rejects(sealPaste(source, { ...options, name: '\udc00' }), code('bad_metadata'));
    await assert.rejects(sealPaste(source, { ...options, name: 'n'.repeat(5000) }), code('bad_metadata'));
    await assert.rejects(sealPaste(source, { key, random, password: 'p' }), TypeError);
  });
});

describe('a sealed chunk', () => {
  test('comes back with its context and every byte, without padding', async () => {
    const media = random(70_000);
    const sealed = await collect(await sealChunk(media, { key, context, random }));
    const opened = await openChunk(sealed, { key });
    assert.deepEqual(opened.context, context);
    assert.ok((await collect(opened.body)).equals(media));
    const empty = await collect(await sealChunk(new Uint8Array(0), { key, context, random }));
    assert.equal(sealed.length - empty.length, 70_000 + 16);
  });

  test('cannot be sealed under a context that a reader would refuse', async () => {
    for (const wrong of [
      { chunk_index: 0 },
      { chunk_index: 1.5 },
      { incident_id: 'inc_1' },
      { stream_id: '' },
    ]) {
      const sealed = sealChunk(new Uint8Array(1), { key, context: { ...context, ...wrong }, random });
      await assert.rejects(sealed, code('bad_context'));
    }
  });
});

describe('a refusal', () => {
  test('holds neither key, nor password, nor content, however it is printed', async () => {
    const password = 'a password to look for';
    const content = Buffer.from('some content to look for');
    const sealed = await collect(await sealPaste(content, { key, password, argon2: argon2Of, random }));
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    const refusals: unknown[] = [];
    await openPaste(sealed, { key, password, argon2: argon2Of }).catch((error) => refusals.push(error));
    await openPaste(sealed, { key, password: `${password}!`, argon2: argon2Of }).catch((error) =>
      refusals.push(error),
    );
    assert.equal(refusals.length, 2);
    for (const refusal of refusals) {
      assert.ok(refusal instanceof SealedError);
      const printed = inspect(refusal, { depth: 9, showHidden: true });
      const secrets = [
        password,
        `${content}`,
        Buffer.from(key).toString('base64url'),
        Buffer.from(key).toString('hex'),
      ];
      for (const secret of secrets) assert.ok(!printed.includes(secret));
    }
  });
});

describe('Argon2id', () => {
  const skip = argon2 === undefined && 'this Node is older than 24.7 and has no Argon2id of its own';
  test('gives the same bytes natively and in WebAssembly', { skip }, async () => {
    for (const password of ['a', 'pässword', 'x'.repeat(1000)]) {
      const bytes = Buffer.from(password);
      const salt = random(ARGON2ID_PARAMETERS.saltBytes);
      assert.deepEqual(await wasmArgon2(bytes, salt), await nativeArgon2(bytes, salt));
    }
  });

  test('is not believed when it answers another length', async () => {
    const short = async (): Promise<Uint8Array> => new Uint8Array(16);
    await assert.rejects(deriveSecret({ key, password: 'p', argon2: short }), TypeError);
  });
});
