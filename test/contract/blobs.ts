/** What every blob store promises, whatever it keeps its bytes in. */
import assert from 'node:assert/strict';
import { extending } from './blobs-extend.ts';
import {
  allOf,
  bytesOf,
  type Case,
  casesOf,
  create,
  HOUR,
  type It,
  MINUTE,
  NOW,
  refOf,
  type StoresFactory,
  stage,
  together,
} from './room.ts';

const MIB = 1024 * 1024;

/** The cases of the contract, each on empty stores that `make` makes. */
export function blobsContract(make: StoresFactory): readonly Case[] {
  return casesOf(make, [appending, extending, discarding, removing, reading, sweeping]);
}

function appending(it: It): void {
  it('a segment is at most 1 MiB, and a full one comes back byte for byte', async (subject) => {
    const { blobs, store } = subject;
    assert.ok(blobs.segmentBytes <= MIB);
    const pending = await stage(subject, 'pst_a', [blobs.segmentBytes, blobs.segmentBytes, 1]);
    await create(store.pastes, 1, { pending });
    for (const [index, size] of [blobs.segmentBytes, blobs.segmentBytes, 1].entries()) {
      const bytes = await blobs.read('pst_a', index);
      assert.ok(bytes !== undefined && Buffer.compare(bytes, bytesOf(size, index + 1)) === 0);
    }
  });

  it('a larger segment is refused, and nothing of it is kept', async (subject) => {
    const large = bytesOf(subject.blobs.segmentBytes + 1);
    await assert.rejects(subject.blobs.append('pst_a', 0, large, NOW));
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });

  it('a segment that is there is never overwritten', async (subject) => {
    const { blobs, store } = subject;
    const pending = await stage(subject, 'pst_a', [10, 10]);
    for (const index of [0, 1]) {
      const kept = await blobs.append('pst_a', index, bytesOf(10, 99), NOW).catch(() => false);
      assert.equal(kept, false);
    }
    await create(store.pastes, 1, { pending });
    assert.deepEqual(await blobs.read('pst_a', 0), bytesOf(10, 1));
    assert.deepEqual(await blobs.read('pst_a', 1), bytesOf(10, 2));
  });

  it(
    'the staging quota is filled to the last byte and not beyond',
    async (subject) => {
      const { blobs } = subject;
      assert.equal(await blobs.append('pst_a', 0, bytesOf(600), NOW), true);
      assert.equal(await blobs.append('pst_b', 0, bytesOf(401), NOW), false);
      assert.equal(await blobs.append('pst_a', 1, bytesOf(401), NOW), false);
      assert.deepEqual(await subject.loose(), { segments: 1, names: 1 });
      assert.equal(await blobs.append('pst_a', 1, bytesOf(400), NOW), true);
      assert.equal(await blobs.append('pst_c', 0, bytesOf(1), NOW), false);
    },
    { stagingQuotaBytes: 1000 },
  );

  it(
    'many uploads at once do not overfill the staging quota',
    async (subject) => {
      const stores = await allOf(subject);
      const kept = await together(stores, 24, ({ blobs }, i) =>
        blobs.append(`pst_${i}`, 0, bytesOf(100), NOW),
      );
      assert.equal(kept.filter(Boolean).length, 5);
      assert.deepEqual(await subject.loose(), { segments: 5, names: 5 });
    },
    { stagingQuotaBytes: 550 },
  );

  it(
    'bytes that became a paste, or were discarded, make room to stage in again',
    async (subject) => {
      const { blobs, store } = subject;
      const pending = await stage(subject, 'pst_a', [1000]);
      assert.equal(await blobs.append('pst_b', 0, bytesOf(1000), NOW), false);
      await create(store.pastes, 1, { pending });
      assert.equal(await blobs.append('pst_b', 0, bytesOf(1000), NOW), true);
      assert.equal(await blobs.append('pst_c', 0, bytesOf(1000), NOW), false);
      await blobs.discard('pst_b');
      assert.equal(await blobs.append('pst_c', 0, bytesOf(1000), NOW), true);
    },
    { stagingQuotaBytes: 1000 },
  );

  it('nothing is appended to a blob that was discarded, claimed, adopted or never begun', async (subject) => {
    const { blobs, store } = subject;
    await stage(subject, 'pst_gone', [10]);
    await blobs.discard('pst_gone');
    await create(store.pastes, 1, { pending: await stage(subject, 'pst_kept', [10]) });
    await create(store.pastes, 2, { burn: true, pending: await stage(subject, 'pst_claimed', [10]) });
    await store.pastes.claim(refOf(2), 1, NOW, NOW + HOUR);
    await create(store.pastes, 3, { pending: await stage(subject, 'pst_erasing', [10]) });
    await store.pastes.remove(refOf(3), NOW);
    const before = await subject.loose();
    for (const name of ['pst_gone', 'pst_kept', 'pst_claimed', 'pst_erasing', 'pst_never'])
      assert.equal(await blobs.append(name, 1, bytesOf(10), NOW), false, name);
    assert.deepEqual(await subject.loose(), before);
    assert.equal(await blobs.read('pst_kept', 1), undefined);
  });
}

