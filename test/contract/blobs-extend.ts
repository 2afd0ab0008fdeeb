/** Staged blobs that grow at an offset: the bytes are whole, one of many wins, and the quota holds. */
import assert from 'node:assert/strict';
import {
  allOf,
  bytesOf,
  create,
  HOUR,
  type It,
  MINUTE,
  NOW,
  refOf,
  type Stores,
  stage,
  together,
} from './room.ts';

const MIB = 1024 * 1024;
const LATER = NOW + HOUR;

/** Stages pieces of these sizes one after the other, and answers all bytes. */
async function grow({ blobs }: Stores, name: string, sizes: readonly number[]): Promise<Buffer> {
  const pieces = sizes.map((size, i) => bytesOf(size, i + 1));
  const whole = Buffer.concat(pieces);
  let offset = 0;
  for (const piece of pieces) {
    const { length } = piece;
    assert.equal(await blobs.extend(name, offset, piece, LATER), 'extended');
    offset += length;
  }
  return whole;
}

/** Every segment of a blob. */
async function segmentsOf({ blobs }: Stores, name: string): Promise<readonly Uint8Array[]> {
  const segments: Uint8Array[] = [];
  for (;;) {
    const bytes = await blobs.read(name, segments.length);
    if (bytes === undefined) return segments;
    segments.push(bytes);
  }
}

