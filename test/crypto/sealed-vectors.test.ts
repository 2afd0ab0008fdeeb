import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  accessHash,
  accessProof,
  decodeKey,
  openChunk,
  openPaste,
  parseSealedHeader,
  SEALED_ERROR_CODES,
  sealChunk,
  sealPaste,
} from '../../src/crypto/sealed.ts';
import { content, type GoodVector, goodVectors } from '../../tools/format-good.ts';
import { applyEdits } from '../../tools/format-malformed.ts';
import { buildVectors, type FormatVectors, refusal } from '../../tools/format-vectors.ts';
import { rawPlaintext, rawSeal } from '../../tools/raw-sealed.ts';
import { argon2Of, code, collect, seededRandom } from './sealed-helpers.ts';

const path = fileURLToPath(new URL('../../docs/format-vectors.json', import.meta.url));
const reader = fileURLToPath(new URL('./independent_reader.py', import.meta.url));
const made = goodVectors();

const contentOf = (vector: GoodVector): Buffer =>
  vector.plaintext === undefined ? content(vector.length ?? 0) : Buffer.from(vector.plaintext, 'base64');

describe('the vectors of the sealed format', () => {
  let text: string;
  let vectors: FormatVectors;
  const files = new Map<string, Buffer>();

  before(async () => {
    text = await readFile(path, 'utf8');
    vectors = JSON.parse(text);
    for (const [id, { file }] of made) files.set(id, file);
  });

  const baseOf = (id: string | undefined): Buffer => {
    const file = files.get(id ?? '');
    assert.ok(file, `no good vector ${id}`);
    return file;
  };

  // The generator opens every file with one bit flipped and writes down how each was refused.
  test('are the ones that the generator writes, each flipped bit refused with its own error', async () => {
    assert.ok((await buildVectors()).text === text, 'run: node tools/format-vectors.ts');
  });

  test('hold each file that a malformed one is made of', () => {
    for (const vector of vectors.good) {
      assert.equal(createHash('sha256').update(baseOf(vector.id)).digest('hex'), vector.sha256, vector.id);
      if (vector.file !== undefined) assert.deepEqual(Buffer.from(vector.file, 'base64'), baseOf(vector.id));
    }
    for (const { id, base } of vectors.malformed) {
      if (base !== undefined)
        assert.ok(vectors.good.find((vector) => vector.id === base)?.file, `${id} cannot be rebuilt`);
    }
  });

  test('open, and say the name, the type, the context and the content that went in', async () => {
    for (const vector of vectors.good) {
      const key = decodeKey(vector.key);
      const file = baseOf(vector.id);
      if (vector.kind === 'paste') {
        const opened = await openPaste(file, { key, password: vector.password, argon2: argon2Of });
        assert.ok((await collect(opened.body)).equals(contentOf(vector)), vector.id);
        assert.deepEqual([opened.name, opened.mime], [vector.name, vector.mime], vector.id);
      } else {
        const opened = await openChunk(file, { key });
        assert.ok((await collect(opened.body)).equals(contentOf(vector)), vector.id);
        assert.deepEqual(opened.context, JSON.parse(vector.header).context, vector.id);
      }
    }
  });

  test('are what sealing gives for the same key, password, salt and content', async () => {
    for (const vector of vectors.good) {
      // Ours spells a header in one way; the vectors have legal others.
      if (/header-|otherwise/.test(vector.id)) continue;
      const { header } = parseSealedHeader(baseOf(vector.id));
      const options = { key: decodeKey(vector.key), random: () => header.salt };
      const { password, name, mime } = vector;
      const sealed =
        header.context.kind === 'paste'
          ? await sealPaste(contentOf(vector), { ...options, password, argon2: argon2Of, name, mime })
          : await sealChunk(contentOf(vector), { ...options, context: header.context });
      assert.ok((await collect(sealed)).equals(baseOf(vector.id)), vector.id);
    }
  });

  test('show the proof and the access hash that follow from key and password alone', async () => {
    for (const vector of vectors.good) {
      const proof = await accessProof({
        key: decodeKey(vector.key),
        password: vector.password,
        argon2: argon2Of,
      });
      assert.equal(proof, vector.proof, vector.id);
      assert.equal(await accessHash(proof), vector.access_hash, vector.id);
    }
  });

  test('are refused where malformed, each with its own error', async () => {
    assert.ok(vectors.malformed.length >= 100);
    for (const vector of vectors.malformed) {
      const file =
        vector.file === undefined
          ? applyEdits(baseOf(vector.base), vector.edits ?? [])
          : Buffer.from(vector.file, 'base64');
      assert.equal(await refusal(file, vector, argon2Of), vector.error, vector.id);
    }
  });

  test('refuse every other spelling of a key', () => {
    for (const spelling of vectors.keys) {
      assert.throws(() => decodeKey(spelling.text), code(spelling.error), JSON.stringify(spelling.text));
    }
  });

  test('show every error that a file can cause', () => {
    const shown = new Set([...vectors.malformed, ...vectors.keys].map(({ error }) => error));
    const missing = SEALED_ERROR_CODES.filter((name) => !shown.has(name));
    // A link is not a file; test/crypto/sealed-link.test.ts has its refusals.
    assert.deepEqual(missing, ['bad_link']);
  });

  test('and the page about the format name the same errors', async () => {
    const page = await readFile(new URL('../../docs/format.md', import.meta.url), 'utf8');
    const table = [...page.matchAll(/^\| `([a-z_]+)` \| /gm)].map(([, name]) => name);
    assert.deepEqual(
      table.filter((name) => !['salt', 'kdf', 'context'].includes(name ?? '')),
      SEALED_ERROR_CODES,
    );
  });
});

