/**
 * The driver port: the only way SQL reaches a database.
 *
 * A batch is one transaction. There is no verb that holds a transaction open across a round trip, so that no
 * lock can be held by a slow client and the same code runs on an embedded file, on a libSQL server and on an
 * edge network.
 */

/**
 * What may be bound or come back. Whole numbers are bound as SQL INTEGER and others as REAL; integers come back
 * as JavaScript numbers (all of ours stay below 2^53, and one beyond it does not come back exact). Text may not
 * contain U+0000, at which the embedded engine's text ends.
 */
export type SqlValue = null | number | string | Uint8Array<ArrayBuffer>;

/**
 * One SQL statement with its positional arguments. Transactions, pragmas and attached databases are the driver's
 * business: a statement that starts with BEGIN, COMMIT, PRAGMA and the like is refused (`statements.ts` has the
 * list), and so is a text that holds a second statement.
 */
export interface Statement {
  readonly sql: string;
  readonly args?: readonly SqlValue[];
  /**
   * True of a query that finds one row at most by a unique key, and reads nothing but that row. In a batch of its own a
   * driver may answer it in the thread that asks.
   */
  readonly point?: boolean;
}

export interface ResultSet {
  readonly columns: readonly string[];
  /** One array a row, in the order of `columns`. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** Rows inserted, updated or deleted by the statement itself (not by its triggers); 0 for a query. */
  readonly changes: number;
}

/**
 * - `constraint`: a UNIQUE, CHECK, NOT NULL or FOREIGN KEY constraint refused a statement; nothing of the batch
 *   happened, and its neighbours in the same commit are untouched.
 * - `busy`: the database or the server could not be reached or locked in time; nothing of the batch happened.
 * - `full`: no room (disk, or the database's page limit); nothing of the batch happened.
 * - `disk`: the file cannot be read or written right now (an I/O error, a read-only disk, damage, no
 *   descriptor left); nothing of the batch happened.
 * - `unknown`: the commit itself failed or the connection broke while it ran: the batch may or may not have
 *   happened. Never retried by a driver. A disk that fills up while the commit is written is reported so too.
 * - `denied`: the server did not take our credentials, or they may not do this; nothing of the batch happened.
 * - `overloaded`: the queue's bound was reached before the batch was sent; nothing happened.
 * - `internal`: anything else (a syntax error, a closed driver); nothing of the batch happened.
 */
export type DbErrorKind =
  | 'constraint'
  | 'busy'
  | 'full'
  | 'disk'
  | 'unknown'
  | 'denied'
  | 'overloaded'
  | 'internal';

/**
 * A driver's refusal. `message` may carry SQL or values: it is for developers and never for a log or an answer.
 * `code` is the engine's own name of the error where there is one (`SQLITE_FULL`), and may be logged.
 */
export class DbError extends Error {
  override readonly name = 'DbError';
  readonly kind: DbErrorKind;
  readonly code: string | undefined;
  constructor(kind: DbErrorKind, message: string, code?: string) {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

export interface Db {
  /**
   * Runs the statements in order as one transaction and answers one result a statement.
   *
   * `'read'` sees one snapshot and refuses writes; `'write'` answers only after the commit is durable.
   * Throws {@link DbError}; the first failing statement undoes the whole batch. Buffers in `args` are the
   * driver's to keep: a caller must not use them afterwards (a large one is moved to the driver's thread, which
   * leaves the caller's detached and empty).
   */
  batch(statements: readonly Statement[], mode: 'read' | 'write'): Promise<ResultSet[]>;
  /**
   * Empties the write-ahead log, where there is one beside the file: whatever was deleted is then in neither. False
   * when a reader was in the way. Absent where the log is not ours to cut.
   * https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
   */
  truncateLog?(): Promise<boolean>;
  /**
   * Writes a copy of the database as it is at one moment to `path`, and answers `questions` (which read) from the
   * copy. Whatever was committed before the call is in it; nothing that was deleted is. Writing goes on meanwhile, and
   * the log grows by what is written. `path` is a file that is there and empty, or is not there; what stands in it
   * after a failure is of no use. Absent where there is no file to copy. https://www.sqlite.org/lang_vacuum.html
   */
  snapshot?(path: string, questions: readonly Statement[]): Promise<ResultSet[]>;
  /** Finishes what was accepted, then lets go. Later calls of `batch` reject. */
  close(): Promise<void>;
}
