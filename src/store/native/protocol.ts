/** The messages between the main thread and a database worker. */

import type { MessagePort } from 'node:worker_threads';
import type { DbErrorKind, ResultSet, Statement } from '../db.ts';

/** How one connection is opened. */
export interface ConnectionOptions {
  /** The database file, or ':memory:'. */
  readonly path: string;
  /** Encrypts the file (AES-256-CBC, SQLite3 Multiple Ciphers); undefined leaves it plain. */
  readonly encryptionKey: string | undefined;
  /** How long a connection waits for another process's lock, in milliseconds. */
  readonly busyTimeoutMs: number;
  /** The largest size of the database in pages of 4 KiB; undefined: as the disk allows. */
  readonly maxPages: number | undefined;
}

/**
 * `writer` owns the one write connection of a file, `reader` a read connection, and `both` the only connection of
 * a memory database.
 */
export type Role = 'writer' | 'reader' | 'both';

/** What a worker is started with. */
export interface WorkerStart {
  readonly port: MessagePort;
  readonly role: Role;
  readonly connection: ConnectionOptions;
  /** Files up to this size in bytes are checked for damage when they are opened. */
  readonly checkUpTo: number;
  /** Whether it opens its connection when it is told to, having made ready for it. */
  readonly waits: boolean;
}

/** What the worker that copies a database is started with. */
export interface SnapshotStart {
  readonly connection: ConnectionOptions;
  readonly to: string;
  readonly questions: readonly Statement[];
}

/** A batch on its way to a worker. */
export interface WireBatch {
  readonly id: number;
  /** `cut` has no statements: the log is emptied, and a `busy` answers that a reader was in the way. */
  readonly mode: 'read' | 'write' | 'cut';
  readonly statements: readonly Statement[];
  /** Its size as `measureBatch` counts. */
  readonly bytes: number;
}

/** A DbError in a form that survives `postMessage`. */
export interface WireError {
  readonly kind: DbErrorKind;
  readonly message: string;
  readonly code: string | undefined;
}

export type Outcome = { readonly results: ResultSet[] } | { readonly error: WireError };

export interface Answer {
  readonly id: number;
  readonly outcome: Outcome;
}

/** Batches, or answers, as `wire.ts` packs them. */
export interface Packed {
  readonly values: readonly unknown[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export type ToWorker =
  /** To a worker that waits. */
  | { readonly kind: 'open' }
  /** Batches. */
  | ({ readonly kind: 'work' } & Packed)
  /** The schema changed: prepared statements and their column names are stale. */
  | { readonly kind: 'forget' }
  /** A reader will look at one moment for long: whether it is of use to wait until nobody reads the log. */
  | { readonly kind: 'patience'; readonly waits: boolean }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'ready' }
  /** The database could not be opened. The worker ends when the main thread closes the port. */
  | { readonly kind: 'refused'; readonly error: WireError }
  /** Answers. */
  | ({ readonly kind: 'done'; readonly schemaChanged: boolean } & Packed)
  /** Everything was answered and the connection is closed. The worker ends when the main thread closes the port. */
  | { readonly kind: 'closed' };

/** Blobs of at least this many bytes change threads by being moved instead of copied. */
export const MOVE_FROM_BYTES = 64 * 1024;

/** Adds the buffer of `value` to `list` if it is worth moving and nothing else can be looking into it. */
export function addMovable(list: Set<ArrayBuffer>, value: unknown): void {
  if (!(value instanceof Uint8Array) || value.byteLength < MOVE_FROM_BYTES) return;
  const { buffer } = value;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === value.byteLength) list.add(buffer);
}
