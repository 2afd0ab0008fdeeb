/** Bytes on their way in: whatever pieces they come in, the same bytes are staged, and no piece is kept. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { type ReceivedPaste, receivePaste } from '../../src/core/paste-intake.ts';
import type { Bytes } from '../../src/store/store.ts';
import { type House, inHouse } from '../support/house.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const LIMIT = 8 * MIB;

/** Bytes of which no two stretches look alike. */
function content(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 131 + (i >> 8) * 31 + (i >> 16)) & 0xff;
  return bytes;
}

/** Pieces of these lengths, over and over, each in memory of its own. */
function* cut(bytes: Bytes, lengths: readonly number[]): Generator<Bytes> {
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const length = lengths[n % lengths.length] ?? bytes.length;
    yield bytes.slice(at, at + length);
    at += length;
  }
}

function take(house: House, pieces: Iterable<Bytes>, hashed = true): Promise<ReceivedPaste> {
  const source = {
    async *chunks() {
      yield* pieces;
    },
  };
  return receivePaste(house.deps, source, LIMIT, hashed);
}

/** The bytes that lie in the database. */
async function staged(house: House, { pending }: ReceivedPaste): Promise<Buffer> {
  assert.equal(pending.kind, 'staged');
  const sql = 'SELECT bytes FROM segments WHERE blob = ? ORDER BY idx';
  const args = [pending.kind === 'staged' ? pending.blob : ''];
  const [result] = await house.db.batch([{ sql, args }], 'read');
  return Buffer.concat((result?.rows ?? []).map(([bytes]) => bytes as Uint8Array));
}

describe('a body of several segments', () => {
  const shapes: Readonly<Record<string, readonly number[]>> = {
    'small pieces': [1000, 7, 16 * KIB],
    'pieces as Bun delivers them': [512 * KIB],
    'pieces that cross the end of a segment': [300 * KIB, 65 * KIB + 1],
    'pieces of a whole segment': [MIB],
    'pieces of more than two segments': [2 * MIB + 300 * KIB, 100],
  };
  for (const [name, lengths] of Object.entries(shapes)) {
    it(`arrives whole in ${name}`, () =>
      inHouse({}, async (house) => {
        const sent = content(5 * MIB + 12_345);
        const received = await take(house, cut(sent, lengths));
        assert.equal(received.size, sent.length);
        assert.ok((await staged(house, received)).equals(sent));
        assert.deepEqual(Buffer.from(received.sha256), createHash('sha256').update(sent).digest());
      }));
  }

  it('arrives whole in pieces that are views of one piece of memory, which stays as it was', () =>
    inHouse({}, async (house) => {
      const sent = content(3 * MIB + 5);
      const views = [0, MIB + 1, 2 * MIB + 7].map((at, i, starts) => sent.subarray(at, starts[i + 1]));
      const received = await take(house, views);
      assert.ok((await staged(house, received)).equals(content(3 * MIB + 5)));
      assert.equal(sent.length, 3 * MIB + 5);
    }));

  it('is not hashed where nobody asks, and whoever asks all the same is told', () =>
    inHouse({}, async (house) => {
      const sent = content(MIB + 5);
      const received = await take(house, cut(sent, [512 * KIB]), false);
      assert.ok((await staged(house, received)).equals(sent));
      assert.throws(() => received.sha256, TypeError);
    }));

  it('leaves the memory of no large piece behind', () =>
    inHouse({}, async (house) => {
      const pieces = [...cut(content(3 * MIB), [512 * KIB])];
      await take(house, pieces);
      assert.deepEqual(
        pieces.map((piece) => piece.buffer.byteLength),
        [0, 0, 0, 0, 0, 0],
      );
    }));
});
