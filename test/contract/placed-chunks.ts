/** What chunks in an object store promise: nothing is committed that is not there, nothing is left that nobody owns. */
import assert from 'node:assert/strict';
import { LIFETIME_MS, SILENT_MS } from '../../src/store/blobs/intents.ts';
import type { Objects } from '../../src/store/blobs/objects.ts';
import type { CommitChunkOutcome } from '../../src/store/chunks.ts';
import type { Bytes, ObjectBlobs, PendingBytes, PlacedBytes, PlaceFor } from '../../src/store/store.ts';
import {
  audit,
  type ChunksUnderTest,
  chunkOf,
  incidentId,
  numberOf,
  recording,
  short,
  streamId,
} from './chunk-room.ts';
import { bodyOf, listed, readAll, sha256Of } from './objects.ts';
import { bytesOf, type Case, NOW, stage } from './room.ts';

const MIB = 1024 * 1024;

export interface PlacedUnderTest extends ChunksUnderTest {
  /** The store itself. */
  readonly objects: Objects;
  /** Moves the clock of the blobs. */
  readonly clock: { now: number };
  /** From now on the store denies the removal of this object to the blobs, and to nobody else. */
  refuseToRemove(key: string | undefined): void;
}

export type PlacedFactory = () => Promise<PlacedUnderTest>;

const roomOf = ({ blobs }: PlacedUnderTest): ObjectBlobs => {
  assert.ok(blobs.objects);
  return blobs.objects;
};
const inline = (bytes: Bytes): PendingBytes => ({ kind: 'inline', bytes: bytes.slice() });
const placeFor = (bytes: Bytes, index = 1, to = 1): PlaceFor => ({
  incidentId: incidentId(to),
  streamId: streamId(to),
  chunkIndex: index,
  sha256: sha256Of(bytes),
  size: bytes.length,
});

async function place(subject: PlacedUnderTest, bytes: Bytes, index = 1, to = 1): Promise<PlacedBytes> {
  const placed = await roomOf(subject).place(inline(bytes), placeFor(bytes, index, to));
  assert.ok(placed);
  return placed;
}

function commitPlaced(
  { store }: PlacedUnderTest,
  placed: PlacedBytes,
  bytes: Bytes,
  index = 1,
  to = 1,
): Promise<CommitChunkOutcome> {
  const wish = { chunk: { sha256: sha256Of(bytes), byteSize: bytes.length }, to };
  const input = { ...chunkOf(index, wish), pending: placed };
  return store.chunks.commit(input, audit('chunk_commit', to));
}

const loose = (subject: PlacedUnderTest) => numberOf(subject, 'SELECT count(*) FROM loose_blobs');
const keysOf = async ({ objects }: PlacedUnderTest) => (await listed(objects)).map(([key]) => key);
const readBlob = async (subject: PlacedUnderTest, blob: string, size: number) => {
  const pieces: Uint8Array[] = [];
  for await (const piece of roomOf(subject).pieces({ blob, size, start: 0, end: size })) pieces.push(piece);
  return Buffer.concat(pieces);
};
const sweepAt = (subject: PlacedUnderTest, at: number) => subject.blobs.sweep(at, 100);

