/** Uploads that come again: told by their key and by what they are, and answered like the first time. */
import assert from 'node:assert/strict';
import { accountId } from './account-room.ts';
import { type ChunkIt, commit, commitRows, numberOf, owned, recording, retry, short } from './chunk-room.ts';
import { bytesOf, hashOf, stage } from './room.ts';

export function repeating(it: ChunkIt): void {
  it('the same upload under the same key is answered with the first chunk, and adds nothing', async (subject) => {
    const { store } = subject;
    await recording(subject);
    const first = await commit(subject, 1, retry(1));
    const again = await commit(subject, 1, retry(1));
    assert.ok(first.kind === 'committed' && again.kind === 'replayed');
    assert.deepEqual(again.chunk, first.chunk);
    assert.equal(await store.chunks.usage(accountId(1)), 10);
    assert.deepEqual(await commitRows(subject), ['ok']);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM segments'), 1);
  });

  it('an equivalent upload under a new key is a replay, and from then on its key is known', async (subject) => {
    await recording(subject);
    const first = await commit(subject, 1);
    const second = await commit(subject, 1, retry(2));
    assert.ok(first.kind === 'committed' && second.kind === 'replayed');
    assert.deepEqual(second.chunk, first.chunk);
    assert.equal(short(await commit(subject, 2, retry(2))), 'idempotency_conflict');
    assert.equal(short(await commit(subject, 1, retry(2))), 'replayed');
    assert.deepEqual(await commitRows(subject), ['ok', 'conflict']);
  });

  it('without a key an equivalent upload is a duplicate', async (subject) => {
    await recording(subject);
    await commit(subject, 1, retry(1));
    assert.equal(short(await commit(subject, 1)), 'duplicate_chunk');
  });

  it('a replay is one at a full quota and after its bytes were swept; staged bytes stay the caller’s', async (subject) => {
    await recording(subject);
    await commit(subject, 1, retry(1));
    assert.equal(short(await commit(subject, 1, { ...retry(1), accountQuotaBytes: 10 })), 'replayed');
    assert.equal(short(await commit(subject, 1, { ...retry(2), accountQuotaBytes: 0 })), 'replayed');
    const gone = { kind: 'staged', blob: 'chk_gone', size: 10 } as const;
    assert.equal(short(await commit(subject, 1, { ...retry(1), pending: gone })), 'replayed');
    const pending = await stage(subject, 'chk_again', [10]);
    assert.equal(short(await commit(subject, 1, { ...retry(1), pending })), 'replayed');
    assert.deepEqual(await subject.blobs.read('chk_again', 0), bytesOf(10, 1));
    assert.equal(
      await numberOf(subject, `SELECT count(*) FROM loose_blobs WHERE state = 'staged' AND bytes = 10`),
      1,
    );
  });

  it('a key belongs to its account: the same one of somebody else says nothing', async (subject) => {
    await recording(subject, 1);
    await recording(subject, 2);
    const one = await commit(subject, 1, retry(1));
    const two = await commit(subject, 1, { ...retry(1), to: 2 });
    assert.ok(one.kind === 'committed' && two.kind === 'committed');
    assert.notEqual(one.chunk.id, two.chunk.id);
    const fingerprint = hashOf(7);
    assert.equal(short(await commit(subject, 2, { ...retry(2), fingerprint })), 'committed');
    // A key that only the other account has used, for bytes of this one.
    assert.equal(short(await commit(subject, 2, { ...retry(2), to: 2 })), 'committed');
  });

  it('a key whose chunk is gone is forgotten with it', async (subject) => {
    const { db } = subject;
    await recording(subject);
    await commit(subject, 1, retry(1));
    await db.batch([{ sql: 'DELETE FROM chunks' }], 'write');
    assert.equal(short(await commit(subject, 2, retry(1))), 'committed');
    const kept = await subject.store.chunks.list(owned(1), undefined, 10);
    assert.equal(kept.length, 1);
  });
}
