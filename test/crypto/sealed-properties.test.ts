/** What holds for any bytes. SALLYPORT_TEST_ROUNDS multiplies the number of runs; a failure prints its seed. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  type ChunkContext,
  MEDIA_TYPES,
  openChunk,
  openPaste,
  paddedLength,
  padme,
  SEALED_SEGMENT_BYTES,
  SEGMENT_BYTES,
  SealedError,
  sealChunk,
  sealPaste,
} from '../../src/crypto/sealed.ts';
import { decodeBase64url, encodeBase64url } from '../../src/crypto/sealed-base64.ts';
import { argon2Of, collect, inPieces, rounds, seededRandom } from './sealed-helpers.ts';

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 });
const salts = fc.uint8Array({ minLength: 16, maxLength: 16 });

/** Lengths that put an edge of the plaintext near an edge of a segment; metadata takes 6 bytes and the marker 1. */
const edges = fc
  .record({
    segments: fc.integer({ min: 0, max: 3 }),
    // Padmé's steps near 64, 128 and 192 KiB are 2 to 8 KiB wide.
    off: fc.oneof(fc.integer({ min: -9, max: 2 }), fc.constantFrom(-2055, -2054, -4103, -4102, -8199, -8198)),
  })
  .map(({ segments, off }) => Math.max(0, segments * SEGMENT_BYTES + off));
const lengths = fc.oneof(fc.integer({ min: 0, max: 600 }), edges, fc.integer({ min: 0, max: 250_000 }));

/** Content of these lengths: noise, or the bytes that padding is made of. */
const contents = fc
  .record({ length: lengths, seed: fc.string(), kind: fc.constantFrom('noise', 'zeros', 'markers', 'mixed') })
  .map(({ length, seed, kind }) => {
    const bytes = Buffer.from(seededRandom(seed)(length));
    if (kind === 'zeros') bytes.fill(0);
    if (kind === 'markers') bytes.fill(0x80);
    if (kind === 'mixed') for (const [i, byte] of bytes.entries()) bytes[i] = byte < 230 ? 0 : 0x80;
    return bytes;
  });
const pieces = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.constantFrom(65536, 65552)), {
    minLength: 1,
    maxLength: 5,
  })
  .filter((list) => Math.max(...list) > 500);
const text = fc.string({ unit: 'grapheme', maxLength: 60 });

const ulids = fc.stringMatching(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
const contexts: fc.Arbitrary<ChunkContext> = fc.record(
  {
    kind: fc.constant('chunk'),
    incident_id: ulids.map((ulid) => `inc_${ulid}`),
    stream_id: ulids.map((ulid) => `str_${ulid}`),
    media_type: fc.constantFrom(...MEDIA_TYPES),
    chunk_index: fc.oneof(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    ),
    final: fc.boolean(),
  },
  { noNullPrototype: true },
);

describe('sealing and then opening', () => {
  test('gives back any content, name and type, however the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(
        keys,
        salts,
        contents,
        pieces,
        pieces,
        text,
        text,
        async (key, salt, content, into, out, name, mime) => {
          const sealed = await collect(
            await sealPaste(inPieces(content, into), { key, random: () => salt, name, mime }),
          );
          const opened = await openPaste(inPieces(sealed, out), { key });
          assert.deepEqual([opened.name, opened.mime], [name, mime]);
          assert.ok((await collect(opened.body)).equals(content));
        },
      ),
      { numRuns: rounds(80) },
    );
  });

  test('gives back any content under any password', async () => {
    const passwords = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
      .filter((password) => password.isWellFormed());
    await fc.assert(
      fc.asyncProperty(keys, contents, passwords, async (key, content, password) => {
        const options = { key, password, argon2: argon2Of };
        const sealed = await sealPaste(content, { ...options, random: seededRandom('password') });
        assert.ok((await collect((await openPaste(sealed, options)).body)).equals(content));
      }),
      { numRuns: rounds(4) },
    );
  });

  test('gives back any chunk and its context', async () => {
    await fc.assert(
      fc.asyncProperty(keys, salts, contents, pieces, contexts, async (key, salt, content, into, context) => {
        const sealed = await sealChunk(inPieces(content, into), { key, random: () => salt, context });
        const opened = await openChunk(sealed, { key });
        assert.deepEqual(opened.context, context);
        assert.ok((await collect(opened.body)).equals(content));
      }),
      { numRuns: rounds(40) },
    );
  });
});

