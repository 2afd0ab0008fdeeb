import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  newKey,
  openChunk,
  openPaste,
  SEGMENT_BYTES,
  SealedError,
  sealChunk,
  sealPaste,
} from '../../src/crypto/sealed.ts';
import { CHUNK } from '../../tools/format-good.ts';
import { code, collect, inPieces, seededRandom } from './sealed-helpers.ts';

const random = seededRandom('streams');
const key = newKey(random);
const seal = async (content: Uint8Array): Promise<Buffer> =>
  collect(await sealPaste(content, { key, random }));

/** An endless source, and how many pieces of it were asked for. */
function endless(): { source: ReadableStream<Uint8Array>; pulled: () => number; cancelled: () => unknown } {
  let pulled = 0;
  let reason: unknown;
  const source = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(SEGMENT_BYTES));
      },
      cancel(why) {
        reason = why;
      },
    },
    { highWaterMark: 0 },
  );
  return { source, pulled: () => pulled, cancelled: () => reason };
}

/** Lets everything happen that can happen without anyone reading. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a reader gets before the body ends or errors. */
async function readAll(body: ReadableStream<Uint8Array>): Promise<{ content: Buffer; error: unknown }> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of body) pieces.push(piece);
    return { content: Buffer.concat(pieces), error: undefined };
  } catch (error) {
    return { content: Buffer.concat(pieces), error };
  }
}

describe('sealing a stream', () => {
  test('reads nothing before it is read, and then only a little ahead', async () => {
    const { source, pulled } = endless();
    const reader = (await sealPaste(source, { key, random })).getReader();
    await settle();
    assert.equal(pulled(), 0);
    for (let piece = 1; piece <= 10; piece++) {
      await reader.read();
      await settle();
      assert.ok(pulled() <= piece + 20, `${pulled()} pieces read for ${piece}`);
    }
    await reader.cancel();
  });

  test('lets go of its source when it is cancelled', async () => {
    const { source, cancelled } = endless();
    const reader = (await sealPaste(source, { key, random })).getReader();
    await reader.read();
    await reader.read();
    await reader.cancel('enough');
    assert.equal(cancelled(), 'enough');
  });

  test('ends a generator that it read from', async () => {
    let ended = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield new Uint8Array(1000);
      } finally {
        ended = true;
      }
    };
    const reader = (await sealPaste(source(), { key, random })).getReader();
    await reader.read();
    await reader.read();
    await reader.cancel();
    assert.ok(ended);
  });

  test('fails with the error of its source, after which it does not look whole', async () => {
    const failure = new Error('the disk went away');
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(3 * SEGMENT_BYTES);
      throw failure;
    };
    const { content, error } = await readAll(await sealPaste(source(), { key, random }));
    assert.equal(error, failure);
    const opened = await openPaste(content, { key });
    assert.ok((await readAll(opened.body)).error instanceof SealedError);
  });

  test('takes pieces of any size, empty ones included, through a buffer that is used again', async () => {
    const content = random(300_000);
    for (const lengths of [[1000, 0, 7], [65536], [65535, 1], [300_000], [131_072, 3]]) {
      const sealed = await collect(await sealPaste(inPieces(content, lengths), { key, random }));
      const opened = await openPaste(inPieces(sealed, lengths), { key });
      assert.ok((await collect(opened.body)).equals(content), `${lengths}`);
    }
  });

  test('refuses a source of anything but bytes', async () => {
    const source = new ReadableStream({ start: (controller) => controller.enqueue('text') });
    await assert.rejects(collect(await sealPaste(source, { key, random })), TypeError);
  });
});

