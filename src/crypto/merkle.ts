/**
 * The Merkle tree of a transparency log: hashes, and which of them make up a proof. RFC 6962, section 2.1; the checks
 * follow RFC 9162, sections 2.1.3.2 and 2.1.4.2.
 *
 * A tree of n leaves is kept as its complete subtrees: node `index` of `level` covers the leaves from index · 2^level,
 * 2^level of them. Those never change as the tree grows, and every hash of every tree and proof is made of them.
 * Sizes and indexes are whole numbers below 2^53; a hash has 32 bytes.
 */
import { equalBytes } from './compare.ts';
import { sha256 } from './hash.ts';

type Bytes = Uint8Array<ArrayBuffer>;

export interface NodePlace {
  readonly level: number;
  readonly index: number;
}

/** Leaves from `start` to before `end`. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** The hash of a tree without leaves. */
export const EMPTY_ROOT: Bytes = sha256(new Uint8Array(0));

/** The hash of a leaf: SHA-256 of 0x00 and its bytes. */
export function leafHash(leaf: Uint8Array): Bytes {
  const input = new Uint8Array(1 + leaf.length);
  input.set(leaf, 1);
  return sha256(input);
}

/** The hash of two subtrees side by side: SHA-256 of 0x01 and both. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Bytes {
  const input = new Uint8Array(1 + left.length + right.length);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 1 + left.length);
  return sha256(input);
}

/** The largest power of two that is smaller than `n`, which is at least 2. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/**
 * The complete subtrees that make up a range, from left to right. The range must start where one as large could:
 * all that come up in trees and proofs do.
 */
export function nodesOf({ start, end }: LeafRange): NodePlace[] {
  const places: NodePlace[] = [];
  let at = start;
  while (at < end) {
    let level = 0;
    let width = 1;
    while (width * 2 <= end - at && at % (width * 2) === 0) {
      width *= 2;
      level += 1;
    }
    places.push({ level, index: at / width });
    at += width;
  }
  return places;
}

/** The hash of a range from the hashes of {@link nodesOf}, in that order. */
export function rangeHash(hashes: readonly Bytes[]): Bytes {
  let hash: Bytes | undefined;
  for (const left of hashes.toReversed()) hash = hash === undefined ? left : nodeHash(left, hash);
  return hash ?? EMPTY_ROOT;
}

/**
 * The ranges whose hashes prove that leaf `index` is in the tree of `size` leaves, from the leaf upwards.
 * @throws RangeError when there is no such leaf
 */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  if (index < 0 || index >= size) throw new RangeError('no such leaf in a tree of this size');
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/**
 * The ranges whose hashes prove that the tree of `older` leaves is the beginning of that of `newer`. None are needed
 * where they are the same, or where the older is empty.
 * @throws RangeError when the older is the larger one
 */
export function consistencyRanges(older: number, newer: number): LeafRange[] {
  if (older < 0 || older > newer) throw new RangeError('the older tree cannot be larger than the newer');
  if (older === 0 || older === newer) return [];
  const ranges: LeafRange[] = [];
  let start = 0;
  let end = newer;
  // Whether what is left of the older tree is a subtree that its root does not follow from directly.
  let whole = true;
  while (older !== end) {
    const middle = start + split(end - start);
    if (older <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
      whole = false;
    }
  }
  if (!whole) ranges.push({ start, end });
  return ranges.reverse();
}

/**
 * The nodes that become complete when leaves are added to a tree of `size`, upwards from each new leaf.
 * @param leafHashes the new leaves' hashes
 * @param known hashes of nodes that were complete before: those of `nodesOf({ start: 0, end: size })`
 */
export function grownNodes(
  size: number,
  leafHashes: readonly Bytes[],
  known: readonly (NodePlace & { readonly hash: Uint8Array })[],
): (NodePlace & { readonly hash: Bytes })[] {
  const waiting = new Map<number, Uint8Array>(known.map(({ level, hash }) => [level, hash]));
  const grown: (NodePlace & { readonly hash: Bytes })[] = [];
  for (const [offset, leaf] of leafHashes.entries()) {
    let level = 0;
    let index = size + offset;
    let hash = leaf;
    grown.push({ level, index, hash });
    while (index % 2 === 1) {
      const left = waiting.get(level);
      if (left === undefined) throw new TypeError('the tree lacks a node of its own size');
      waiting.delete(level);
      hash = nodeHash(left, hash);
      level += 1;
      index = (index - 1) / 2;
      grown.push({ level, index, hash });
    }
    waiting.set(level, hash);
  }
  return grown;
}

/** Whether `proof` shows that a leaf with this hash has this place in the tree of `size` leaves. */
export function isIncluded(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return false;
  let fn = index;
  let sn = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) {
        fn /= 2;
        sn = Math.floor(sn / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && equalBytes(hash, root);
}

/** Whether `proof` shows that the tree of `older` leaves is the beginning of that of `newer`. */
export function isConsistent(
  older: number,
  newer: number,
  proof: readonly Uint8Array[],
  olderRoot: Uint8Array,
  newerRoot: Uint8Array,
): boolean {
  if (!Number.isSafeInteger(older) || !Number.isSafeInteger(newer) || older < 0 || older > newer)
    return false;
  if (older === newer) return proof.length === 0 && equalBytes(olderRoot, newerRoot);
  if (older === 0) return proof.length === 0 && equalBytes(olderRoot, EMPTY_ROOT);
  const path = [...proof];
  // A power of two: the older tree is itself a node of the newer, and its root begins the path.
  if (Number.isInteger(Math.log2(older))) path.unshift(olderRoot);
  const [first, ...rest] = path;
  if (first === undefined) return false;
  let fn = older - 1;
  let sn = newer - 1;
  while (fn % 2 === 1) {
    fn = (fn - 1) / 2;
    sn = Math.floor(sn / 2);
  }
  let olderHash = first;
  let newerHash = first;
  for (const hash of rest) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      olderHash = nodeHash(hash, olderHash);
      newerHash = nodeHash(hash, newerHash);
      while (fn % 2 === 0 && fn !== 0) {
        fn /= 2;
        sn = Math.floor(sn / 2);
      }
    } else {
      newerHash = nodeHash(newerHash, hash);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  return sn === 0 && equalBytes(olderHash, olderRoot) && equalBytes(newerHash, newerRoot);
}