export function extending(it: It): void {
  for (const sizes of [
    [1, 2, 3],
    [100, MIB, 5, MIB - 1, 1, MIB],
    [MIB, MIB, 7],
    [MIB - 1, 1, 1],
    [MIB - 1, 2],
  ])
    it(`pieces of ${sizes.join(', ')} bytes are one blob of full segments and a rest`, async (subject) => {
      const whole = await grow(subject, 'uop_a', sizes);
      const segments = await segmentsOf(subject, 'uop_a');
      assert.equal(Buffer.compare(Buffer.concat(segments), whole), 0);
      const { segmentBytes } = subject.blobs;
      assert.ok(segments.slice(0, -1).every(({ length }) => length === segmentBytes));
      const pending = { kind: 'staged', blob: 'uop_a', size: whole.length } as const;
      assert.equal((await create(subject.store.pastes, 1, { pending })).kind, 'created');
    });

  it('bytes of every value survive, whatever they look like as text', async (subject) => {
    const { blobs } = subject;
    const odd = new Uint8Array([0, 0xff, 0xfe, 0x80, 0xc0, 0xed, 0xa0, 0x80, 0]);
    const all = Uint8Array.from({ length: 256 }, (_, i) => 255 - i);
    await blobs.extend('uop_a', 0, odd.slice(), LATER);
    await blobs.extend('uop_a', odd.length, all.slice(), LATER);
    await blobs.extend('uop_a', odd.length + all.length, odd.slice(), LATER);
    assert.deepEqual(await blobs.read('uop_a', 0), Uint8Array.from([...odd, ...all, ...odd]));
  });

  it('nothing is added at an offset that the blob does not have', async (subject) => {
    const { blobs } = subject;
    assert.equal(await blobs.extend('uop_a', 10, bytesOf(5), LATER), 'moved');
    await grow(subject, 'uop_a', [10]);
    for (const offset of [0, 9, 11, MIB, 2 * MIB])
      assert.equal(await blobs.extend('uop_a', offset, bytesOf(5), LATER), 'moved', String(offset));
    assert.deepEqual(await blobs.read('uop_a', 0), bytesOf(10));
    assert.deepEqual(await subject.loose(), { segments: 1, names: 1 });
  });

  it('nothing is added to a blob whose segments are not full: no byte could be found again', async (subject) => {
    await stage(subject, 'uop_a', [10, 10]);
    assert.equal(await subject.blobs.extend('uop_a', 20, bytesOf(5), LATER), 'moved');
    assert.deepEqual(await subject.blobs.read('uop_a', 0), bytesOf(10, 1));
  });

  it('nothing is added to a blob that is claimed, adopted, being erased or gone', async (subject) => {
    const { blobs, store } = subject;
    await grow(subject, 'uop_gone', [10]);
    await blobs.discard('uop_gone');
    await create(store.pastes, 1, { pending: await stage(subject, 'uop_kept', [10]) });
    await create(store.pastes, 2, { burn: true, pending: await stage(subject, 'uop_claimed', [10]) });
    await store.pastes.claim(refOf(2), 1, NOW, LATER);
    await create(store.pastes, 3, { pending: await stage(subject, 'uop_erasing', [10]) });
    await store.pastes.remove(refOf(3), NOW);
    const before = await subject.loose();
    for (const name of ['uop_gone', 'uop_kept', 'uop_claimed', 'uop_erasing'])
      assert.equal(await blobs.extend(name, 10, bytesOf(5), LATER), 'moved', name);
    for (const name of ['uop_kept', 'uop_claimed', 'uop_erasing'])
      assert.equal(await blobs.extend(name, 0, bytesOf(5), LATER), 'moved', name);
    assert.deepEqual(await subject.loose(), before);
    assert.deepEqual(await blobs.read('uop_kept', 0), bytesOf(10));
  });

  it('of many who add at one offset one wins, and the bytes are the winner’s', async (subject) => {
    const stores = await allOf(subject);
    await grow(subject, 'uop_a', [MIB - 50]);
    const answers = await together(stores, 12, ({ blobs }, i) =>
      blobs.extend('uop_a', MIB - 50, bytesOf(100, i), LATER),
    );
    assert.equal(answers.filter((answer) => answer === 'extended').length, 1);
    assert.equal(answers.filter((answer) => answer === 'moved').length, 11);
    const winner = answers.indexOf('extended');
    const [first, rest] = await segmentsOf(subject, 'uop_a');
    assert.deepEqual(first?.subarray(MIB - 50), bytesOf(100, winner).subarray(0, 50));
    assert.deepEqual(rest, bytesOf(100, winner).subarray(50));
  });

  it('of many who begin a blob one wins', async (subject) => {
    const stores = await allOf(subject);
    const answers = await together(stores, 12, ({ blobs }, i) =>
      blobs.extend('uop_a', 0, bytesOf(10, i), LATER),
    );
    assert.equal(answers.filter((answer) => answer === 'extended').length, 1);
    assert.deepEqual(await subject.blobs.read('uop_a', 0), bytesOf(10, answers.indexOf('extended')));
  });

  it(
    'the staging quota is filled to the last byte and not beyond',
    async (subject) => {
      const { blobs } = subject;
      assert.equal(await blobs.extend('uop_a', 0, bytesOf(1001), LATER), 'full');
      assert.deepEqual(await subject.loose(), { segments: 0, names: 0 });
      await grow(subject, 'uop_a', [600]);
      assert.equal(await blobs.extend('uop_a', 600, bytesOf(401), LATER), 'full');
      assert.equal(await blobs.extend('uop_b', 0, bytesOf(401), LATER), 'full');
      assert.equal(await blobs.extend('uop_a', 599, bytesOf(401), LATER), 'moved');
      assert.equal(await blobs.extend('uop_a', 600, bytesOf(400), LATER), 'extended');
      assert.equal(await blobs.append('pst_a', 0, bytesOf(1), NOW), false);
    },
    { stagingQuotaBytes: 1000 },
  );

  it('a blob lives as long as was said with its last bytes', async (subject) => {
    const { blobs } = subject;
    await blobs.extend('uop_a', 0, bytesOf(10), NOW + MINUTE);
    await blobs.extend('uop_b', 0, bytesOf(10), NOW + MINUTE);
    await blobs.extend('uop_b', 10, bytesOf(10), NOW + 99 * HOUR);
    assert.equal(await blobs.sweep(NOW + MINUTE - 1, 10), 0);
    assert.equal(await blobs.sweep(NOW + 98 * HOUR, 10), 1);
    assert.equal((await blobs.read('uop_b', 0))?.length, 20);
  });

  it('no bytes at an offset that it has change nothing, and more than a segment is refused', async (subject) => {
    const { blobs } = subject;
    await grow(subject, 'uop_a', [10]);
    assert.equal(await blobs.extend('uop_a', 10, bytesOf(0), LATER), 'extended');
    assert.equal(await blobs.extend('uop_a', 9, bytesOf(0), LATER), 'moved');
    assert.deepEqual(await blobs.read('uop_a', 0), bytesOf(10));
    await assert.rejects(blobs.extend('uop_a', 10, bytesOf(MIB + 1), LATER), RangeError);
    assert.equal((await blobs.read('uop_a', 0))?.length, 10);
  });
}
