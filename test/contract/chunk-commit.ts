/** What becomes of a commit: bytes, row, counters and audit together, or a refusal that changes nothing. */
import assert from 'node:assert/strict';
import { accountId } from './account-room.ts';
import {
  audit,
  type ChunkIt,
  type ChunksUnderTest,
  type ChunkWish,
  chunkOf,
  commit,
  commitRows,
  numberOf,
  openStream,
  owned,
  recording,
  retry,
  short,
  streamId,
} from './chunk-room.ts';
import { bytesOf, HOUR, hashOf, NOW, stage } from './room.ts';

const MIB = 1024 * 1024;

export function committing(it: ChunkIt): void {
  it('small bytes become a chunk with its row, its counters and one audit row', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    const input = chunkOf(1, { chunk: { originalFilename: 'clip.enc' } });
    const { crc32, ...shown } = input.chunk;
    const chunk = { ...shown, incidentId: owned(1).incidentId, streamId: streamId(1) };
    assert.deepEqual(await store.chunks.commit(input, audit('chunk_commit')), { kind: 'committed', chunk });
    const kept = await store.chunks.find(owned(1), streamId(1), 1);
    assert.ok(typeof kept === 'object');
    const { blob, ...rest } = kept;
    assert.deepEqual(rest, { ...chunk, crc32 });
    assert.deepEqual(await blobs.read(blob, 0), bytesOf(10, 1));
    const stream = await store.streams.find(owned(1), streamId(1));
    assert.deepEqual(typeof stream === 'object' && [stream.chunkCount, stream.totalBytes], [1, 10]);
    assert.equal(await store.chunks.usage(accountId(1)), 10);
    assert.deepEqual(await commitRows(subject), ['ok']);
  });

  it('staged bytes are adopted whole, and no sweep can take them', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    const pending = await stage(subject, 'chk_staged', [MIB, MIB, 5]);
    assert.equal(short(await commit(subject, 1, { pending })), 'committed');
    assert.equal(await blobs.sweep(NOW + 99 * HOUR, 10), 0);
    await blobs.discard('chk_staged');
    assert.deepEqual(await blobs.read('chk_staged', 2), bytesOf(5, 3));
    assert.equal(await store.chunks.usage(accountId(1)), 2 * MIB + 5);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM loose_blobs'), 0);
  });

  it('bytes that were swept, or have another size than was said, are lost, and leave no row', async (subject) => {
    await recording(subject);
    const gone = { kind: 'staged', blob: 'chk_gone', size: 10 } as const;
    assert.equal(short(await commit(subject, 1, { pending: gone })), 'lost');
    const { blob } = await stage(subject, 'chk_short', [10]);
    assert.equal(short(await commit(subject, 1, { pending: { kind: 'staged', blob, size: 11 } })), 'lost');
    await subject.blobs.discard(blob);
    assert.equal(short(await commit(subject, 1, { pending: { kind: 'staged', blob, size: 10 } })), 'lost');
    assert.deepEqual(await commitRows(subject), []);
    assert.equal(short(await commit(subject, 1)), 'committed');
    await assert.rejects(commit(subject, 2, { chunk: { byteSize: 11 } }), TypeError);
  });

  it('each refusal has its name, changes nothing and is on record for the owner', async (subject) => {
    const { store } = subject;
    for (const n of [1, 2, 3, 4]) await recording(subject, n);
    await store.incidents.close(owned(2), NOW, audit('incident_close', 2));
    await remove(subject, 3);
    await store.streams.fail(owned(4), streamId(4), undefined, NOW, audit('stream_fail', 4));
    await commit(subject, 1, retry(1));
    const tries: readonly [string, number, ChunkWish][] = [
      ['incident_not_found', 1, { owned: owned(8) }],
      ['incident_not_found', 1, { owned: owned(1, 2) }],
      ['incident_closed', 1, { to: 2 }],
      ['incident_deleting', 1, { to: 3 }],
      ['stream_not_found', 1, { streamId: streamId(2) }],
      ['stream_not_found', 1, { streamId: streamId(9) }],
      ['stream_not_open', 1, { to: 4 }],
      ['stream_media_type_mismatch', 2, { chunk: { mediaType: 'audio' } }],
      ['idempotency_conflict', 2, retry(1)],
      ['duplicate_chunk', 1, {}],
      ['duplicate_chunk', 1, { ...retry(2), fingerprint: hashOf(7) }],
      ['account_storage_quota_exceeded', 2, { accountQuotaBytes: 19 }],
    ];
    const before = await counts(subject);
    const [rows, unheard] = [
      await commitRows(subject),
      tries.filter(([fault]) => fault.endsWith('_not_found')),
    ];
    for (const [fault, index, wish] of tries) assert.equal(short(await commit(subject, index, wish)), fault);
    assert.deepEqual(await counts(subject), before);
    const refused = Array.from({ length: tries.length - unheard.length }, () => 'conflict');
    assert.deepEqual(await commitRows(subject), [...rows, ...refused]);
  });

  it('of several reasons to refuse, the first one counts', async (subject) => {
    const { store } = subject;
    for (const n of [1, 2]) await recording(subject, n);
    await openStream(subject, 12, 1);
    await commit(subject, 1, retry(1));
    const gone = { kind: 'staged', blob: 'chk_gone', size: 10 } as const;
    // Everything that can be wrong with a chunk is wrong with this one; reasons go away one by one.
    const wrong = { ...retry(1), fingerprint: hashOf(7), accountQuotaBytes: 0, pending: gone };
    const attempt = async (index: number, wish: ChunkWish) => short(await commit(subject, index, wish));
    const audio = { chunk: { mediaType: 'audio' } } as const;
    assert.equal(await attempt(1, { ...wrong, ...audio, owned: owned(1, 2) }), 'incident_not_found');
    assert.equal(await attempt(1, { ...wrong, ...audio, streamId: streamId(2) }), 'stream_not_found');
    assert.equal(await attempt(1, { ...wrong, ...audio }), 'stream_media_type_mismatch');
    assert.equal(await attempt(1, wrong), 'idempotency_conflict');
    assert.equal(await attempt(1, { ...wrong, ...retry(2) }), 'duplicate_chunk');
    assert.equal(await attempt(2, { ...wrong, ...retry(2) }), 'account_storage_quota_exceeded');
    assert.equal(await attempt(2, { ...wrong, ...retry(2), accountQuotaBytes: 20 }), 'lost');
    await store.streams.fail(owned(1), streamId(12), undefined, NOW, audit('stream_fail'));
    assert.equal(await attempt(1, { ...wrong, ...audio, streamId: streamId(12) }), 'stream_not_open');
    await store.incidents.close(owned(1), NOW, audit('incident_close'));
    assert.equal(await attempt(1, { ...wrong, ...audio, streamId: streamId(2) }), 'incident_closed');
    await remove(subject, 1);
    assert.equal(await attempt(1, { ...wrong, ...audio, streamId: streamId(2) }), 'incident_deleting');
  });

  it('the quota of an account is over all of its incidents, and is filled to the last byte', async (subject) => {
    await recording(subject, 1);
    await recording(subject, 2, 'video', 1);
    const quota = { accountQuotaBytes: 30 };
    assert.equal(short(await commit(subject, 1, quota)), 'committed');
    assert.equal(short(await commit(subject, 1, { ...quota, to: 2, owned: owned(2, 1) })), 'committed');
    const eleven = { kind: 'inline', bytes: bytesOf(11) } as const;
    const over = 'account_storage_quota_exceeded';
    assert.equal(short(await commit(subject, 2, { ...quota, pending: eleven })), over);
    assert.equal(short(await commit(subject, 2, quota)), 'committed');
    assert.equal(await subject.store.chunks.usage(accountId(1)), 30);
    // Somebody else's quota is not touched by it.
    await recording(subject, 3);
    assert.equal(short(await commit(subject, 1, { ...quota, to: 3 })), 'committed');
  });
}

/** How many rows there are of everything that a commit makes, audit apart. */
async function counts(subject: ChunksUnderTest): Promise<readonly number[]> {
  const tables = ['chunks', 'segments', 'loose_blobs', 'upload_keys'];
  return Promise.all(tables.map((table) => numberOf(subject, `SELECT count(*) FROM ${table}`)));
}

/** Decides to delete incident `n`, open or not. */
async function remove({ store }: ChunksUnderTest, n: number): Promise<void> {
  const deletion = { id: `del_${n}`, incidentId: owned(n).incidentId, source: 'account_request' } as const;
  const decided = await store.deletion.request(
    { ...deletion, allowOpen: true, requestedAt: NOW },
    accountId(n),
    audit('incident_delete', n),
  );
  assert.ok(typeof decided === 'object');
}
