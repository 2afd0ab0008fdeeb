/** Uploads in pieces: what is remembered of one, how far it is, and when it is forgotten. */
import assert from 'node:assert/strict';
import type { Upload } from '../../src/store/chunks.ts';
import { accountId } from './account-room.ts';
import {
  both,
  type ChunkIt,
  type ChunksUnderTest,
  commit,
  numberOf,
  recording,
  retry,
  short,
  tallyOf,
  uploadId,
  uploadOf,
} from './chunk-room.ts';
import { bytesOf, HOUR, hashOf, MINUTE, NOW, together } from './room.ts';

const MIB = 1024 * 1024;
/** More than any account has unfinished here. */
const MANY = 1000;

async function begin(subject: ChunksUnderTest, n: number, wish: Partial<Omit<Upload, 'offset'>> = {}) {
  const upload = uploadOf(n, wish);
  assert.ok(await subject.store.uploads.create(upload, null, MANY));
  return upload;
}

const find = ({ store }: ChunksUnderTest, n: number, now = NOW) =>
  store.uploads.find(uploadId(n), accountId(1), now);

export function uploading(it: ChunkIt): void {
  it('an upload is found as it was made, with nothing of it there yet', async (subject) => {
    await recording(subject);
    const plain = await begin(subject, 1);
    assert.deepEqual(await find(subject, 1), { ...plain, offset: 0 });
    const full = await begin(subject, 2, {
      ...{ originalFilename: 'clip.enc', length: 77, retryKeyHash: hashOf(3), protocol: 'tus' },
    });
    assert.deepEqual(await find(subject, 2), { ...full, offset: 0 });
  });

  it('its offset is what was staged of it', async (subject) => {
    await recording(subject);
    const { blob, expiresAt } = await begin(subject, 1);
    assert.equal(await subject.blobs.extend(blob, 0, bytesOf(700), expiresAt), 'extended');
    assert.equal((await find(subject, 1))?.offset, 700);
    assert.equal(await subject.blobs.extend(blob, 700, bytesOf(MIB), expiresAt), 'extended');
    assert.equal((await find(subject, 1))?.offset, MIB + 700);
  });

  it('somebody else’s, an expired and an unknown one are not found', async (subject) => {
    await recording(subject, 1);
    await recording(subject, 2);
    await begin(subject, 1);
    assert.equal(await subject.store.uploads.find(uploadId(1), accountId(2), NOW), undefined);
    assert.equal(await find(subject, 9), undefined);
    assert.ok(await find(subject, 1, NOW + HOUR - 1));
    assert.equal(await find(subject, 1, NOW + HOUR), undefined);
  });

  it('one whose bytes were discarded or swept is forgotten, however few there were', async (subject) => {
    const { blobs } = subject;
    await recording(subject);
    const discarded = await begin(subject, 1);
    await blobs.discard(discarded.blob);
    assert.equal(await find(subject, 1), undefined);
    const swept = await begin(subject, 2);
    await blobs.extend(swept.blob, 0, bytesOf(10), NOW + MINUTE);
    assert.ok(await find(subject, 2, NOW + MINUTE));
    await blobs.sweep(NOW + MINUTE, 10);
    assert.equal(await find(subject, 2, NOW + MINUTE), undefined);
  });

  it('its length is said once', async (subject) => {
    const { uploads } = subject.store;
    await recording(subject);
    await begin(subject, 1);
    const said = await together(both(subject), 8, ({ store }, i) =>
      store.uploads.setLength(uploadId(1), 100 + (i % 2)),
    );
    assert.deepEqual(tallyOf(said.map(String)), { true: 4, false: 4 });
    const length = (await find(subject, 1))?.length ?? 0;
    assert.equal(await uploads.setLength(uploadId(1), length), true);
    assert.equal(await uploads.setLength(uploadId(1), length + 1), false);
    assert.equal(await uploads.setLength(uploadId(9), 1), false);
  });

  it('an upload becomes a chunk of the bytes that were staged, and can be asked for that', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    const { blob } = await begin(subject, 1, { length: MIB + 10 });
    await blobs.extend(blob, 0, bytesOf(100), NOW + HOUR);
    await blobs.extend(blob, 100, bytesOf(MIB - 90), NOW + HOUR);
    const pending = { kind: 'staged', blob, size: MIB + 10 } as const;
    const made = await commit(subject, 1, { pending });
    assert.ok(made.kind === 'committed');
    // Whoever committed it may not have lived to say so.
    const before = await find(subject, 1);
    assert.deepEqual([before?.chunkId, before?.offset], [made.chunk.id, MIB + 10]);
    await store.uploads.conclude(uploadId(1), { chunkId: made.chunk.id });
    assert.deepEqual(await find(subject, 1), before);
    const whole = [await blobs.read(blob, 0), await blobs.read(blob, 1)].map((part) => part ?? assert.fail());
    assert.deepEqual(Buffer.concat(whole), Buffer.concat([bytesOf(100), bytesOf(MIB - 90)]));
    assert.equal(await blobs.extend(blob, MIB + 10, bytesOf(1), NOW + HOUR), 'moved');
  });

  it('what became of it is recorded once, and outlives its bytes', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    await commit(subject, 1, retry(1));
    const replay = await begin(subject, 1, { length: 10 });
    await blobs.extend(replay.blob, 0, bytesOf(10), NOW + HOUR);
    const pending = { kind: 'staged', blob: replay.blob, size: 10 } as const;
    const made = await commit(subject, 1, { ...retry(1), pending });
    assert.ok(made.kind === 'replayed');
    await store.uploads.conclude(uploadId(1), { chunkId: made.chunk.id });
    await blobs.discard(replay.blob);
    assert.equal((await find(subject, 1))?.chunkId, made.chunk.id);
    const refused = await begin(subject, 2);
    await store.uploads.conclude(uploadId(2), { refusal: 'hash_mismatch' });
    await store.uploads.conclude(uploadId(2), { refusal: 'duplicate_chunk' });
    await store.uploads.conclude(uploadId(2), { chunkId: made.chunk.id });
    await blobs.discard(refused.blob);
    const concluded = await find(subject, 2);
    assert.deepEqual([concluded?.refusal, concluded?.chunkId], ['hash_mismatch', undefined]);
  });

  it('bytes that another request adds meanwhile keep an upload from being committed too short', async (subject) => {
    await recording(subject);
    const { blob } = await begin(subject, 1);
    await subject.blobs.extend(blob, 0, bytesOf(10), NOW + HOUR);
    await subject.blobs.extend(blob, 10, bytesOf(10), NOW + HOUR);
    assert.equal(short(await commit(subject, 1, { pending: { kind: 'staged', blob, size: 10 } })), 'lost');
  });

  it('removing one forgets it, and its bytes are nobody’s until a sweep erases them', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    const { blob } = await begin(subject, 1);
    await blobs.extend(blob, 0, bytesOf(10), NOW + HOUR);
    await store.uploads.remove(uploadId(1));
    await store.uploads.remove(uploadId(1));
    assert.equal(await find(subject, 1), undefined);
    for (const offset of [0, 10])
      assert.equal(await blobs.extend(blob, offset, bytesOf(1), NOW + HOUR), 'moved');
    assert.equal(await blobs.sweep(NOW, 10), 1);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM segments'), 0);
  });

  it('a sweep forgets what has expired, in bounded steps, and gives its bytes to the sweep of blobs', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    for (let n = 1; n <= 5; n += 1) {
      const { blob } = await begin(subject, n, { expiresAt: NOW + n * MINUTE });
      // Bytes that believe in a longer life than their upload has.
      await blobs.extend(blob, 0, bytesOf(10), NOW + 99 * HOUR);
    }
    const late = NOW + 4 * MINUTE;
    assert.equal(await store.uploads.sweep(NOW, 3), true);
    assert.equal(await store.uploads.sweep(late, 3), false);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM uploads'), 2);
    assert.equal(await store.uploads.sweep(late, 3), true);
    assert.equal(await blobs.sweep(late, 10), 4);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM segments'), 1);
    assert.equal((await find(subject, 5, late))?.offset, 10);
  });

  it('a sweep leaves alone what became a chunk', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    const { blob } = await begin(subject, 1);
    await blobs.extend(blob, 0, bytesOf(10), NOW + HOUR);
    await commit(subject, 1, { pending: { kind: 'staged', blob, size: 10 } });
    assert.equal(await store.uploads.sweep(NOW + HOUR, 10), true);
    await blobs.sweep(NOW + 99 * HOUR, 10);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM uploads'), 0);
    assert.deepEqual(await blobs.read(blob, 0), bytesOf(10));
  });
}
