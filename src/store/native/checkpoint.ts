/**
 * Keeps the write-ahead log short: what is committed is moved into the database file after it was answered, and
 * the log is cut to nothing when writing pauses. A log that is left alone still holds what was deleted since.
 * https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
 */

import type { Connection } from './connection.ts';
import { readThroughLog } from './log-file.ts';

/** Move the log into the file after about this many written bytes. */
const MOVE_AFTER_BYTES = 16 * 1024 * 1024;
/** A log of this many pages (64 MiB) makes writing wait for the readers that keep it from starting over. */
const TOO_MANY_PAGES = 16_384;
/** How long writing waits for them, in milliseconds, before it goes on with a longer log. */
const WAIT_FOR_READERS_MS = 250;
/** What a batch writes beside its own bytes, roughly: a page of a table and one of an index. */
const OVERHEAD_BYTES = 8192;

export interface Checkpoints {
  /** Called after a group of `count` batches with `bytes` bytes was committed and answered. */
  written(connection: Connection, count: number, bytes: number): void;
  /** Cuts the log at somebody's word, waiting a little for readers. False: one was in the way all the same. */
  cut(connection: Connection): boolean;
  /** Called when writing pauses: cuts the log. False: a reader was in the way, call again later. */
  paused(connection: Connection): boolean;
  /** Whether writing waits for readers at all: while one looks at a single moment for long, it would be in vain. */
  waitForReaders(waits: boolean): void;
}

/**
 * Checkpoints of the database at `path`, for connections that wait `busyTimeoutMs` for locks otherwise. Its verbs throw
 * what the engine throws, and DbError `disk` while the log cannot be read.
 */
export function createCheckpoints(path: string, busyTimeoutMs: number): Checkpoints {
  let since = 0;
  let waits = true;

  /** `TRUNCATE` needs that no reader looks into the log; it waits `waitMs` for that. */
  function cut(connection: Connection, waitMs: number): boolean {
    readThroughLog(path);
    connection.exec(`PRAGMA busy_timeout=${waitMs}`);
    try {
      const [busy] = connection.pragma('PRAGMA wal_checkpoint(TRUNCATE)');
      return busy === 0;
    } finally {
      connection.exec(`PRAGMA busy_timeout=${busyTimeoutMs}`);
    }
  }

  return {
    written(connection, count, bytes) {
      since += bytes + count * OVERHEAD_BYTES;
      if (since < MOVE_AFTER_BYTES) return;
      since = 0;
      readThroughLog(path);
      const [, pages] = connection.pragma('PRAGMA wal_checkpoint(PASSIVE)');
      if (typeof pages === 'number' && pages > TOO_MANY_PAGES && waits) cut(connection, WAIT_FOR_READERS_MS);
    },
    cut: (connection) => cut(connection, WAIT_FOR_READERS_MS),
    paused(connection) {
      since = 0;
      return cut(connection, 0);
    },
    waitForReaders(value) {
      waits = value;
    },
  };
}
