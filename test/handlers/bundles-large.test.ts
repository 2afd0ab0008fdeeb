import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nodeCrc32 } from '../../runtime/digest.ts';
import type { Blobs, Bytes } from '../../src/store/store.ts';
import { answers, post, type Session } from '../support/ask.ts';
import { inEvidence, newIncident, newStream } from '../support/evidence.ts';
import { type House, ORIGIN } from '../support/house.ts';
import { type Alike, writeAlike } from '../support/many-chunks.ts';
import { incidentBundlePath, type Recording } from '../support/recordings.ts';
import { rounds } from '../support/seed.ts';
import { tempDir } from '../support/temp.ts';
import { noZipPeers, type PeerEntry, pythonReads, unzipReads } from '../support/zip-peers.ts';

type Made = Pick<Recording, 'incidentId' | 'streamId'>;

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

const namesOf = (streamId: string, count: number) => [
  `streams/${streamId}/manifest.json`,
  ...Array.from(
    { length: count },
    (_, at) => `streams/${streamId}/chunks/audio_${String(at + 1).padStart(6, '0')}.enc`,
  ),
];

/** A complete stream of chunks that are all alike. */
async function filled(house: House, as: Session, wish: Omit<Alike, 'streamId' | 'createdAt'>): Promise<Made> {
  const { incidentId } = wish;
  const streamId = await newStream(house, as, incidentId);
  await writeAlike(house.db, { ...wish, streamId, createdAt: house.clock.now() });
  const path = `/v1/incidents/${incidentId}/streams/${streamId}/complete`;
  answers(await post(house, path, as, { expected_chunk_count: wish.count }), 200);
  return { incidentId, streamId };
}

const ask = (house: House, as: Session, path: string, headers: Record<string, string> = {}) =>
  house.main(
    new Request(`${ORIGIN}${path}`, { headers: { authorization: `Bearer ${as.token}`, ...headers } }),
  );

/** Downloads to a file. Pieces of `hole` are left out: a file system gives zeros there. */
async function save(answer: Response, file: FileHandle, hole?: ArrayBufferLike): Promise<number> {
  let at = 0;
  for await (const piece of answer.body ?? []) {
    if (piece.buffer !== hole) await file.write(piece, 0, piece.length, at);
    at += piece.length;
  }
  await file.truncate(at);
  assert.equal(String(at), answer.headers.get('content-length'));
  return at;
}

/** Downloads a bundle, holds parts of it against the whole, and lets `use` look at the file. */
async function saved(
  house: House,
  as: Session,
  path: string,
  hole: ArrayBufferLike | undefined,
  use: (file: string, length: number) => Promise<void>,
): Promise<void> {
  const dir = await tempDir();
  try {
    const name = join(dir.path, 'bundle.zip');
    const file = await open(name, 'w+');
    try {
      const whole = await ask(house, as, path);
      assert.equal(whole.status, 200);
      const length = await save(whole, file, hole);
      for (const start of [1, length >> 1, length - 200_000].filter((at) => at > 0)) {
        const end = Math.min(length, start + 90_000);
        const part = await ask(house, as, path, { range: `bytes=${start}-${end - 1}` });
        assert.equal(part.status, 206);
        const expected = Buffer.alloc(end - start);
        await file.read(expected, 0, end - start, start);
        assert.ok(expected.equals(Buffer.from(await part.arrayBuffer())), `from ${start} of ${length}`);
      }
      await use(name, length);
    } finally {
      await file.close();
    }
  } finally {
    await dir.remove();
  }
}

const nameOf = ({ name }: PeerEntry) => name;

describe('bundles that are large', { skip: noZipPeers, timeout: 600_000 }, () => {
  it('of 70,000 chunks are read by others', () =>
    inEvidence({}, async (house, as) => {
      const count = 70_000;
      const bytes: Bytes = new TextEncoder().encode('sealed bytes of a chunk, more or less');
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const content = { size: bytes.length, sha256, crc32: nodeCrc32(bytes, 0) };
      const incidentId = await newIncident(house, as);
      const made = await filled(house, as, { incidentId, count, content, segments: [{ idx: 0, bytes }] });
      const names = namesOf(made.streamId, count);
      await saved(house, as, incidentBundlePath(incidentId), undefined, async (file) => {
        assert.deepEqual((await pythonReads(file)).map(nameOf), ['manifest.json', ...names]);
        assert.equal(await unzipReads(file), count + 2);
      });
    }));

  it('of more than 4 GiB are read by others', () => {
    const zeros: Bytes = new Uint8Array(MIB);
    // Each may be as large as an upload: the last of them begins before 4 GiB and ends behind.
    const count = 17;
    const size = 241 * MIB + 5;
    const last = Math.floor(size / MIB);
    const digest = createHash('sha256');
    let crc32 = 0;
    for (let at = 0; at < size; at += MIB) {
      const piece = zeros.subarray(0, Math.min(MIB, size - at));
      digest.update(piece);
      crc32 = nodeCrc32(piece, crc32);
    }
    // The bytes come out of nothing: they are zeros, and a disk for all of them would show nothing more.
    const generated: Pick<Blobs, 'segmentBytes' | 'read'> = {
      segmentBytes: MIB,
      read: async (_name, index) => zeros.subarray(0, Math.min(MIB, size - index * MIB)),
    };
    const ports = { blobs: generated as Blobs };
    return inEvidence({ ports }, async (house, as) => {
      const content = { size, sha256: digest.digest('hex'), crc32 };
      const incidentId = await newIncident(house, as);
      const segments = [0, last].map((idx) => ({ idx, bytes: new Uint8Array(1) }));
      const made = await filled(house, as, { incidentId, count, content, segments });
      await saved(house, as, incidentBundlePath(incidentId), zeros.buffer, async (file, length) => {
        assert.ok(length > 4 * GIB);
        const entries = await pythonReads(file);
        const names = namesOf(made.streamId, count);
        assert.deepEqual(entries.map(nameOf), ['manifest.json', ...names]);
        // One has compared all checksums: the other looks at what lies around 4 GiB.
        assert.equal(await unzipReads(file, rounds(1) > 1 ? [] : names.slice(-1)), count + 2);
      });
    });
  });
});