function discarding(it: It): void {
  it('discarding forgets all segments, however many, and is harmless twice and for unknown names', async (subject) => {
    const { blobs } = subject;
    await stage(
      subject,
      'pst_a',
      Array.from({ length: 50 }, () => 10),
    );
    await stage(subject, 'pst_b', [10]);
    await blobs.discard('pst_a');
    await blobs.discard('pst_a');
    await blobs.discard('pst_never');
    assert.deepEqual(await subject.loose(), { segments: 1, names: 1 });
    assert.equal(await blobs.read('pst_a', 0), undefined);
  });

  it('discarding does no harm to bytes that became a paste', async (subject) => {
    const { blobs, store } = subject;
    await create(store.pastes, 1, { pending: await stage(subject, 'pst_a', [10, 10]) });
    await blobs.discard('pst_a');
    assert.deepEqual(await blobs.read('pst_a', 1), bytesOf(10, 2));
  });

  it('a paste or nothing: discarding and committing at once leave no half', async (subject) => {
    const stores = await allOf(subject);
    for (let round = 1; round <= 10; round += 1) {
      const name = `pst_${round}`;
      const pending = await stage(subject, name, [10, 10, 10]);
      const [, outcome] = await Promise.all([
        stores[1].blobs.discard(name),
        create(stores[0].store.pastes, round, { pending }),
      ]);
      const parts = await Promise.all([0, 1, 2].map((index) => subject.blobs.read(name, index)));
      const there = parts.filter((part) => part !== undefined).length;
      assert.equal(there, outcome.kind === 'created' ? 3 : 0);
      assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
    }
  });

  it('discarding and appending at once leave nothing behind', async (subject) => {
    const stores = await allOf(subject);
    for (let round = 1; round <= 10; round += 1) {
      const name = `pst_${round}`;
      await stage(subject, name, [10, 10]);
      await together(stores, 8, async ({ blobs }, i) => {
        if (i === 3) await blobs.discard(name);
        else await blobs.append(name, 2 + i, bytesOf(10), NOW);
      });
      await subject.blobs.discard(name);
      assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
    }
  });
}

function removing(it: It): void {
  it('a blob is removed whoever owns it, in one step or several', async (subject) => {
    const { blobs, store } = subject;
    // More segments than one commit removes, and exactly as many.
    for (const [n, segments] of [1, 16, 17, 40].entries()) {
      const name = `pst_${n}`;
      await create(store.pastes, n, { pending: await stage(subject, name, short(segments)) });
      await blobs.remove(name);
      assert.equal(await blobs.read(name, segments - 1), undefined);
    }
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });

  it('a staged blob and one that is being erased are removed, and one that is not there is', async (subject) => {
    const { blobs } = subject;
    await stage(subject, 'pst_a', [10, 10]);
    for (let again = 0; again < 2; again += 1) await blobs.remove('pst_a');
    await blobs.remove('pst_b');
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });

  it('removing one leaves its neighbours alone, and may be done by two at once', async (subject) => {
    const stores = await allOf(subject);
    for (const name of ['pst_a', 'pst_b']) await stage(subject, name, short(20));
    await together(stores, 8, ({ blobs }) => blobs.remove('pst_a'));
    assert.deepEqual(await subject.loose(), { segments: 20, names: 1 });
  });
}

/** Sizes of so many segments, all of them short. */
const short = (count: number): readonly number[] => Array.from({ length: count }, () => 10);

function reading(it: It): void {
  it('reading changes nothing, taking erases', async (subject) => {
    const { blobs, store } = subject;
    await create(store.pastes, 1, { burn: true, pending: await stage(subject, 'pst_a', [10, 10]) });
    await store.pastes.claim(refOf(1), 1, NOW, NOW + HOUR);
    assert.deepEqual(await blobs.read('pst_a', 0), bytesOf(10, 1));
    assert.deepEqual(await blobs.take('pst_a', 0), bytesOf(10, 1));
    assert.equal(await blobs.take('pst_a', 0), undefined);
    assert.equal(await blobs.read('pst_a', 0), undefined);
    assert.equal(await blobs.take('pst_never', 0), undefined);
    await blobs.discard('pst_a');
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });
}

function sweeping(it: It): void {
  it(
    'staged bytes are swept when nobody has added to them for as long as they may lie',
    async (subject) => {
      const { blobs } = subject;
      await stage(subject, 'pst_a', [10]);
      await stage(subject, 'pst_b', [10]);
      await blobs.append('pst_b', 1, bytesOf(10), NOW + MINUTE - 1);
      assert.equal(await blobs.sweep(NOW + MINUTE - 1, 10), 0);
      assert.equal(await blobs.sweep(NOW + MINUTE, 10), 1);
      assert.deepEqual(await subject.loose(), { segments: 2, names: 1 });
      assert.equal(await blobs.append('pst_a', 1, bytesOf(10), NOW + MINUTE), false);
      assert.equal(await blobs.sweep(NOW + 2 * MINUTE - 1, 10), 1);
      assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
    },
    { stagingLifetimeMs: MINUTE },
  );

  it('a sweep takes at most so many blobs, the longest forgotten first', async (subject) => {
    for (let i = 0; i < 5; i += 1) await stage(subject, `pst_${i}`, [10, 10], NOW + i);
    const late = NOW + 2 * HOUR;
    assert.equal(await subject.blobs.sweep(late, 2), 2);
    assert.equal(await subject.blobs.read('pst_1', 0), undefined);
    assert.ok(await subject.blobs.read('pst_2', 0));
    assert.deepEqual(await subject.loose(), { segments: 6, names: 3 });
    assert.equal(await subject.blobs.sweep(late, 10), 3);
    assert.equal(await subject.blobs.sweep(late, 10), 0);
    assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
  });

  it('a sweep never touches the bytes of a paste', async (subject) => {
    const { blobs, store } = subject;
    await create(store.pastes, 1, { pending: await stage(subject, 'pst_a', [10]) });
    assert.equal(await blobs.sweep(NOW + 99 * HOUR, 10), 0);
    assert.deepEqual(await blobs.read('pst_a', 0), bytesOf(10, 1));
  });
}
