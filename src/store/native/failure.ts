/** What an error of the engine means: for the caller, and for the connection on which it happened. */

import { DbError } from '../db.ts';
import type { WireError } from './protocol.ts';

export interface Failure extends WireError {
  /**
   * Whether the connection may go on. False after anything but a refusal of the statement itself: a statement that
   * met SQLITE_BUSY is never finished by this engine, and what is written after it on the same connection is
   * reported as done and then lost (libsql-client-ts#352).
   */
  readonly trusted: boolean;
}

// Primary result codes of SQLite (https://www.sqlite.org/rescode.html); the low byte of an extended code.
const ERROR = 1;
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const TOOBIG = 18;
const CONSTRAINT = 19;
const MISMATCH = 20;
const RANGE = 25;
const NOTADB = 26;

const PLAIN = new Set([ERROR, TOOBIG, MISMATCH, RANGE]);
/** A page that the disk cannot give back is reported as damage by this engine, too. */
const DISK = new Set([READONLY, IOERR, CORRUPT, CANTOPEN, NOTADB]);

/** Classifies anything that was thrown while a statement ran. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof DbError) {
    return { kind: thrown.kind, message: thrown.message, code: thrown.code, trusted: true };
  }
  const { code, rawCode } = engineCodes(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (rawCode === undefined) return { kind: 'internal', message, code, trusted: false };
  const primary = rawCode & 0xff;
  const described = { message: `${code ?? rawCode}: ${message}`, code };
  if (primary === CONSTRAINT) return { kind: 'constraint', ...described, trusted: true };
  if (primary === BUSY || primary === LOCKED) return { kind: 'busy', ...described, trusted: false };
  if (primary === FULL) return { kind: 'full', ...described, trusted: false };
  // A connection that was opened while the file could not be written stays one for reading, whatever becomes of the
  // file: only another one can write again.
  if (DISK.has(primary)) return { kind: 'disk', ...described, trusted: false };
  return { kind: 'internal', ...described, trusted: PLAIN.has(primary) };
}

/** The DbError that `failure` stands for. */
export function dbError(failure: WireError): DbError {
  return new DbError(failure.kind, failure.message, failure.code);
}

function engineCodes(thrown: unknown): { code: string | undefined; rawCode: number | undefined } {
  if (typeof thrown !== 'object' || thrown === null) return { code: undefined, rawCode: undefined };
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  const rawCode = 'rawCode' in thrown && typeof thrown.rawCode === 'number' ? thrown.rawCode : undefined;
  return { code, rawCode };
}