export function placedContract(make: PlacedFactory): readonly Case[] {
  const cases: Case[] = [];
  const it = (name: string, body: (subject: PlacedUnderTest) => Promise<void>) =>
    cases.push({
      name,
      async run() {
        const subject = await make();
        await recording(subject);
        await body(subject);
      },
    });

  it('placed and committed bytes are a chunk, and nothing else is on any list', async (subject) => {
    const bytes = bytesOf(5000);
    const placed = await place(subject, bytes);
    assert.equal(await loose(subject), 1, 'an intent from before the first byte to the commit');
    assert.equal(short(await commitPlaced(subject, placed, bytes)), 'committed');
    assert.equal(await loose(subject), 0);
    const chunk = (await subject.store.chunks.page(streamId(1), 0, 9))[0];
    assert.ok(chunk && roomOf(subject).holds(chunk.blob));
    assert.equal(Buffer.compare(await readBlob(subject, chunk.blob, 5000), bytes), 0);
    assert.equal(await subject.store.chunks.bytesPresent(streamId(1)), true);
    assert.equal(await sweepAt(subject, NOW + 99 * LIFETIME_MS), 0);
    assert.equal((await keysOf(subject)).length, 1);
  });

  it('staged segments are put as one object, and the commit gives them up', async (subject) => {
    const pending = await stage(subject, 'chk_a', [MIB / 2, 7]);
    const bytes = new Uint8Array([...bytesOf(MIB / 2, 1), ...bytesOf(7, 2)]);
    const placed = await roomOf(subject).place(pending, placeFor(bytes));
    assert.ok(placed?.staged === 'chk_a');
    assert.equal(short(await commitPlaced(subject, placed, bytes)), 'committed');
    await subject.blobs.discard('chk_a');
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM segments'), 0);
    assert.equal(await loose(subject), 0);
    assert.equal(Buffer.compare(await readBlob(subject, placed.blob, bytes.length), bytes), 0);
  });

  it('a commit of bytes that were swept meanwhile is lost, and changes nothing', async (subject) => {
    const bytes = bytesOf(10);
    const placed = await place(subject, bytes);
    await sweepAt(subject, NOW + LIFETIME_MS);
    assert.equal(short(await commitPlaced(subject, placed, bytes)), 'lost');
    assert.equal(await numberOf(subject, 'SELECT count(*) FROM chunks'), 0);
    assert.deepEqual(await keysOf(subject), []);
  });

  it('what is withdrawn is removed at once, and once more when nothing can be under way', async (subject) => {
    const bytes = bytesOf(10);
    const placed = await place(subject, bytes);
    await roomOf(subject).withdraw(placed);
    assert.deepEqual(await keysOf(subject), []);
    assert.equal(short(await commitPlaced(subject, placed, bytes)), 'lost');
    // A put that took its time arrives after all.
    await subject.objects.put(placed.blob.slice(4), bodyOf(bytes));
    await sweepAt(subject, NOW + LIFETIME_MS - 1);
    assert.equal((await keysOf(subject)).length, 1);
    await sweepAt(subject, NOW + LIFETIME_MS);
    assert.deepEqual(await keysOf(subject), []);
    assert.equal(await loose(subject), 0);
  });

  it('withdrawing what a chunk owns does no harm', async (subject) => {
    const bytes = bytesOf(10);
    const placed = await place(subject, bytes);
    await commitPlaced(subject, placed, bytes);
    await roomOf(subject).withdraw(placed);
    assert.equal((await keysOf(subject)).length, 1);
    assert.equal(await loose(subject), 0);
  });

  it('an object that a process left behind is adopted for the same chunk when it holds the same', async (subject) => {
    const bytes = bytesOf(3000);
    const left = await place(subject, bytes);
    // Whoever put it may be about to commit it.
    const meanwhile = await place(subject, bytes);
    assert.notEqual(meanwhile.blob, left.blob);
    await roomOf(subject).withdraw(meanwhile);
    subject.clock.now = NOW + SILENT_MS;
    const adopted = await place(subject, bytes);
    assert.equal(adopted.blob, left.blob);
    assert.equal(short(await commitPlaced(subject, left, bytes)), 'lost', 'it is not theirs any more');
    await roomOf(subject).withdraw(left);
    assert.equal(short(await commitPlaced(subject, adopted, bytes)), 'committed');
    assert.equal(Buffer.compare(await readBlob(subject, adopted.blob, 3000), bytes), 0);
  });

  it('an object with other bytes than it should have is never adopted, and is swept', async (subject) => {
    const bytes = bytesOf(3000);
    for (const other of [bytesOf(3000, 2), bytesOf(2999), bytesOf(3001)]) {
      const left = await place(subject, bytes);
      const key = left.blob.slice(4);
      await subject.objects.remove(key);
      await subject.objects.put(key, bodyOf(other));
      subject.clock.now += SILENT_MS;
      const placed = await place(subject, bytes);
      assert.notEqual(placed.blob, left.blob);
      assert.equal(Buffer.compare(await readBlob(subject, placed.blob, 3000), bytes), 0);
      await roomOf(subject).withdraw(placed);
      assert.deepEqual(await keysOf(subject), [key], 'out of reach, and still to be removed');
      await sweepAt(subject, subject.clock.now);
      assert.deepEqual(await keysOf(subject), []);
    }
    await sweepAt(subject, subject.clock.now + LIFETIME_MS);
    assert.equal(await loose(subject), 0);
  });

  it('an object that was announced and never put is put', async (subject) => {
    const bytes = bytesOf(100);
    const left = await place(subject, bytes);
    await subject.objects.remove(left.blob.slice(4));
    subject.clock.now = NOW + SILENT_MS;
    const placed = await place(subject, bytes);
    assert.equal(placed.blob, left.blob);
    assert.equal(short(await commitPlaced(subject, placed, bytes)), 'committed');
    assert.deepEqual(await readAll(subject.objects, placed.blob.slice(4)), Buffer.from(bytes));
  });

  it('many at once for the same chunk: one is committed, and nothing of the others stays', async (subject) => {
    const bytes = bytesOf(2000);
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const placed = await place(subject, bytes);
        const outcome = short(await commitPlaced(subject, placed, bytes));
        if (outcome !== 'committed') await roomOf(subject).withdraw(placed);
        return outcome;
      }),
    );
    assert.equal(outcomes.filter((outcome) => outcome === 'committed').length, 1);
    const chunk = (await subject.store.chunks.page(streamId(1), 0, 9))[0];
    assert.deepEqual(await keysOf(subject), [chunk?.blob.slice(4)]);
    await sweepAt(subject, NOW + LIFETIME_MS);
    assert.equal(await loose(subject), 0);
    assert.deepEqual(await keysOf(subject), [chunk?.blob.slice(4)]);
  });

  it('what was on its way to an incident that goes is called off', async (subject) => {
    const bytes = bytesOf(10);
    const placed = await place(subject, bytes);
    await subject.db.batch(
      [{ sql: `UPDATE incidents SET deletion_state = 'deletion_pending' WHERE id = '${incidentId(1)}'` }],
      'write',
    );
    assert.equal(short(await commitPlaced(subject, placed, bytes)), 'incident_deleting');
    assert.equal(await roomOf(subject).place(inline(bytes), placeFor(bytes, 2)), undefined);
    await sweepAt(subject, NOW);
    assert.deepEqual(await keysOf(subject), []);
  });

  it('removing everything of an incident takes what no list names, and nothing of another one', async (subject) => {
    await recording(subject, 2);
    const bytes = bytesOf(10);
    await place(subject, bytes, 1, 1);
    const other = await place(subject, bytes, 1, 2);
    await subject.objects.put(`incidents/${incidentId(1)}/whatever`, bodyOf(bytes));
    await roomOf(subject).removeAll(incidentId(1));
    assert.deepEqual(await keysOf(subject), [other.blob.slice(4)]);
  });

  it('a missing object and one of another length are noticed without reading any', async (subject) => {
    const bytes = bytesOf(10);
    const placed: PlacedBytes[] = [];
    for (const index of [1, 2, 10]) {
      const one = await place(subject, bytes, index);
      assert.equal(short(await commitPlaced(subject, one, bytes, index)), 'committed');
      placed.push(one);
    }
    // One that is still being put is nobody's concern.
    await place(subject, bytes, 5);
    const pages = async function* () {
      yield await subject.store.chunks.page(streamId(1), 0, 2);
      yield await subject.store.chunks.page(streamId(1), 2, 2);
    };
    const lacks = () => roomOf(subject).lacks(incidentId(1), streamId(1), pages());
    assert.equal(await lacks(), false);
    for (const { blob } of placed) {
      const key = blob.slice(4);
      await subject.objects.remove(key);
      assert.equal(await lacks(), true);
      await subject.objects.put(key, bodyOf(bytesOf(9)));
      assert.equal(await lacks(), true);
      await subject.objects.remove(key);
      await subject.objects.put(key, bodyOf(bytes.slice()));
      assert.equal(await lacks(), false);
    }
  });

  it('the bytes of a chunk are removed for good, whoever owns them, and may be gone already', async (subject) => {
    const bytes = bytesOf(10);
    const placed = await place(subject, bytes);
    await commitPlaced(subject, placed, bytes);
    for (let again = 0; again < 2; again += 1) await subject.blobs.remove(placed.blob);
    assert.deepEqual(await keysOf(subject), []);
    assert.equal(await loose(subject), 0);
  });

  it('an object that cannot be removed keeps no other from its turn, and is tried again', async (subject) => {
    for (const index of [1, 2, 3]) {
      const bytes = bytesOf(10, index);
      await commitPlaced(subject, await place(subject, bytes, index), bytes, index);
    }
    await subject.db.batch([{ sql: 'DELETE FROM chunks' }], 'write');
    const [stuck = ''] = await keysOf(subject);
    subject.refuseToRemove(stuck);
    await assert.rejects(sweepAt(subject, NOW), { name: 'ObjectError' });
    assert.deepEqual(await keysOf(subject), [stuck]);
    assert.equal(await sweepAt(subject, NOW), 0);
    subject.refuseToRemove(undefined);
    assert.equal(await sweepAt(subject, NOW + 60_000), 1);
    assert.deepEqual(await keysOf(subject), []);
  });

  it('a chunk whose row goes leaves its object to the sweep', async (subject) => {
    const bytes = bytesOf(10);
    await commitPlaced(subject, await place(subject, bytes), bytes);
    await subject.db.batch([{ sql: 'DELETE FROM chunks' }], 'write');
    assert.equal(await sweepAt(subject, NOW), 1);
    assert.deepEqual(await keysOf(subject), []);
    assert.equal(await loose(subject), 0);
  });
  return cases;
}
