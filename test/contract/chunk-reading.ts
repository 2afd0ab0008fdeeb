/** Chunks and bundles as they are read: by their owner alone, in order, and only what is there. */
import assert from 'node:assert/strict';
import type { Chunk } from '../../src/store/chunks.ts';
import { accountId } from './account-room.ts';
import {
  audit,
  type ChunkIt,
  type ChunksUnderTest,
  chunkId,
  commit,
  incidentId,
  openStream,
  owned,
  recording,
  streamId,
} from './chunk-room.ts';
import { bytesOf, hashOf, NOW, stage } from './room.ts';

const MIB = 1024 * 1024;
const indexes = (chunks: readonly Chunk[] | string) =>
  typeof chunks === 'string' ? chunks : chunks.map(({ chunkIndex }) => chunkIndex);

/** Changes the deletion state of incident `n`, as the worker does. */
async function setState({ db }: ChunksUnderTest, n: number, state: string): Promise<void> {
  const sql = 'UPDATE incidents SET deletion_state = ? WHERE id = ?';
  await db.batch([{ sql, args: [state, incidentId(n)] }], 'write');
}

export function reading(it: ChunkIt): void {
  it('chunks are listed in the order of their ids, page by page, to their owner alone', async (subject) => {
    const { chunks } = subject.store;
    await recording(subject, 1);
    await recording(subject, 2);
    await openStream(subject, 12, 1, 'audio');
    for (const index of [3, 1, 2]) await commit(subject, index);
    await commit(subject, 7, { streamId: streamId(12), chunk: { mediaType: 'audio' } });
    await commit(subject, 1, { to: 2 });
    const first = await chunks.list(owned(1), undefined, 3);
    assert.deepEqual(indexes(first), [3, 1, 2]);
    assert.ok(typeof first === 'object');
    assert.deepEqual(indexes(await chunks.list(owned(1), first.at(-1)?.id, 3)), [7]);
    assert.deepEqual(indexes(await chunks.list(owned(1), chunkId(999_999), 3)), []);
    for (const stranger of [owned(1, 2), owned(9)])
      assert.equal(await chunks.list(stranger, undefined, 3), 'incident_not_found');
  });

  it('chunks are listed while their incident is being deleted, and not after', async (subject) => {
    await recording(subject);
    await commit(subject, 1);
    for (const state of ['deletion_pending', 'deleting', 'deletion_failed']) {
      await setState(subject, 1, state);
      assert.deepEqual(indexes(await subject.store.chunks.list(owned(1), undefined, 9)), [1]);
    }
    await setState(subject, 1, 'deleted');
    assert.equal(await subject.store.chunks.list(owned(1), undefined, 9), 'incident_not_found');
  });

  it('a chunk is found in any state of its stream, and what is missing is named', async (subject) => {
    const { chunks, streams, incidents } = subject.store;
    await recording(subject, 1);
    await recording(subject, 2);
    await commit(subject, 1);
    const find = async (whose = owned(1), stream = streamId(1), index = 1) => {
      const found = await chunks.find(whose, stream, index);
      return typeof found === 'string' ? found : found.chunkIndex;
    };
    assert.equal(await find(), 1);
    await streams.fail(owned(1), streamId(1), undefined, NOW, audit('stream_fail'));
    await incidents.close(owned(1), NOW, audit('incident_close'));
    assert.equal(await find(), 1);
    assert.equal(await find(owned(1), streamId(1), 2), 'chunk_not_found');
    assert.equal(await find(owned(1), streamId(2)), 'stream_not_found');
    assert.equal(await find(owned(2), streamId(1)), 'stream_not_found');
    assert.equal(await find(owned(1, 2)), 'incident_not_found');
    await setState(subject, 1, 'deletion_pending');
    assert.equal(await find(owned(1), streamId(9)), 'incident_deleting');
    await setState(subject, 1, 'deleted');
    assert.equal(await find(), 'incident_not_found');
  });

  it('a chunk of no stream is found by its kind and index, and by nobody else', async (subject) => {
    const { chunks } = subject.store;
    await recording(subject, 1);
    await recording(subject, 2);
    await commit(subject, 5);
    await imported(subject);
    const kept = await chunks.findLegacy(owned(1), 'audio', 0);
    assert.ok(typeof kept === 'object');
    assert.equal(kept.streamId, undefined);
    assert.equal('streamId' in kept, false);
    assert.equal(await chunks.findLegacy(owned(1), 'video', 5), 'chunk_not_found');
    assert.equal(await chunks.findLegacy(owned(2), 'audio', 0), 'chunk_not_found');
    assert.equal(await chunks.findLegacy(owned(1, 2), 'audio', 0), 'incident_not_found');
    assert.equal(indexes(await chunks.list(owned(1), undefined, 9)).length, 2);
    await setState(subject, 1, 'deleting');
    assert.equal(await chunks.findLegacy(owned(1), 'audio', 0), 'incident_deleting');
  });

  it('the chunks of a stream come by index, page by page, with the place of their bytes', async (subject) => {
    const { chunks } = subject.store;
    await recording(subject);
    await openStream(subject, 12, 1);
    for (const index of [4, 2, 3, 1, 10]) await commit(subject, index);
    await commit(subject, 5, { streamId: streamId(12) });
    assert.deepEqual(indexes(await chunks.page(streamId(1), 0, 2)), [1, 2]);
    assert.deepEqual(indexes(await chunks.page(streamId(1), 2, 2)), [3, 4]);
    assert.deepEqual(indexes(await chunks.page(streamId(1), 4, 2)), [10]);
    assert.deepEqual(await chunks.page(streamId(1), 10, 2), []);
    const [first] = await chunks.page(streamId(1), 0, 1);
    assert.deepEqual(await subject.blobs.read(first?.blob ?? '', 0), bytesOf(10, 1));
    assert.equal(first?.crc32, 4_000_000_001);
  });

  it('bytes are present while the first and the last segment of every chunk are there', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    assert.equal(await store.chunks.bytesPresent(streamId(1)), true);
    await commit(subject, 1);
    await commit(subject, 2, { pending: await stage(subject, 'chk_two', [MIB, MIB]) });
    await commit(subject, 3, { pending: await stage(subject, 'chk_more', [MIB, 1]) });
    assert.equal(await store.chunks.bytesPresent(streamId(1)), true);
    for (const [name, index] of [
      ['chk_two', 1],
      ['chk_more', 0],
    ] as const) {
      const bytes = (await blobs.take(name, index)) ?? assert.fail('no segment');
      assert.equal(await store.chunks.bytesPresent(streamId(1)), false);
      const sql = 'INSERT INTO segments (blob, idx, bytes) VALUES (?, ?, ?)';
      await subject.db.batch([{ sql, args: [name, index, bytes] }], 'write');
    }
    assert.equal(await store.chunks.bytesPresent(streamId(1)), true);
  });
}

