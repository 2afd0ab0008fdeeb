/** The part of the store that looks whether everything is as it should be, types only. Nothing is changed. */
import type { Checkpoint } from './log.ts';
import type { Bytes } from './store.ts';

/**
 * What is held against what, row by row:
 * - `unowned_bytes`: segments that belong to no paste, chunk or upload
 * - `paste_bytes`, `chunk_bytes`, `staged_bytes`: rows against the bytes that they speak of
 * - `paste_totals`, `stream_counters`, `media_counters`, `account_usage`: counters against the rows they count
 * - `log_order`: the places of the log's entries
 */
export type RowCheck =
  | 'unowned_bytes'
  | 'paste_bytes'
  | 'chunk_bytes'
  | 'staged_bytes'
  | 'paste_totals'
  | 'stream_counters'
  | 'media_counters'
  | 'account_usage'
  | 'log_order';

export interface CheckedPage {
  /** Rows that were looked at. */
  readonly rows: number;
  /** A sentence for each that is wrong. It names ids and numbers alone. */
  readonly problems: readonly string[];
  /** Where to go on; undefined at the end. */
  readonly next: string | undefined;
}

export interface StoredChunk {
  readonly id: string;
  readonly blob: string;
  readonly byteSize: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly crc32: number;
}

export interface StoredObjectRow {
  readonly id: string;
  readonly blob: string;
  /** In the object store. */
  readonly key: string;
  readonly byteSize: number;
}

export interface HealthStore {
  /** What the engine says about pages and indexes: at most `most` lines, none when all is well. */
  integrity(most: number): Promise<readonly string[]>;
  /** Tables with rows that refer to nothing, and how many. */
  brokenReferences(): Promise<readonly { readonly table: string; readonly rows: number }[]>;
  /** Looks at some rows from `after` on ('' is the beginning). */
  check(what: RowCheck, after: string): Promise<CheckedPage>;
  /** Chunks that nobody is deleting and whose bytes lie in the database, in the order of their ids. */
  chunks(after: string, limit: number): Promise<readonly StoredChunk[]>;
  /** One segment of a blob. */
  segment(blob: string, index: number): Promise<Bytes | undefined>;
  /** Whether the chunk is there with its bytes in this blob, and nobody deletes it. */
  isKept(chunkId: string, blob: string): Promise<boolean>;
  /** Checkpoints of more than `size` leaves, the smallest first. */
  checkpoints(size: number, limit: number): Promise<readonly Checkpoint[]>;
  /** When the newest things were recorded, in milliseconds since the epoch. */
  newest(): Promise<readonly number[]>;
  /** Chunks that nobody is deleting and whose bytes lie in an object store, in the order of their ids. */
  objects(after: string, limit: number): Promise<readonly StoredObjectRow[]>;
}
