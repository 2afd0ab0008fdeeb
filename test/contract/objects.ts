/** What every object store promises, whatever it is. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Objects } from '../../src/store/blobs/objects.ts';
import type { Bytes } from '../../src/store/store.ts';
import { bytesOf, type Case } from './room.ts';

/** Empties a store before each case. */
export type ObjectsFactory = () => Promise<Objects>;

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const bodyOf = (bytes: Bytes) => ({ bytes, size: bytes.length, sha256: sha256Of(bytes) });

export async function readAll(
  objects: Pick<Objects, 'read'>,
  key: string,
  start = 0,
  end = 2 ** 40,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of objects.read(key, start, end)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Keys and sizes under a prefix, all pages. */
export async function listed(objects: Objects, prefix = ''): Promise<readonly (readonly [string, number])[]> {
  const found: (readonly [string, number])[] = [];
  for (let more = true; more; ) {
    const page = await objects.list(prefix, found.at(-1)?.[0]);
    found.push(...page.objects.map(({ key, size }) => [key, size] as const));
    more = page.more;
  }
  return found;
}

export function objectsContract(make: ObjectsFactory): readonly Case[] {
  const cases: Case[] = [];
  const it = (name: string, body: (objects: Objects) => Promise<void>) =>
    cases.push({ name, run: async () => body(await make()) });

  it('an object comes back byte for byte, whole and in any part', async (objects) => {
    const bytes = bytesOf(300_000);
    assert.equal(await objects.put('a/b-1', bodyOf(bytes.slice())), 'stored');
    for (const [start, end] of [
      [0, 300_000],
      [0, 1],
      [1, 2],
      [299_999, 300_000],
      [65_536, 131_073],
    ] as const) {
      const part = await readAll(objects, 'a/b-1', start, end);
      assert.equal(Buffer.compare(part, bytes.subarray(start, end)), 0, `${start}-${end}`);
    }
  });

  it('an object that is sent in pieces is whole', async (objects) => {
    const bytes = bytesOf(700_000);
    const pieces = async function* () {
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.slice(at, at + 100_000);
    };
    await objects.put('a', { ...bodyOf(bytes), bytes: pieces });
    assert.equal(Buffer.compare(await readAll(objects, 'a'), bytes), 0);
  });

  it('what a source throws stops the put, and nothing is there', async (objects) => {
    const failure = new Error('the source broke');
    // biome-ignore lint/correctness/useYield: it breaks before it has anything
    const pieces = async function* (): AsyncGenerator<Bytes, void, void> {
      throw failure;
    };
    await assert.rejects(objects.put('a', { ...bodyOf(bytesOf(10)), bytes: pieces }), failure);
    assert.equal((await readAll(objects, 'a')).length, 0);
  });

  it('reading past the end ends at the end, and of what is not there nothing comes', async (objects) => {
    await objects.put('a', bodyOf(bytesOf(10)));
    assert.equal((await readAll(objects, 'a', 4, 99)).length, 6);
    assert.equal((await readAll(objects, 'a', 99, 100)).length, 0);
    assert.equal((await readAll(objects, 'b')).length, 0);
    assert.equal((await readAll(objects, 'a/b')).length, 0);
  });

  it('what is there is never overwritten', async (objects) => {
    assert.equal(await objects.put('a', bodyOf(bytesOf(10, 1))), 'stored');
    assert.equal(await objects.put('a', bodyOf(bytesOf(10, 2))), 'exists');
    assert.equal(await objects.put('a', bodyOf(bytesOf(20, 1))), 'exists');
    assert.deepEqual(await readAll(objects, 'a'), Buffer.from(bytesOf(10, 1)));
  });

  it('an object is removed once and for all, and one that is not there is removed', async (objects) => {
    await objects.put('a', bodyOf(bytesOf(10)));
    await objects.put('ab', bodyOf(bytesOf(10)));
    for (let again = 0; again < 2; again += 1) await objects.remove('a');
    assert.deepEqual(await listed(objects), [['ab', 10]]);
    assert.equal((await readAll(objects, 'a')).length, 0);
    assert.equal(await objects.put('a', bodyOf(bytesOf(5))), 'stored');
  });

  it('objects are listed in order, those under a prefix and after a key', async (objects) => {
    for (const [i, key] of ['i/2', 'i/10', 'j/1', 'i/1-b', 'i/1-a'].entries())
      await objects.put(key, bodyOf(bytesOf(i + 1)));
    const under = [
      ['i/1-a', 5],
      ['i/1-b', 4],
      ['i/10', 2],
      ['i/2', 1],
    ];
    assert.deepEqual(await listed(objects, 'i/'), under);
    assert.deepEqual(
      (await objects.list('i/', 'i/1-b')).objects.map(({ key }) => key),
      ['i/10', 'i/2'],
    );
    assert.deepEqual(await listed(objects, 'k/'), []);
  });

  it('many at once do not get in each other’s way', async (objects) => {
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        objects.put(`m/${String(i).padStart(2, '0')}`, bodyOf(bytesOf(1000, i))),
      ),
    );
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, i) => readAll(objects, `m/${String(i).padStart(2, '0')}`)),
    );
    for (const [i, bytes] of all.entries()) assert.deepEqual(bytes, Buffer.from(bytesOf(1000, i)));
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, () => objects.put('n', bodyOf(bytesOf(100)))),
    );
    assert.ok(outcomes.includes('stored'));
    assert.deepEqual(await readAll(objects, 'n'), Buffer.from(bytesOf(100)));
  });
  return cases;
}
