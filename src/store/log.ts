/**
 * The log: every audit entry and every committed chunk as a leaf of one Merkle tree (RFC 6962, section 2.1), in the
 * order in which they were committed. Types only. Leaves are written by the database itself with the row that they
 * record; hashes and checkpoints follow, by one process at a time.
 */
import type { Bytes } from './store.ts';

/** A leaf: its place in the tree, from 0, and its bytes, which are text. */
export interface Leaf {
  readonly index: number;
  readonly text: string;
}

/** The hash of a complete subtree: `level` 0 are leaves, and node `index` of a level covers 2^level of them. */
export interface TreeNode {
  readonly level: number;
  readonly index: number;
  /** 32 bytes. */
  readonly hash: Bytes;
}

export interface Checkpoint {
  /** How many leaves it covers. */
  readonly size: number;
  /** 32 bytes. */
  readonly rootHash: Bytes;
  /** The signed note (C2SP tlog-checkpoint), as it is published. */
  readonly note: string;
  /** The verifier key of its signature (C2SP signed-note). */
  readonly verifier: string;
  readonly createdAt: number;
  /** RFC 3161 TimeStampResp in DER, once there is one. */
  readonly timestamp?: Bytes;
}

/** The checkpoints that cover streams: of each stream the earliest that covers all leaves of its chunks. */
export interface Cover {
  /** The largest of them, so that it covers all these streams; no earlier checkpoint does. */
  readonly checkpoint: Checkpoint;
  /** The sizes of the others, ascending. */
  readonly smaller: readonly number[];
}

export interface LogStore {
  /** How many leaves there are, and for how many of them the hashes are kept. */
  size(): Promise<{ readonly leaves: number; readonly hashed: number }>;
  /** Leaves from `from`, at most `limit`. */
  leaves(from: number, limit: number): Promise<Leaf[]>;
  /** The leaves of chunks of one stream in the order of the tree, those after `after`. */
  leavesOfStream(streamId: string, after: number, limit: number): Promise<Leaf[]>;
  nodes(places: readonly Pick<TreeNode, 'level' | 'index'>[]): Promise<TreeNode[]>;
  /**
   * Keeps the hashes of further leaves: all at once, and only if nobody else came first.
   * @param from how many leaves had hashes when `nodes` was computed
   * @returns false when that is no longer so
   */
  grow(from: number, to: number, nodes: readonly TreeNode[]): Promise<boolean>;
  /** Publishes a checkpoint. @returns false when there is one of this size or a larger one */
  publish(checkpoint: Checkpoint): Promise<boolean>;
  /**
   * Publishes a checkpoint where there is none at all, of any size: over the empty tree, it says whose log this is.
   * @returns the verifier key of the newest one
   */
  claim(checkpoint: Checkpoint): Promise<string>;
  /** The verifier key of the newest checkpoint, of any size. */
  verifier(): Promise<string | undefined>;
  /** The newest that covers anything. */
  latest(): Promise<Checkpoint | undefined>;
  /** Undefined while one of these streams has no leaf, or one that no checkpoint covers; and where there are none. */
  covering(streamIds: readonly string[]): Promise<Cover | undefined>;
  ofSize(size: number): Promise<Checkpoint | undefined>;
  /** The newest first, before the size `before`. */
  list(before: number | undefined, limit: number): Promise<Checkpoint[]>;
  /** Checkpoints that still lack a timestamp, the oldest first. */
  withoutTimestamp(limit: number): Promise<Checkpoint[]>;
  stamp(size: number, timestamp: Bytes): Promise<void>;
}
