/**
 * The log's upkeep and its proofs: hashes follow the leaves, checkpoints follow the hashes. One process at home does
 * it; two at once do no harm, since both compute the same and the store takes each step once.
 */
import { sha256, utf8 } from '../crypto/hash.ts';
import {
  consistencyRanges,
  grownNodes,
  inclusionRanges,
  type LeafRange,
  leafHash,
  nodesOf,
  rangeHash,
} from '../crypto/merkle.ts';
import { type Signer, signNote, verifierKey, writeCheckpoint } from '../crypto/signed-note.ts';
import type { Chunk } from '../store/chunks.ts';
import type { Checkpoint, LogStore } from '../store/log.ts';
import type { Bytes } from '../store/store.ts';
import { auditEntry } from './audit.ts';
import type { Deps } from './deps.ts';
import { chunkLines } from './log-leaf.ts';

/** Leaves hashed in one step: a few milliseconds, and one commit. */
const LEAVES_AT_ONCE = 512;
/** The first line of a receipt. */
export const RECEIPT_HEAD = 'sallyport-receipt/1';

/** The hashes of ranges of leaves that have all been hashed, in the order of the ranges. */
export async function rangeHashes(log: LogStore, ranges: readonly LeafRange[]): Promise<Bytes[]> {
  const places = ranges.map(nodesOf);
  const wanted = new Map(places.flat().map((place) => [`${place.level}/${place.index}`, place]));
  const nodes = await log.nodes([...wanted.values()]);
  const hashes = new Map(nodes.map(({ level, index, hash }) => [`${level}/${index}`, hash]));
  return places.map((some) =>
    rangeHash(
      some.map(({ level, index }) => {
        const hash = hashes.get(`${level}/${index}`);
        if (hash === undefined) throw new TypeError('the log lacks a node of its tree');
        return hash;
      }),
    ),
  );
}

/** Hashes the leaves that have none yet, until `stop` says so. @returns how many leaves have hashes now */
export async function hashLeaves(log: LogStore, stop: () => boolean = () => false): Promise<number> {
  for (;;) {
    const { leaves, hashed } = await log.size();
    if (hashed >= leaves || stop()) return hashed;
    const fresh = await log.leaves(hashed, LEAVES_AT_ONCE);
    const known = await log.nodes(nodesOf({ start: 0, end: hashed }));
    const grown = grownNodes(
      hashed,
      fresh.map(({ text }) => leafHash(utf8(text))),
      known,
    );
    await log.grow(hashed, hashed + fresh.length, grown);
  }
}

/** Publishes a checkpoint where the tree has grown since the last one. */
async function publishCheckpoint(
  deps: Pick<Deps, 'now'>,
  log: LogStore,
  signer: Signer,
  size: number,
): Promise<Checkpoint | undefined> {
  const latest = await log.latest();
  if (size === 0 || (latest !== undefined && latest.size >= size)) return latest;
  const [rootHash] = (await rangeHashes(log, [{ start: 0, end: size }])) as [Bytes];
  const note = await signNote(writeCheckpoint({ origin: signer.name, size, rootHash }), signer);
  const checkpoint = { size, rootHash, note, verifier: verifierKey(signer), createdAt: deps.now() };
  await log.publish(checkpoint);
  return checkpoint;
}

/**
 * Whether the log is this signer's to continue: its newest checkpoint is signed with this key. A log without any
 * becomes theirs, by a checkpoint over the empty tree (RFC 6962, 2.1: the hash of nothing), which one process wins.
 */
export async function claimLog(deps: Pick<Deps, 'now'>, log: LogStore, signer: Signer): Promise<boolean> {
  const rootHash = sha256(new Uint8Array(0));
  const note = await signNote(writeCheckpoint({ origin: signer.name, size: 0, rootHash }), signer);
  const verifier = verifierKey(signer);
  return (await log.claim({ size: 0, rootHash, note, verifier, createdAt: deps.now() })) === verifier;
}

/** Whose log it is, as the name of the key; undefined where nobody has signed yet. */
export async function logOwner(log: LogStore): Promise<string | undefined> {
  return (await log.verifier())?.split('+', 1)[0];
}

/**
 * Goes on with the log under another key, the one before being lost. An entry of the audit says so, and the first
 * checkpoint of the new key covers it. Only while no other process signs.
 */
export async function adoptLog(deps: Pick<Deps, 'now' | 'random' | 'store'>, signer: Signer): Promise<void> {
  const { log, audit } = deps.store;
  const operator = { listener: 'local', actorKind: 'operator' } as const;
  await audit.append(auditEntry(deps, operator, 'checkpoint_key_change', 'ok'));
  await publishCheckpoint(deps, log, signer, await hashLeaves(log));
}

/** One round of upkeep: everything committed so far is hashed and covered by a checkpoint. */
export async function tendLog(
  deps: Pick<Deps, 'now' | 'store' | 'signer'>,
  stop: () => boolean = () => false,
): Promise<Checkpoint | undefined> {
  const { log } = deps.store;
  const size = await hashLeaves(log, stop);
  return deps.signer === undefined ? undefined : publishCheckpoint(deps, log, deps.signer, size);
}

/** The proof that leaf `index` is in the tree of `size` leaves, from the leaf upwards. */
export function inclusionProof(log: LogStore, index: number, size: number): Promise<Bytes[]> {
  return rangeHashes(log, inclusionRanges(index, size));
}

/** The proof that the tree of `older` leaves is the beginning of that of `newer`. */
export function consistencyProof(log: LogStore, older: number, newer: number): Promise<Bytes[]> {
  return rangeHashes(log, consistencyRanges(older, newer));
}

/**
 * A signed statement that this chunk was taken in: the lines of its leaf, so that whoever holds it can ask for that
 * very leaf later. Undefined where this process has no key.
 */
export async function receiptFor(deps: Pick<Deps, 'signer'>, chunk: Chunk): Promise<string | undefined> {
  return deps.signer && signNote(`${RECEIPT_HEAD}\n${chunkLines(chunk)}`, deps.signer);
}
