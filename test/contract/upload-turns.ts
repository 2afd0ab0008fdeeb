/** Whose turn it is to add to an upload, how much of the staging quota is an account's, and what ends all of it. */
import assert from 'node:assert/strict';
import type { Writer } from '../../src/store/chunks.ts';
import { accountId, audit } from './account-room.ts';
import {
  both,
  type ChunkIt,
  type ChunksUnderTest,
  commit,
  incidentId,
  numberOf,
  owned,
  recording,
  tallyOf,
  uploadId,
  uploadOf,
} from './chunk-room.ts';
import { bytesOf, HOUR, NOW, type Stores, together } from './room.ts';

const LATER = NOW + HOUR;
const MANY = 1000;

/** Begins upload `n` of account 1. */
async function begin({ store }: ChunksUnderTest, n: number, writer: Writer = null, most = MANY) {
  const upload = uploadOf(n);
  return (await store.uploads.create(upload, writer, most)) ? upload.blob : undefined;
}

const blobOf = (n: number) => uploadOf(n).blob;
const turn = (writer: string, holderMost = 2 ** 30) => ({ writer, holderMost });
const named = (n: number, protocol: 'draft' | 'tus' = 'draft', of = 1) =>
  ({ id: uploadId(n), accountId: accountId(of), protocol }) as const;

const add = ({ blobs }: Stores, n: number, offset: number, size: number, writer: string, most?: number) =>
  blobs.extend(blobOf(n), offset, bytesOf(size, offset), LATER, turn(writer, most));

