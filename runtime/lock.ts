/**
 * A lock on a file that a process holds until it releases it or ends, however it ends.
 *
 * Neither Node nor Bun can lock a file, and a file that only says "locked" outlives a SIGKILL. SQLite locks files
 * with the operating system's own locks, which the kernel drops with the process; so the lock is an empty database
 * with an exclusive transaction that is never finished. Not for network file systems.
 */

import { closeSync, openSync } from 'node:fs';
import Database from 'libsql';

export interface Lock {
  /** Lets go. A second call does nothing. */
  release(): void;
}

/** SQLITE_BUSY, the primary result code (https://www.sqlite.org/rescode.html#busy). */
const BUSY = 5;

/**
 * Takes the lock at `path` (an empty file, 0600, made if it is missing) or answers undefined at once when another
 * process, or another call in this one, holds it. Throws the system's or the engine's error if the file cannot be
 * opened.
 */
export function takeLock(path: string): Lock | undefined {
  makeEmpty(path);
  const db = new Database(path);
  let held = true;
  try {
    db.exec('PRAGMA busy_timeout=0');
    // Nothing is ever written, so a journal would only lie around.
    db.exec('PRAGMA journal_mode=MEMORY');
    db.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    db.close();
    if (isBusy(thrown)) return undefined;
    throw thrown;
  }
  return {
    release() {
      if (!held) return;
      held = false;
      db.exec('ROLLBACK');
      db.close();
    },
  };
}

/**
 * Makes the file unless it is there. One that is there is not even opened: closing any descriptor of a file drops
 * all locks that the process has on it (POSIX.1, `fcntl`), those of a lock that is held among them.
 */
function makeEmpty(path: string): void {
  try {
    closeSync(openSync(path, 'ax', 0o600));
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  }
}

function isBusy(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null || !('rawCode' in thrown)) return false;
  return typeof thrown.rawCode === 'number' && (thrown.rawCode & 0xff) === BUSY;
}