/** A change of a file by places given as fractions of it. */
type Change = (file: Buffer, payload: number, a: number, b: number) => Buffer;
const CHANGES: Record<string, Change> = {
  'a bit flipped': (file, _, a, b) => {
    const changed = Buffer.from(file);
    const at = Math.floor(a * file.length);
    changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(b * 8));
    return changed;
  },
  'a byte changed': (file, _, a, b) => {
    const changed = Buffer.from(file);
    changed[Math.floor(a * file.length)] = Math.floor(b * 256);
    return changed;
  },
  'a byte dropped': (file, _, a) => {
    const at = Math.floor(a * file.length);
    return Buffer.concat([file.subarray(0, at), file.subarray(at + 1)]);
  },
  'a byte repeated': (file, _, a) => {
    const at = Math.floor(a * file.length);
    return Buffer.concat([file.subarray(0, at + 1), file.subarray(at)]);
  },
  'a byte moved': (file, _, a, b) => {
    const from = Math.floor(a * file.length);
    const without = Buffer.concat([file.subarray(0, from), file.subarray(from + 1)]);
    const to = Math.floor(b * without.length);
    return Buffer.concat([without.subarray(0, to), file.subarray(from, from + 1), without.subarray(to)]);
  },
  'the end cut off': (file, _, a) => file.subarray(0, Math.floor(a * file.length)),
  'bytes appended': (file, _, a) => Buffer.concat([file, file.subarray(0, 1 + Math.floor(a * 70_000))]),
  'a segment dropped': (file, payload, a) =>
    segmentwise(file, payload, (list) => list.filter((_, i) => i !== pick(list, a))),
  'a segment repeated': (file, payload, a, b) =>
    segmentwise(file, payload, (list) =>
      list.toSpliced(pick(list, b), 0, list[pick(list, a)] ?? Buffer.alloc(0)),
    ),
  'a segment moved': (file, payload, a, b) =>
    segmentwise(file, payload, (list) => {
      const [moved = Buffer.alloc(0)] = list.splice(pick(list, a), 1);
      return list.toSpliced(Math.floor(b * (list.length + 1)), 0, moved);
    }),
};

const pick = (list: readonly unknown[], where: number): number => Math.floor(where * list.length);

function segmentwise(file: Buffer, payload: number, change: (segments: Buffer[]) => Buffer[]): Buffer {
  const segments: Buffer[] = [];
  for (let at = payload; at < file.length; at += SEALED_SEGMENT_BYTES)
    segments.push(file.subarray(at, at + SEALED_SEGMENT_BYTES));
  return Buffer.concat([file.subarray(0, payload), ...change(segments)]);
}

describe('a sealed file', () => {
  for (const [name, change] of Object.entries(CHANGES)) {
    test(`with ${name} does not open, and its content never looks whole`, async () => {
      const fractions = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
      await fc.assert(
        fc.asyncProperty(keys, contents, pieces, fractions, fractions, async (key, content, out, a, b) => {
          const sealed = await collect(await sealPaste(content, { key, random: seededRandom('change') }));
          const changed = change(sealed, sealed.length - payloadLength(content.length), a, b);
          fc.pre(!changed.equals(sealed));
          let got = 0;
          await assert.rejects(
            async () => {
              const { body } = await openPaste(inPieces(changed, out), { key });
              for await (const piece of body) got += piece.length;
            },
            (error) => error instanceof SealedError,
          );
          // What came out is a beginning, and the error came instead of an end.
          assert.ok(got <= content.length);
        }),
        { numRuns: rounds(15) },
      );
    });
  }

  test('does not open under a key that differs in one bit', async () => {
    const bits = fc.integer({ min: 0, max: 255 });
    await fc.assert(
      fc.asyncProperty(keys, bits, async (key, bit) => {
        const sealed = await sealPaste(Buffer.from('x'), { key, random: seededRandom('key') });
        const other = key.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        await assert.rejects(openPaste(sealed, { key: other }), { code: 'wrong_key' });
      }),
      { numRuns: rounds(50) },
    );
  });
});

/** The sealed segments of a paste without name and type. */
function payloadLength(content: number): number {
  const plaintext = paddedLength(4 + 2 + content + 1);
  return plaintext + Math.ceil(plaintext / SEGMENT_BYTES) * 16;
}

describe('padding', () => {
  test('adds at most an eighth, never takes away, and comes out at lengths that it leaves alone', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: 2, max: 100_000 }),
          fc.maxSafeNat().map((n) => Math.max(2, Math.floor(n / 2))),
        ),
        (n) => {
          const padded = padme(n);
          assert.ok(padded >= n && padded <= n + n / 8);
          assert.equal(padme(padded), padded);
          assert.ok(paddedLength(n) >= 256);
        },
      ),
      { numRuns: rounds(2000) },
    );
  });

  test('is the published Padmé', () => {
    // Worked by hand from the paper: 9 = 0b1001 keeps two bits after the first, 2^20 + 1 keeps five.
    const known = { 8: 8, 9: 10, 100: 104, 255: 256, 257: 272, 1000: 1024, 65537: 67584, 1048577: 1081344 };
    for (const [length, padded] of Object.entries(known)) assert.equal(padme(Number(length)), padded, length);
    assert.equal(padme(2 ** 50 - 1), 2 ** 50);
    assert.equal(padme(2 ** 50 + 1), 2 ** 50 + 2 ** 44);
  });
});

test('base64url has one spelling for each byte string', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const encoded = encodeBase64url(bytes);
      assert.equal(encoded, Buffer.from(bytes).toString('base64url'));
      assert.deepEqual(decodeBase64url(encoded), bytes);
    }),
    { numRuns: rounds(300) },
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.stringMatching(/^[A-Za-z0-9_-]{0,30}$/), (any, likely) => {
      for (const text of [any, likely]) {
        const decoded = decodeBase64url(text);
        if (decoded !== undefined) assert.equal(encodeBase64url(decoded), text);
      }
    }),
    { numRuns: rounds(1000) },
  );
});
