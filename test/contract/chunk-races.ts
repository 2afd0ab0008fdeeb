/** Commits at the same time, by two drivers: one wins, and nothing is half done. */
import assert from 'node:assert/strict';
import { accountId } from './account-room.ts';
import {
  audit,
  both,
  type ChunkIt,
  type ChunksUnderTest,
  type ChunkWish,
  commit,
  commitRows,
  numberOf,
  owned,
  recording,
  retry,
  short,
  streamId,
  tallyOf,
} from './chunk-room.ts';
import type { Stores } from './room.ts';
import { hashOf, NOW, stage, together } from './room.ts';

const ROUNDS = 6;
const MANY = 12;

/** Many commits at once, dealt out over the drivers. */
async function race(
  subject: ChunksUnderTest,
  wish: (i: number) => ChunkWish,
  index: (i: number) => number = () => 1,
): Promise<Readonly<Record<string, number>>> {
  const outcomes = await together(both(subject), MANY, (stores, i) => commit(stores, index(i), wish(i)));
  return tallyOf(outcomes.map(short));
}

export function racing(it: ChunkIt): void {
  it('one of many equal uploads under one key is committed, the others are replays', async (subject) => {
    await recording(subject);
    assert.deepEqual(await race(subject, () => retry(1)), { committed: 1, replayed: MANY - 1 });
    assert.equal(await subject.store.chunks.usage(accountId(1)), 10);
    assert.deepEqual(await commitRows(subject), ['ok']);
  });

  it('equal uploads under different keys make one chunk, and every key is known', async (subject) => {
    await recording(subject);
    assert.deepEqual(await race(subject, retry), { committed: 1, replayed: MANY - 1 });
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM upload_keys'), MANY);
    assert.deepEqual(await race(subject, retry), { replayed: MANY });
  });

  it('one of many different uploads of one index is committed, whether under keys or not', async (subject) => {
    await recording(subject);
    const different = (i: number) => ({ fingerprint: hashOf(i) });
    const once = await race(subject, different);
    assert.deepEqual(once, { committed: 1, duplicate_chunk: MANY - 1 });
    const keyed = await race(
      subject,
      (i) => ({ ...different(i), ...retry(i) }),
      () => 2,
    );
    assert.deepEqual(keyed, { committed: 1, duplicate_chunk: MANY - 1 });
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM upload_keys'), 1);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM segments'), 2);
  });

  it('one key for many different uploads serves the first of them', async (subject) => {
    await recording(subject);
    const outcome = await race(
      subject,
      (i) => ({ ...retry(1), fingerprint: hashOf(i) }),
      (i) => i + 1,
    );
    assert.deepEqual(outcome, { committed: 1, idempotency_conflict: MANY - 1 });
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM chunks'), 1);
  });

  it('many uploads at once fill the quota exactly, and not twice', async (subject) => {
    await recording(subject);
    const outcome = await race(
      subject,
      () => ({ accountQuotaBytes: 70 }),
      (i) => i + 1,
    );
    assert.deepEqual(outcome, { committed: 7, account_storage_quota_exceeded: MANY - 7 });
    assert.equal(await subject.store.chunks.usage(accountId(1)), 70);
  });

  it('staged bytes become one chunk, however many commits want them', async (subject) => {
    await recording(subject);
    const pending = await stage(subject, 'chk_staged', [10]);
    const outcome = await race(
      subject,
      () => ({ pending }),
      (i) => i + 1,
    );
    assert.deepEqual(outcome, { committed: 1, lost: MANY - 1 });
  });

  const ends: Readonly<
    Record<string, readonly [refusal: string, end: (stores: Stores) => Promise<unknown>]>
  > = {
    closing: [
      'incident_closed',
      ({ store }) => store.incidents.close(owned(1), NOW, audit('incident_close')),
    ],
    failing: [
      'stream_not_open',
      ({ store }) => store.streams.fail(owned(1), streamId(1), undefined, NOW, audit('stream_fail')),
    ],
    completing: [
      'stream_not_open',
      ({ store }) => store.streams.complete(owned(1), streamId(1), 1, NOW, audit('stream_complete')),
    ],
    deleting: [
      'incident_deleting',
      ({ store }) =>
        store.deletion.request(
          {
            ...{ id: 'del_1', incidentId: owned(1).incidentId, source: 'account_request' as const },
            ...{ allowOpen: true, requestedAt: NOW },
          },
          accountId(1),
          audit('incident_delete'),
        ),
    ],
  };

  for (const [what, [refusal, end]] of Object.entries(ends)) {
    it(`${what} lets each upload at the same time be there before it, or refuses it`, async (subject) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        await subject.db.batch(FRESH, 'write');
        await recording(subject);
        await commit(subject, 1);
        const [here, there] = both(subject);
        const uploads = Array.from({ length: 6 }, (_, i) => commit(i % 2 === 0 ? here : there, i + 2));
        const [outcomes] = await Promise.all([Promise.all(uploads), end(there)]);
        const { committed = 0, [refusal]: refused = 0, ...others } = tallyOf(outcomes.map(short));
        assert.deepEqual([committed + refused, others], [6, {}]);
        await settled(subject, what, 1 + committed);
      }
    });
  }
}

const FRESH = ['deletions', 'chunks', 'streams', 'incident_media', 'incidents', 'accounts'].map((table) => ({
  sql: `DELETE FROM ${table}`,
}));

/** Holds what was ended against how many chunks there are. */
async function settled(subject: ChunksUnderTest, what: string, chunks: number): Promise<void> {
  const { store } = subject;
  assert.equal(await numberOf(subject, 'SELECT count(*) FROM chunks'), chunks);
  const stream = await store.streams.find(owned(1), streamId(1));
  assert.ok(typeof stream === 'object');
  assert.equal(stream.chunkCount, chunks);
  if (what === 'completing' && stream.status === 'complete') assert.equal(chunks, 1);
  if (what === 'deleting') {
    const deletion = await store.deletion.find(owned(1).incidentId, accountId(1));
    assert.ok(typeof deletion === 'object');
    assert.equal(deletion.itemCount, chunks);
  }
}
