/** Damage is found when the database is opened, and said in a sentence that a person can act on. */

import { statSync } from 'node:fs';
import { DbError } from '../db.ts';
import type { Connection } from './connection.ts';
import { failureOf } from './failure.ts';

/**
 * Reads the schema, and the whole file if it is at most `checkUpTo` bytes. Throws DbError `internal` when either
 * shows damage.
 */
export function checkFile(connection: Connection, path: string, checkUpTo: number): void {
  connection.pragma('SELECT count(*) FROM sqlite_schema');
  if (path === ':memory:' || statSync(path).size > checkUpTo) return;
  const [verdict] = connection.pragma('PRAGMA quick_check(1)');
  if (verdict !== 'ok') throw new DbError('internal', damaged(path, String(verdict)), 'SQLITE_CORRUPT');
}

/** What to tell the operator when `path` could not be opened because of `thrown`. */
export function openingFailed(path: string, thrown: unknown): DbError {
  const { kind, message, code } = failureOf(thrown);
  if (code?.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return thrown instanceof DbError && thrown.message.includes(path)
      ? thrown
      : new DbError('internal', damaged(path, message), code);
  }
  if (kind === 'busy') {
    const sentence = `The database file ${path} is locked by another program (${message}). Stop it and start again.`;
    return new DbError('busy', sentence, code);
  }
  const what = `The database file ${path} cannot be opened: ${message.replace(/\.$/, '')}.`;
  return new DbError(kind, `${what} ${LOOK_AT}`, code);
}

const LOOK_AT =
  'Check that this user may read and write it and its folder, and that the disk is not read-only. If the system log ' +
  'tells of a failing disk, start again once it is well: nothing was changed.';

function damaged(path: string, detail: string): string {
  return (
    `The database file ${path} is damaged, or is not a database, or its encryption key is another one (${detail}). ` +
    `Check the key; else restore the file from a backup. To begin with an empty database instead, move ${path}, ` +
    `${path}-wal and ${path}-shm away together.`
  );
}
