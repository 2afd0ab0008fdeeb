/** What a viewer link shows, and that every link that shows nothing is the same. */
import assert from 'node:assert/strict';
import type { Checkin, MediaType } from '../../src/store/incidents.ts';
import type { NewViewerToken } from '../../src/store/viewing.ts';
import { accountId } from './account-room.ts';
import {
  audit,
  type ChunkIt,
  type ChunksUnderTest,
  commit,
  incidentId,
  openStream,
  owned,
  recording,
  streamId,
} from './chunk-room.ts';
import { HOUR, hashOf, NOW } from './room.ts';

/** Makes link `n` of incident `incident`. */
async function link(
  { store }: ChunksUnderTest,
  n: number,
  incident = 1,
  wish: Partial<NewViewerToken> = {},
): Promise<void> {
  const token = { id: `itk_${n}`, incidentId: incidentId(incident), tokenHash: hashOf(n), createdAt: NOW };
  const made = await store.viewerTokens.create(
    owned(incident),
    { ...token, ...wish },
    audit('viewer_token_create', incident),
  );
  assert.equal(made, 'created');
}

async function checkIn({ store }: ChunksUnderTest, checkin: Omit<Checkin, 'incidentId'>): Promise<Checkin> {
  const whole = { ...checkin, incidentId: incidentId(1) };
  assert.equal(await store.checkins.add(owned(1), whole, 'ses_1', audit('checkin_create')), 'added');
  return whole;
}

/** Whether each of the three verbs shows something for a link. */
async function shows({ store: { viewer } }: ChunksUnderTest, n: number, now = NOW): Promise<boolean> {
  const answers = [
    await viewer.seen(hashOf(n), now),
    await viewer.data(hashOf(n), now),
    await viewer.payload(hashOf(n), now),
  ].map((answer) => answer !== undefined);
  assert.ok(answers.every((answer) => answer === answers[0]));
  return answers[0] ?? false;
}

export function viewing(it: ChunkIt): void {
  it('a link shows its incident, under the id of its token', async (subject) => {
    await recording(subject, 1);
    await recording(subject, 2);
    await link(subject, 1);
    await link(subject, 2, 2);
    const incident = (await subject.store.incidents.find(owned(1))) ?? assert.fail('no incident');
    assert.deepEqual(await subject.store.viewer.seen(hashOf(1), NOW), { tokenId: 'itk_1', incident });
    const other = await subject.store.viewer.seen(hashOf(2), NOW);
    assert.deepEqual([other?.tokenId, other?.incident.id], ['itk_2', incidentId(2)]);
  });

  it('unknown, expired and revoked links show nothing', async (subject) => {
    await recording(subject);
    await link(subject, 1, 1, { expiresAt: NOW + HOUR });
    await link(subject, 2);
    await link(subject, 3);
    assert.equal(await shows(subject, 9), false);
    assert.equal(await shows(subject, 1, NOW + HOUR - 1), true);
    assert.equal(await shows(subject, 1, NOW + HOUR), false);
    await subject.store.viewerTokens.revoke('itk_2', accountId(1), NOW, audit('viewer_token_revoke'));
    assert.equal(await shows(subject, 2), false);
    assert.equal(await shows(subject, 3, NOW + 9999 * HOUR), true);
  });

  it('a closed incident is shown, and so is one that nobody owns, but none that is on its way out', async (subject) => {
    const { db, store } = subject;
    await recording(subject);
    await link(subject, 1);
    await store.incidents.close(owned(1), NOW, audit('incident_close'));
    assert.equal((await store.viewer.seen(hashOf(1), NOW))?.incident.status, 'closed');
    await db.batch([{ sql: 'UPDATE incidents SET owner_account_id = NULL' }], 'write');
    assert.equal(await shows(subject, 1), true);
    for (const state of ['deletion_pending', 'deleting', 'deletion_failed', 'deleted']) {
      await db.batch([{ sql: 'UPDATE incidents SET deletion_state = ?', args: [state] }], 'write');
      assert.equal(await shows(subject, 1), false, state);
    }
  });

  it('the numbers are those of the chunks, and the newest is by time and then by index', async (subject) => {
    await recording(subject, 1);
    await recording(subject, 2);
    await link(subject, 1);
    assert.deepEqual((await subject.store.viewer.data(hashOf(1), NOW))?.media, []);
    await openStream(subject, 11, 1, 'audio');
    await openStream(subject, 12, 1, 'audio');
    const add = async (stream: number, index: number, createdAt: number, mediaType: MediaType) => {
      const made = await commit(subject, index, {
        streamId: streamId(stream),
        chunk: { createdAt, mediaType },
      });
      return made.kind === 'committed' ? made.chunk : assert.fail(made.kind);
    };
    await add(1, 9, NOW, 'video');
    const video = await add(1, 1, NOW + 1, 'video');
    await add(11, 3, NOW + 7, 'audio');
    const audio = await add(12, 4, NOW + 7, 'audio');
    await add(11, 2, NOW + 7, 'audio');
    await commit(subject, 1, { to: 2, chunk: { createdAt: NOW + 99 } });
    const data = (await subject.store.viewer.data(hashOf(1), NOW)) ?? assert.fail('nothing shown');
    assert.deepEqual(
      data.media.toSorted((a, b) => a.mediaType.localeCompare(b.mediaType)),
      [
        { mediaType: 'audio', chunkCount: 3, latestChunk: audio },
        { mediaType: 'video', chunkCount: 2, latestChunk: video },
      ],
    );
    assert.deepEqual(
      data.streams.map(({ id, chunkCount, totalBytes }) => [id, chunkCount, totalBytes]),
      [
        [streamId(1), 2, 20],
        [streamId(11), 2, 20],
        [streamId(12), 1, 10],
      ],
    );
  });

  it('chunks that were deleted are not counted any more', async (subject) => {
    await recording(subject);
    await link(subject, 1);
    await commit(subject, 1);
    await commit(subject, 2);
    await subject.db.batch([{ sql: 'DELETE FROM chunks WHERE chunk_index = 2' }], 'write');
    const media = (await subject.store.viewer.data(hashOf(1), NOW))?.media;
    assert.deepEqual(
      media?.map(({ chunkCount, latestChunk }) => [chunkCount, latestChunk.chunkIndex]),
      [[1, 1]],
    );
    await subject.db.batch([{ sql: 'DELETE FROM chunks' }], 'write');
    assert.deepEqual((await subject.store.viewer.data(hashOf(1), NOW))?.media, []);
  });

  it('the place is that of the newest check-in that has one, also when a newer one has none', async (subject) => {
    const { viewer } = subject.store;
    await recording(subject);
    await link(subject, 1);
    const payload = () => viewer.payload(hashOf(1), NOW);
    assert.deepEqual(Object.keys((await payload()) ?? {}).toSorted(), ['incident', 'tokenId']);
    await checkIn(subject, { id: 'cin_1', createdAt: NOW, latitude: 1.5, longitude: -2.25 });
    const place = await checkIn(subject, {
      ...{ id: 'cin_2', createdAt: NOW + 1, network: 'wifi' },
      ...{ latitude: 0, longitude: 0, accuracyMeters: 12.5 },
    });
    const latest = await checkIn(subject, { id: 'cin_3', createdAt: NOW + 2, batteryPercent: 7 });
    assert.deepEqual((await payload())?.latestLocation, place);
    assert.deepEqual((await payload())?.latestCheckin, latest);
    assert.deepEqual((await viewer.data(hashOf(1), NOW))?.latestCheckin, latest);
    assert.deepEqual((await viewer.seen(hashOf(1), NOW))?.latestCheckin, latest);
  });
}
