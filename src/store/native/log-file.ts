/**
 * The write-ahead log as a file. This engine takes a frame of it that the disk cannot give back for one that was read
 * (`libsql` 0.5.29; upstream SQLite does not): a checkpoint then writes whatever lay in memory into the database and
 * throws the log away, and a recovery ends the log there and forgets what was committed after. Both were reproduced.
 * So the log is read through beforehand, which also brings it into the system's cache, where both find it.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { DbError } from '../db.ts';

const PIECE_BYTES = 1024 * 1024;

/**
 * Reads the log of the database at `path` to its end.
 * @throws DbError `disk` when it cannot be read; nothing may be moved out of it then
 */
export function readThroughLog(path: string): void {
  let file: number | undefined;
  try {
    // No lock lies on this file, so closing it drops none (those of the database are on the file itself and its index).
    file = openSync(`${path}-wal`, 'r');
    const piece = new Uint8Array(PIECE_BYTES);
    let at = 0;
    for (let got = -1; got !== 0; at += got) got = readSync(file, piece, 0, PIECE_BYTES, at);
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown error';
    if (code === 'ENOENT') return;
    throw new DbError('disk', `The log ${path}-wal cannot be read (${code}).`, 'SQLITE_IOERR_READ');
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/**
 * To be called before the process or its database thread ends: whichever connection is closed last moves the log into
 * the file, and where the log cannot be read that must not happen. Then the process ends here and now, as if the power
 * had gone; the next start finds the log.
 */
export function endOnlyIfReadable(path: string): void {
  try {
    readThroughLog(path);
  } catch {
    process.kill(process.pid, 'SIGKILL');
  }
}

const open = new Set<string>();
const lastLook = () => {
  for (const path of open) endOnlyIfReadable(path);
};

/** Looks at the log of this database too, should the process end while it is open. @returns what ends that */
export function watchEnd(path: string): () => void {
  if (open.size === 0) process.on('exit', lastLook);
  open.add(path);
  return () => {
    open.delete(path);
    if (open.size === 0) process.off('exit', lastLook);
  };
}