/** A chunk of incident 1 that belongs to no stream, as an import leaves it. */
async function imported({ db }: ChunksUnderTest): Promise<void> {
  const args = [chunkId(900_000), incidentId(1), hashOf(1), hashOf(2), 'chk_imported', NOW];
  const sql = `INSERT INTO chunks (id, incident_id, chunk_index, media_type, started_at, ended_at, byte_size,
      sha256, crc32, fingerprint, blob, created_at)
    VALUES (?1, ?2, 0, 'audio', '2026-01-02T03:04:05Z', '2026-01-02T03:04:06Z', 3, ?3, 0, ?4, ?5, ?6)`;
  await db.batch([{ sql, args }], 'write');
}

export function bundling(it: ChunkIt): void {
  it('a bundle holds the incident, its newest check-in and its complete streams', async (subject) => {
    const { bundles, streams, checkins } = subject.store;
    await recording(subject);
    for (const n of [2, 3, 4]) await openStream(subject, n, 1);
    for (const n of [1, 4, 3]) {
      await commit(subject, 1, { streamId: streamId(n) });
      if (n !== 3) await streams.complete(owned(1), streamId(n), 1, NOW + n, audit('stream_complete'));
    }
    await streams.fail(owned(1), streamId(2), undefined, NOW, audit('stream_fail'));
    const checkin = (n: number, createdAt: number) => ({
      ...{ id: `cin_${n}`, incidentId: incidentId(1), createdAt },
      batteryPercent: n,
    });
    assert.equal((await bundles.contents(incidentId(1)))?.latestCheckin, undefined);
    for (const [n, at] of [
      [1, NOW + 5],
      [2, NOW + 9],
      [3, NOW + 9],
      [4, NOW],
    ] as const)
      await checkins.add(owned(1), checkin(n, at), 'ses_1', audit('checkin_create'));
    const contents = (await bundles.contents(incidentId(1))) ?? assert.fail('no contents');
    assert.deepEqual(
      contents.streams.map(({ id, status }) => [id, status]),
      [1, 4].map((n) => [streamId(n), 'complete']),
    );
    assert.deepEqual(contents.latestCheckin, checkin(3, NOW + 9));
    assert.equal(contents.incident.ownerAccountId, accountId(1));
  });

  it('there is no bundle of an incident that is not active, or not there', async (subject) => {
    const { bundles } = subject.store;
    await recording(subject, 1);
    await recording(subject, 2);
    assert.equal(await bundles.contents(incidentId(9)), undefined);
    const stream = await bundles.stream(incidentId(1), streamId(1));
    assert.equal(typeof stream === 'object' && stream.status, 'open');
    assert.equal(await bundles.stream(incidentId(1), streamId(2)), 'stream_not_found');
    for (const state of ['deletion_pending', 'deleting', 'deletion_failed', 'deleted']) {
      await setState(subject, 1, state);
      assert.equal(await bundles.contents(incidentId(1)), undefined);
      assert.equal(await bundles.stream(incidentId(1), streamId(1)), 'incident_deleting');
    }
  });
}