test('a padding of several segments is refused where it is a step too long, and taken where it is right', async () => {
  const vector = made.get('paste-1');
  assert.ok(vector);
  const file = (length: number): Buffer =>
    rawSeal(vector.ikm, vector.salt, vector.vector.header, rawPlaintext('{}', content(2_000_000), length));
  assert.equal(await refusal(file(0), vector.vector), 'bad_padding');
  assert.equal(await refusal(file(2_031_616), vector.vector), undefined);
  assert.equal(await refusal(file(2_031_616 + 65536), vector.vector), 'bad_padding');
});

const python = spawnSync('python3', ['-c', 'from cryptography.hazmat.primitives.kdf.argon2 import Argon2id']);
const skip =
  python.error !== undefined
    ? 'there is no python3 on this machine'
    : python.status !== 0 && 'python3 has no package cryptography of version 44 or newer';

describe('a reader in another language', { skip }, () => {
  const run = async (
    input: Uint8Array,
    ...parameters: string[]
  ): Promise<{ status: number; output: Buffer; error: string }> => {
    const child = spawn('python3', [reader, ...parameters]);
    const output = collect(child.stdout);
    const error = collect(child.stderr);
    child.stdin.end(input);
    const [status] = await once(child, 'exit');
    return { status, output: await output, error: `${await error}` };
  };

  test('opens, refuses and rebuilds the vectors as ours does', async () => {
    const { status, output, error } = await run(new Uint8Array(0), 'vectors', path);
    assert.equal(error, '');
    assert.equal(status, 0);
    const counts = JSON.parse(`${output}`);
    assert.equal(counts.good, made.size);
    assert.ok(counts.malformed >= 100 && counts.flipped > 5000);
  });

  test('opens a paste with a password that was sealed just now', async () => {
    const random = seededRandom('python');
    const key = random(32);
    const plaintext = random(200_000);
    const password = 'Zoe\u0308 😀';
    const sealed = await collect(
      await sealPaste(plaintext, { key, password, argon2: argon2Of, random, name: 'a b' }),
    );
    const text = Buffer.from(key).toString('base64url');
    const right = await run(sealed, 'open', 'paste', text, password.normalize('NFC'));
    assert.equal(right.error, '');
    assert.ok(right.output.equals(plaintext));
    const wrong = await run(sealed, 'open', 'paste', text, 'Zoe');
    assert.equal(wrong.error, 'wrong_key\n');
    assert.equal(wrong.output.length, 0);
  });
});