describe('opening a stream', () => {
  test('hands out what verified, and errors rather than ends when the file was cut', async () => {
    const content = random(4 * SEGMENT_BYTES);
    const sealed = await seal(content);
    for (const cut of [1, 17, 1000, SEGMENT_BYTES, 2 * SEGMENT_BYTES]) {
      const { body } = await openPaste(sealed.subarray(0, sealed.length - cut), { key });
      const got = await readAll(body);
      assert.ok(got.error instanceof SealedError, `cut by ${cut}`);
      assert.ok(got.content.length < content.length, 'nothing is released as whole');
      assert.ok(content.subarray(0, got.content.length).every((byte, i) => byte === got.content[i]));
    }
  });

  test('still tells a file that goes on behind its end from one that was changed when more is read meanwhile', async () => {
    const sealed = await collect(await sealChunk(random(SEGMENT_BYTES), { key, random, context: CHUNK }));
    const longer = Buffer.concat([sealed, random(20 * SEGMENT_BYTES)]);
    const { body } = await openChunk(inPieces(longer, [1000]), { key });
    assert.ok(code('trailing_data')((await readAll(body)).error));
  });

  test('lets go of its source when the key does not fit, having read no more than the start', async () => {
    const sealed = await seal(random(10 * SEGMENT_BYTES));
    let at = 0;
    let cancelled = false;
    const source = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          controller.enqueue(sealed.subarray(at, at + 100));
          at += 100;
        },
        cancel() {
          cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    await assert.rejects(openPaste(source, { key: newKey(random) }), code('wrong_key'));
    assert.ok(cancelled);
    assert.ok(at <= 500, `${at} bytes read`);
  });

  test('lets go of its source when a segment does not verify', async () => {
    const sealed = await seal(random(40 * SEGMENT_BYTES));
    sealed[200_000] = (sealed[200_000] ?? 0) ^ 1;
    let ended = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* inPieces(sealed, [10_000]);
      } finally {
        ended = true;
      }
    };
    const { body } = await openPaste(source(), { key });
    assert.ok(code('segment_corrupt')((await readAll(body)).error));
    assert.ok(ended);
  });

  test('passes on the error of its source', async () => {
    const sealed = await seal(random(3 * SEGMENT_BYTES));
    const failure = new Error('connection reset');
    const source = async function* (end: number): AsyncGenerator<Uint8Array> {
      yield sealed.subarray(0, end);
      throw failure;
    };
    await assert.rejects(openPaste(source(10), { key }), failure);
    await assert.rejects(openPaste(source(5000), { key }), failure);
    const { body } = await openPaste(source(100_000), { key });
    assert.equal((await readAll(body)).error, failure);
  });

  test('holds long runs of zeros back as a number, and gives them back in small pieces', async () => {
    // Ends of segments fall on markers, within zeros and between: each could be the end of the content.
    const content = Buffer.alloc(5_000_000);
    for (const at of [0, 1, 65529, 65530, 131_000, 2_000_000, 4_999_000]) content[at] = 0x80;
    for (const end of [65_530, 65_531, 200_000, 3_000_000, 5_000_000]) {
      const { body } = await openPaste(await seal(content.subarray(0, end)), { key });
      const { content: got, error } = await readAll(body);
      assert.equal(error, undefined);
      assert.ok(got.equals(content.subarray(0, end)), `${end}`);
    }
    const { body } = await openPaste(await seal(content), { key });
    for await (const piece of body) assert.ok(piece.length <= SEGMENT_BYTES);
  });

  test('stops when it is cancelled', async () => {
    const sealed = await seal(random(40 * SEGMENT_BYTES));
    let ended = false;
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* inPieces(sealed, [10_000]);
      } finally {
        ended = true;
      }
    };
    const { body } = await openPaste(source(), { key });
    const reader = body.getReader();
    await reader.read();
    await reader.cancel();
    assert.ok(ended);
  });

  test('may be done many times at once', async () => {
    const contents = Array.from({ length: 20 }, (_, i) => random(i * 10_007));
    const backs = await Promise.all(
      contents.map(async (content) =>
        collect((await openPaste(await sealPaste(content, { key, random }), { key })).body),
      ),
    );
    for (const [i, back] of backs.entries()) assert.ok(back.equals(contents[i] ?? Buffer.alloc(0)), `${i}`);
  });
});
