/** The tree against the published vectors of Certificate Transparency, and against RFC 6962 written out once more. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  consistencyRanges,
  EMPTY_ROOT,
  grownNodes,
  inclusionRanges,
  isConsistent,
  isIncluded,
  type LeafRange,
  leafHash,
  nodeHash,
  nodesOf,
  rangeHash,
} from '../../src/crypto/merkle.ts';
import { rounds, seeded } from '../support/seed.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const fromHex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

/** The eight leaves and roots that Certificate Transparency's own tests use. */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

// RFC 6962, section 2.1, as it is written there: the second implementation.
const sha = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
const k = (n: number) => 2 ** (Math.ceil(Math.log2(n)) - 1);
function mth(d: readonly Uint8Array[]): Bytes {
  if (d.length === 0) return sha();
  if (d.length === 1) return sha(Uint8Array.of(0), d[0] as Uint8Array);
  return sha(Uint8Array.of(1), mth(d.slice(0, k(d.length))), mth(d.slice(k(d.length))));
}
function path(m: number, d: readonly Uint8Array[]): Bytes[] {
  if (d.length === 1) return [];
  const at = k(d.length);
  return m < at
    ? [...path(m, d.slice(0, at)), mth(d.slice(at))]
    : [...path(m - at, d.slice(at)), mth(d.slice(0, at))];
}
function subproof(m: number, d: readonly Uint8Array[], b: boolean): Bytes[] {
  if (m === d.length) return b ? [] : [mth(d)];
  const at = k(d.length);
  return m <= at
    ? [...subproof(m, d.slice(0, at), b), mth(d.slice(at))]
    : [...subproof(m - at, d.slice(at), false), mth(d.slice(0, at))];
}

/** Keeps nodes as a store does, leaf batch by leaf batch. */
function grow(leaves: readonly Uint8Array[], batch: number) {
  const nodes = new Map<string, Bytes>();
  for (let size = 0; size < leaves.length; size += batch) {
    const known = nodesOf({ start: 0, end: size }).map((place) => ({
      ...place,
      hash: nodes.get(`${place.level}/${place.index}`) as Bytes,
    }));
    const fresh = leaves.slice(size, size + batch).map(leafHash);
    for (const { level, index, hash } of grownNodes(size, fresh, known)) nodes.set(`${level}/${index}`, hash);
  }
  return (range: LeafRange) =>
    rangeHash(nodesOf(range).map(({ level, index }) => nodes.get(`${level}/${index}`) as Bytes));
}

const leavesOf = (count: number) =>
  Array.from({ length: count }, (_, at) => new TextEncoder().encode(`leaf ${at}`));

describe('the Merkle tree', () => {
  it('has the published roots', () => {
    const hash = grow(LEAVES.map(fromHex), 3);
    for (const [size, root] of ROOTS.entries()) assert.equal(hexOf(hash({ start: 0, end: size })), root);
    assert.equal(hexOf(EMPTY_ROOT), ROOTS[0]);
  });

  it('tells a leaf from a node of the same bytes', () => {
    const [a, b] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))];
    const both = new Uint8Array([...a, ...b]);
    assert.notDeepEqual(leafHash(both), nodeHash(a, b));
  });

  it('gives the roots and proofs of the RFC at every size, however the leaves came', () => {
    for (let size = 1; size <= 40; size += 1) {
      const leaves = leavesOf(size);
      const hash = grow(leaves, (size % 7) + 1);
      assert.deepEqual(hash({ start: 0, end: size }), mth(leaves));
      for (let index = 0; index < size; index += 1) {
        assert.deepEqual(inclusionRanges(index, size).map(hash), path(index, leaves));
      }
      for (let older = 1; older <= size; older += 1) {
        assert.deepEqual(consistencyRanges(older, size).map(hash), subproof(older, leaves, true));
      }
    }
  });

  it('is convinced by right proofs and by no others', (t) => {
    const sizes = fc
      .tuple(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat())
      .map(([size, a, b]) => ({ size, index: a % size, older: b % (size + 1) }));
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), ({ size, index, older }, where, bit) => {
        const leaves = leavesOf(size);
        const hash = grow(leaves, 16);
        const root = hash({ start: 0, end: size });
        const leaf = leafHash(leaves[index] as Uint8Array);
        const inclusion = inclusionRanges(index, size).map(hash);
        assert.ok(isIncluded(leaf, index, size, inclusion, root));
        const olderRoot = hash({ start: 0, end: older });
        const consistency = consistencyRanges(older, size).map(hash);
        assert.ok(isConsistent(older, size, consistency, olderRoot, root));

        const spoilt = (proof: readonly Bytes[]) =>
          proof.map((one, at) => {
            const copy = new Uint8Array(one);
            if (at === where % proof.length) copy[bit % 32] = (copy[bit % 32] ?? 0) ^ 1;
            return copy;
          });
        if (inclusion.length > 0) {
          assert.ok(!isIncluded(leaf, index, size, spoilt(inclusion), root));
          assert.ok(!isIncluded(leaf, index, size, inclusion.slice(1), root));
          assert.ok(!isIncluded(leaf, (index + 1) % size, size, inclusion, root));
        }
        assert.ok(!isIncluded(leaf, index, size, [...inclusion, root], root));
        assert.ok(!isIncluded(leaf, size, size, inclusion, root));
        if (consistency.length > 0) {
          assert.ok(!isConsistent(older, size, spoilt(consistency), olderRoot, root));
          assert.ok(!isConsistent(older, size, consistency.slice(1), olderRoot, root));
        }
        assert.ok(!isConsistent(older, size, [...consistency, root], olderRoot, root));
        assert.ok(!isConsistent(size + 1, size, consistency, olderRoot, root));
      }),
      { seed: seeded(t).below(2 ** 31), numRuns: rounds(200) },
    );
  });
});