export function taking(it: ChunkIt): void {
  it('whoever begins an upload adds to it, and nobody else does', async (subject) => {
    await recording(subject);
    await begin(subject, 1, 'ann');
    assert.equal(await add(subject, 1, 0, 10, 'bob'), 'moved');
    assert.equal(await subject.blobs.extend(blobOf(1), 0, bytesOf(10), LATER), 'moved');
    assert.equal(await add(subject, 1, 0, 10, 'ann'), 'extended');
    assert.equal(await add(subject, 1, 10, 10, 'bob'), 'moved');
    assert.equal((await subject.store.uploads.find(uploadId(1), accountId(1), NOW))?.offset, 10);
  });

  it('whoever takes an upload over adds to it from there, and the one before adds nothing more', async (subject) => {
    const { uploads } = subject.store;
    await recording(subject);
    await begin(subject, 1, 'ann');
    await add(subject, 1, 0, 10, 'ann');
    assert.equal((await uploads.take(named(1), NOW, 'bob'))?.offset, 10);
    assert.equal(await add(subject, 1, 10, 10, 'ann'), 'moved');
    assert.equal(await add(subject, 1, 10, 10, 'bob'), 'extended');
    assert.equal((await uploads.take(named(1), NOW, null))?.offset, 20);
    for (const writer of ['ann', 'bob']) assert.equal(await add(subject, 1, 20, 10, writer), 'moved');
  });

  it('the other protocol, another account and a later time take nothing over', async (subject) => {
    const { uploads } = subject.store;
    await recording(subject);
    await begin(subject, 1, 'ann');
    assert.equal(await uploads.take(named(1, 'tus'), NOW, 'bob'), undefined);
    assert.equal(await uploads.take(named(1, 'draft', 2), NOW, 'bob'), undefined);
    assert.equal(await uploads.take(named(1), NOW + HOUR, 'bob'), undefined);
    assert.equal(await uploads.take(named(2), NOW, 'bob'), undefined);
    assert.equal(await add(subject, 1, 0, 10, 'ann'), 'extended');
  });

  it('what was gone before its writer adds to it is not begun again', async (subject) => {
    await recording(subject);
    await begin(subject, 1, 'ann');
    await subject.store.uploads.remove(uploadId(1));
    await subject.blobs.sweep(NOW, 10);
    assert.equal(await add(subject, 1, 0, 10, 'ann'), 'moved');
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM segments'), 0);
  });

  it('of an old writer and a new one only what fits the taken offset is kept, whoever is first', async (subject) => {
    const [one, two] = both(subject);
    await recording(subject);
    for (let n = 1; n <= 20; n += 1) {
      await begin(subject, n, 'ann');
      const [taken, added] = await Promise.all([
        two.store.uploads.take(named(n), NOW, 'bob'),
        add(one, n, 0, 10, 'ann'),
      ]);
      assert.equal(taken?.offset, added === 'extended' ? 10 : 0, String(n));
      assert.equal(await add(two, n, taken?.offset ?? -1, 5, 'bob'), 'extended');
    }
  });

  it('an account has at most so many unfinished uploads, also when it begins them at once', async (subject) => {
    await recording(subject);
    const made = await together(both(subject), 12, ({ store }, i) =>
      store.uploads.create(uploadOf(i + 1), null, 5),
    );
    assert.deepEqual(tallyOf(made.map(String)), { true: 5, false: 7 });
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM uploads'), 5);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM loose_blobs'), 5);
  });

  it('no upload begins once its incident is to be deleted', async (subject) => {
    await recording(subject);
    const { incidentId: of } = uploadOf(1);
    const deletion = {
      ...{ id: 'del_1', incidentId: of, source: 'account_request' as const },
      ...{ allowOpen: true, requestedAt: NOW },
    };
    await subject.store.deletion.request(deletion, accountId(1), audit('incident_delete'));
    assert.equal(await begin(subject, 1), undefined);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM uploads'), 0);
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM loose_blobs'), 0);
  });

  it('one that has ended makes room for another: committed, removed or expired', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject);
    const most = (n: number) => begin(subject, n, 'ann', 1);
    assert.ok(await most(1));
    assert.equal(await most(2), undefined);
    await add(subject, 1, 0, 10, 'ann');
    assert.equal((await commit(subject, 1, { pending: staged(1, 10) })).kind, 'committed');
    assert.ok(await most(3));
    assert.equal(await most(4), undefined);
    await store.uploads.remove(uploadId(3));
    assert.ok(await most(5));
    await store.uploads.sweep(NOW + HOUR, 10);
    await blobs.sweep(NOW + HOUR, 10);
    assert.ok(await most(6));
  });

  it('what an account has staged has a bound of its own, to the last byte', async (subject) => {
    await recording(subject, 1);
    await recording(subject, 2);
    await begin(subject, 1, 'ann');
    await begin(subject, 2, 'ann');
    const other = uploadOf(3, { accountId: accountId(2), incidentId: incidentId(2) });
    await subject.store.uploads.create(other, 'bob', MANY);
    assert.equal(await add(subject, 1, 0, 60, 'ann', 100), 'extended');
    assert.equal(await add(subject, 2, 0, 41, 'ann', 100), 'full');
    assert.equal(await add(subject, 2, 0, 40, 'ann', 100), 'extended');
    assert.equal(await add(subject, 1, 60, 1, 'ann', 100), 'full');
    assert.equal(await add(subject, 3, 0, 100, 'bob', 100), 'extended');
    await subject.store.uploads.remove(uploadId(2));
    assert.equal(await add(subject, 1, 60, 40, 'ann', 100), 'extended');
  });

  it('an incident that is to be deleted lets go of its uploads and their bytes at once', async (subject) => {
    const { store, blobs } = subject;
    await recording(subject, 1);
    await recording(subject, 2);
    await begin(subject, 1, 'ann');
    await add(subject, 1, 0, 10, 'ann');
    const kept = uploadOf(2, { accountId: accountId(2), incidentId: incidentId(2) });
    await store.uploads.create(kept, 'bob', MANY);
    const deletion = {
      id: 'del_1',
      incidentId: incidentId(1),
      source: 'account_request',
      allowOpen: true,
      requestedAt: NOW,
    } as const;
    const made = await store.deletion.request(deletion, owned(1).accountId, audit('incident_delete'));
    assert.equal(typeof made, 'object');
    assert.equal(await store.uploads.find(uploadId(1), accountId(1), NOW), undefined);
    assert.equal(await add(subject, 1, 10, 10, 'ann'), 'moved');
    assert.equal(await blobs.sweep(NOW, 10), 1);
    assert.ok(await store.uploads.find(uploadId(2), accountId(2), NOW));
  });
}

const staged = (n: number, size: number) => ({ kind: 'staged', blob: blobOf(n), size }) as const;
