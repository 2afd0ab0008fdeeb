/** Streams: opened, listed, completed with exactly their chunks, or failed. */
import assert from 'node:assert/strict';
import { NOW } from './account-room.ts';
import {
  about,
  addChunk,
  begin,
  type IncidentIt,
  type IncidentStores,
  incidentId,
  MANY,
  open,
  outcomes,
  owned,
  setState,
  streamId,
  streamOf,
} from './incident-room.ts';

const complete = (
  { streams }: IncidentStores,
  stream: number,
  count: number,
  now = NOW,
  incident = 1,
  of = 1,
) => streams.complete(owned(incident, of), streamId(stream), count, now, about('stream_complete', incident));
const fail = (
  { streams }: IncidentStores,
  stream: number,
  reason?: string,
  now = NOW,
  incident = 1,
  of = 1,
) => streams.fail(owned(incident, of), streamId(stream), reason, now, about('stream_fail', incident));

export function streaming(it: IncidentIt): void {
  it('gives a stream back as it was opened, with what it holds so far', async (subject) => {
    const { streams } = subject;
    await begin(subject, 1);
    const labelled = streamOf(1, 1, { label: 'front camera', mediaType: 'video', createdAt: NOW + 1 });
    assert.equal(await streams.create(owned(1), labelled, MANY, about('stream_create', 1)), 'created');
    const fresh = { ...labelled, status: 'open', updatedAt: NOW + 1, chunkCount: 0, totalBytes: 0 };
    assert.deepEqual(await streams.find(owned(1), streamId(1)), fresh);
    await addChunk(subject, 1, { incident: 1, stream: 1, index: 1 }, 10);
    await addChunk(subject, 2, { incident: 1, stream: 1, index: 7 }, 32);
    assert.deepEqual(await streams.find(owned(1), streamId(1)), { ...fresh, chunkCount: 2, totalBytes: 42 });
    await subject.db.batch([{ sql: 'DELETE FROM chunks WHERE chunk_index = 7' }], 'write');
    assert.deepEqual(await streams.find(owned(1), streamId(1)), { ...fresh, chunkCount: 1, totalBytes: 10 });
    assert.equal((await subject.incidents.find(owned(1)))?.updatedAt, NOW);
  });

  it('opens no more streams than an incident may have, ended ones included, also at the same moment', async (subject) => {
    const { streams } = subject;
    await begin(subject, 1);
    await begin(subject, 2);
    const create = (n: number, incident = 1) =>
      streams.create(owned(incident), streamOf(n, incident), 3, about('stream_create', incident));
    assert.equal(await create(1), 'created');
    await fail(subject, 1);
    const made = await Promise.all([2, 3, 4, 5].map((n) => create(n)));
    assert.deepEqual(made.sort(), ['created', 'created', 'stream_limit_reached', 'stream_limit_reached']);
    assert.equal(await create(6, 2), 'created', 'another incident');
    assert.deepEqual(
      (await outcomes(subject, 'stream_create')).filter((outcome) => outcome === 'conflict').length,
      2,
    );
  });

  it('opens a stream only where recording goes on, and only for the owner', async (subject) => {
    const { streams, incidents } = subject;
    await begin(subject, 1);
    const create = (incident: number, of: number) =>
      streams.create(owned(incident, of), streamOf(1, incident), MANY, about('stream_create', incident));
    assert.equal(await create(1, 2), 'incident_not_found');
    assert.equal(await create(9, 1), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'stream_create'), []);
    await incidents.close(owned(1), NOW, about('incident_close', 1));
    assert.equal(await create(1, 1), 'incident_closed');
    await setState(subject, 1, 'deletion_failed');
    assert.equal(await create(1, 1), 'incident_deleting');
    assert.deepEqual(await streams.list(owned(1), undefined, 9), []);
    assert.deepEqual(await outcomes(subject, 'stream_create'), ['conflict', 'conflict']);
  });

  it('lists the streams of one incident in the order of creation, page by page', async (subject) => {
    const { streams } = subject;
    for (const n of [1, 2]) await begin(subject, n);
    for (const [n, incident] of [
      [3, 1],
      [1, 1],
      [2, 2],
      [4, 1],
    ] as const) {
      await open(subject, n, incident);
    }
    const page = async (after: string | undefined, limit: number) => {
      const found = await streams.list(owned(1), after, limit);
      assert.ok(typeof found !== 'string');
      return found.map(({ id }) => id);
    };
    assert.deepEqual(await page(undefined, 2), [streamId(1), streamId(3)]);
    assert.deepEqual(await page(streamId(3), 2), [streamId(4)]);
    assert.deepEqual(await page(streamId(4), 2), []);
  });

  it('shows streams to the owner of their incident alone, also while it is being deleted', async (subject) => {
    const { streams } = subject;
    for (const n of [1, 2]) await begin(subject, n);
    await open(subject, 1, 1);
    assert.equal(await streams.list(owned(1, 2), undefined, 9), 'incident_not_found');
    assert.equal(await streams.find(owned(1, 2), streamId(1)), 'incident_not_found');
    assert.equal(await streams.find(owned(2), streamId(1)), 'stream_not_found');
    assert.equal(await streams.find(owned(1), streamId(9)), 'stream_not_found');
    await setState(subject, 1, 'deleting');
    assert.equal(((await streams.list(owned(1), undefined, 9)) as readonly unknown[]).length, 1);
    await setState(subject, 1, 'deleted');
    assert.equal(await streams.list(owned(1), undefined, 9), 'incident_not_found');
    assert.equal(await streams.find(owned(1), streamId(1)), 'incident_not_found');
  });

  it('completes a stream that has exactly the chunks 1 to n, also after the close', async (subject) => {
    const { streams, incidents } = subject;
    await begin(subject, 1);
    await open(subject, 1, 1);
    for (const index of [2, 1, 3]) await addChunk(subject, index, { incident: 1, stream: 1, index });
    await incidents.close(owned(1), NOW, about('incident_close', 1));
    const done = await complete(subject, 1, 3, NOW + 5);
    assert.deepEqual(done, {
      ...streamOf(1, 1),
      ...{ status: 'complete', expectedChunkCount: 3, completedAt: NOW + 5, updatedAt: NOW + 5 },
      ...{ chunkCount: 3, totalBytes: 30 },
    });
    assert.deepEqual(await streams.find(owned(1), streamId(1)), done);
    assert.equal((await incidents.find(owned(1)))?.updatedAt, NOW + 5);
    assert.equal(await complete(subject, 1, 3, NOW + 9), 'stream_already_complete');
    assert.equal(await fail(subject, 1, 'late', NOW + 9), 'stream_not_open');
    assert.deepEqual(await streams.find(owned(1), streamId(1)), done);
    assert.equal((await incidents.find(owned(1)))?.updatedAt, NOW + 5);
    assert.deepEqual(await outcomes(subject, 'stream_complete'), ['ok', 'conflict']);
    assert.deepEqual(await outcomes(subject, 'stream_fail'), ['conflict']);
  });

  it('completes no stream with a chunk missing, too many, or numbered otherwise', async (subject) => {
    await begin(subject, 1);
    for (const n of [1, 2, 3]) await open(subject, n, 1);
    assert.equal(await complete(subject, 1, 1), 'stream_chunks_incomplete');
    await addChunk(subject, 1, { incident: 1, stream: 1, index: 1 });
    await addChunk(subject, 2, { incident: 1, stream: 1, index: 3 });
    for (const count of [1, 3, Number.MAX_SAFE_INTEGER]) {
      assert.equal(await complete(subject, 1, count), 'stream_chunks_incomplete');
    }
    assert.equal(await complete(subject, 1, 2), 'stream_chunks_not_contiguous');
    // As many as they should be, and the last as it should be.
    for (const [n, index] of [0, 2].entries()) {
      await addChunk(subject, 10 + n, { incident: 1, stream: 2, index });
    }
    assert.equal(await complete(subject, 2, 2), 'stream_chunks_not_contiguous');
    // The chunks of another stream help nobody.
    await addChunk(subject, 20, { incident: 1, stream: 3, index: 2 });
    assert.equal(await complete(subject, 3, 1), 'stream_chunks_not_contiguous');
    assert.equal((await subject.incidents.find(owned(1)))?.updatedAt, NOW);
    assert.ok((await outcomes(subject, 'stream_complete')).every((outcome) => outcome === 'conflict'));
  });

  it('fails an open stream once, keeps the reason and the chunks, and completes it no more', async (subject) => {
    await begin(subject, 1);
    await open(subject, 1, 1);
    await addChunk(subject, 1, { incident: 1, stream: 1, index: 1 });
    const failed = await fail(subject, 1, 'battery empty', NOW + 5);
    assert.deepEqual(failed, {
      ...streamOf(1, 1),
      ...{ status: 'failed', failureReason: 'battery empty', failedAt: NOW + 5, updatedAt: NOW + 5 },
      ...{ chunkCount: 1, totalBytes: 10 },
    });
    assert.equal((await subject.incidents.find(owned(1)))?.updatedAt, NOW + 5);
    assert.equal(await fail(subject, 1, 'again', NOW + 9), 'stream_not_open');
    assert.equal(await complete(subject, 1, 1, NOW + 9), 'stream_failed');
    assert.deepEqual(await subject.streams.find(owned(1), streamId(1)), failed);
    await open(subject, 2, 1);
    const silent = await fail(subject, 2);
    assert.ok(typeof silent !== 'string' && !('failureReason' in silent));
  });

  it('ends no stream of somebody else, of another incident, or of one being deleted', async (subject) => {
    for (const n of [1, 2]) await begin(subject, n);
    await open(subject, 1, 1);
    await addChunk(subject, 1, { incident: 1, stream: 1, index: 1 });
    for (const [incident, of, stream, why] of [
      [1, 2, 1, 'incident_not_found'],
      [9, 1, 1, 'incident_not_found'],
      [2, 1, 1, 'stream_not_found'],
      [1, 1, 9, 'stream_not_found'],
    ] as const) {
      assert.equal(await complete(subject, stream, 1, NOW, incident, of), why);
      assert.equal(await fail(subject, stream, undefined, NOW, incident, of), why);
    }
    // None of these was there to be refused.
    assert.deepEqual(await outcomes(subject, 'stream_complete'), []);
    await setState(subject, 1, 'deletion_pending');
    assert.equal(await complete(subject, 1, 1), 'incident_deleting');
    assert.equal(await fail(subject, 1), 'incident_deleting');
    const stream = await subject.streams.find(owned(1), streamId(1));
    assert.ok(typeof stream !== 'string' && stream.status === 'open');
    assert.deepEqual(await outcomes(subject, 'stream_fail'), ['conflict']);
    const entry = (await subject.audited()).at(-1);
    assert.equal(entry?.incidentId, incidentId(1));
  });
}
