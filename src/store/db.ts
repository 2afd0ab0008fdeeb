/**
 * The driver port: the only way SQL reaches a database.
 *
 * A batch is one transaction. There is no verb that holds a transaction open across a round trip, so that no
 * lock can be held by a slow client and the same code runs on an embedded file, on a libSQL server and on an
 * edge network.
 */

/** What may be bound or come back. Integers are JavaScript numbers (all of ours stay below 2^53). */
export type SqlValue = null | number | string | Uint8Array<ArrayBuffer>;

export interface Statement {
  readonly sql: string;
  readonly args?: readonly SqlValue[];
}

export interface ResultSet {
  readonly columns: readonly string[];
  /** One array a row, in the order of `columns`. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** Rows inserted, updated or deleted by the statement itself (not by its triggers). */
  readonly changes: number;
}

/**
 * - `constraint`: a UNIQUE, CHECK, NOT NULL or FOREIGN KEY constraint refused a statement; nothing of the batch
 *   happened, and its neighbours in the same commit are untouched.
 * - `busy`: the database or the server could not be reached or locked in time; nothing of the batch happened.
 * - `full`: no room (disk, or the database's page limit); nothing of the batch happened.
 * - `unknown`: the commit itself failed or the connection broke while it ran: the batch may or may not have
 *   happened. Never retried by a driver.
 * - `overloaded`: the queue's bound was reached before the batch was sent; nothing happened.
 * - `internal`: anything else (a syntax error, a corrupt file, a closed driver); nothing of the batch happened.
 */
export type DbErrorKind = 'constraint' | 'busy' | 'full' | 'unknown' | 'overloaded' | 'internal';

/** A driver's refusal. `message` may carry SQL or values: it is for developers and never for a log or an answer. */
export class DbError extends Error {
  override readonly name = 'DbError';
  readonly kind: DbErrorKind;
  constructor(kind: DbErrorKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Db {
  /**
   * Runs the statements in order as one transaction and answers one result a statement.
   *
   * `'read'` sees one snapshot and refuses writes; `'write'` answers only after the commit is durable.
   * Throws {@link DbError}; the first failing statement undoes the whole batch. Buffers in `args` are the
   * driver's to keep: a caller must not write to them afterwards.
   */
  batch(statements: readonly Statement[], mode: 'read' | 'write'): Promise<ResultSet[]>;
  /** Finishes what was accepted, then lets go. Later calls of `batch` reject. */
  close(): Promise<void>;
}
