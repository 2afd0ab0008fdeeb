/**
 * What a bundle carries so that its chunks can be held against the log, offline and for good: their leaves, proofs
 * that each is in the tree of one signed checkpoint, and proofs that this tree continues those of earlier bundles.
 *
 * All of it is a function of committed rows. The checkpoint is the earliest that covers the bundle's chunks, so it does
 * not change as the log grows; while there is none yet, the bundle has no custody folder.
 */
import { encodePaddedBase64 } from '../crypto/base64.ts';
import { consistencyRanges, inclusionRanges } from '../crypto/merkle.ts';
import type { Stream } from '../store/incidents.ts';
import type { Checkpoint } from '../store/log.ts';
import type { Bytes } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { rangeHashes } from './log.ts';

/** Leaves whose proofs are made at one time. */
const LEAVES_AT_ONCE = 200;
/** Characters given at one time: strings over 128 KiB are collected late by V8, and a long log makes many. */
const LEAST_TEXT = 16 * 1024;

type LogDeps = Pick<Deps, 'store'>;

/** What a bundle's chunks are proven with. */
export interface Custody {
  readonly checkpoint: Checkpoint;
  /** Earlier checkpoints, by their sizes, that bundles of the same streams can have been made with, the oldest first. */
  readonly earlier: readonly Pick<Checkpoint, 'size'>[];
  readonly streams: readonly Stream[];
}

/**
 * Undefined while no checkpoint covers all the chunks of these complete streams, and where there are none.
 *
 * A bundle of one stream alone, or of the incident as it was when some of them had been completed, was made with the
 * earliest checkpoint that covers its last leaf. That is the leaf of one of these streams, so that the checkpoints of
 * the streams, each for itself, are all that earlier bundles can have.
 */
export async function custodyOf(
  { store: { log } }: LogDeps,
  streams: readonly Stream[],
): Promise<Custody | undefined> {
  const cover = await log.covering(streams.map(({ id }) => id));
  return cover && { checkpoint: cover.checkpoint, earlier: cover.smaller.map((size) => ({ size })), streams };
}

/** One line of JSON a chunk: its place, its leaf, and the hashes from the leaf up to the root. */
export async function* leafLines(
  { store: { log } }: LogDeps,
  { checkpoint: { size }, streams }: Custody,
): AsyncGenerator<string> {
  for (const stream of streams) {
    let after = -1;
    for (;;) {
      const leaves = await log.leavesOfStream(stream.id, after, LEAVES_AT_ONCE);
      const ranges = leaves.map(({ index }) => inclusionRanges(index, size));
      const hashes = await rangeHashes(log, ranges.flat());
      // Neighbours share nearly all of their proofs.
      const written = new Map<Bytes, string>();
      const textOf = (hash: Bytes) => {
        const text = written.get(hash) ?? encodePaddedBase64(hash);
        written.set(hash, text);
        return text;
      };
      let at = 0;
      let lines = '';
      for (const [place, leaf] of leaves.entries()) {
        const proof = hashes.slice(at, at + (ranges[place]?.length ?? 0));
        at += proof.length;
        lines += `${JSON.stringify({ index: leaf.index, leaf: leaf.text, proof: proof.map(textOf) })}\n`;
        after = leaf.index;
        if (lines.length >= LEAST_TEXT) {
          yield lines;
          lines = '';
        }
      }
      if (lines !== '') yield lines;
      if (leaves.length < LEAVES_AT_ONCE) break;
    }
  }
}

/** One line of JSON an earlier checkpoint: its size, and the hashes that prove that the tree continues it. */
export async function* consistencyLines(
  { store: { log } }: LogDeps,
  { checkpoint, earlier }: Custody,
): AsyncGenerator<string> {
  for (const { size } of earlier) {
    const proof: Bytes[] = await rangeHashes(log, consistencyRanges(size, checkpoint.size));
    yield `${JSON.stringify({ size, proof: proof.map(encodePaddedBase64) })}\n`;
  }
}
