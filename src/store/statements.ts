/** What every driver checks before it takes a batch, so that a mistake is the same refusal on each of them. */

import { DbError, type SqlValue, type Statement } from './db.ts';

/**
 * First words that a batch may not use. Transactions belong to the driver; the others change a connection, or
 * reach files, behind its back. What a pragma reads can be had from its table-valued function, for instance
 * `SELECT * FROM pragma_table_info('pastes')`.
 */
const FORBIDDEN = new Set([
  ...['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'SAVEPOINT', 'RELEASE'],
  ...['PRAGMA', 'ATTACH', 'DETACH', 'VACUUM'],
  '',
]);

/** What may read. A batch in read mode may hold nothing else: a libSQL server would carry out a write in it. */
const READING = new Set(['SELECT', 'VALUES', 'WITH', 'EXPLAIN']);

/** How many checked SQL texts are remembered. The code's own texts are a few hundred; none is built from input. */
const REMEMBERED = 1024;
/** Every SQL text that passed, with whether it only reads. */
const checked = new Map<string, boolean>();

/**
 * Throws {@link DbError} `internal` unless every statement may be part of a batch of this mode, and answers the
 * batch's size in bytes: blobs, text (two bytes a UTF-16 unit) and a fixed amount for each statement and value.
 */
export function measureBatch(statements: readonly Statement[], mode: 'read' | 'write'): number {
  if (statements.length === 0) throw new DbError('internal', 'A batch needs at least one statement.');
  let bytes = 0;
  for (const { sql, args } of statements) {
    let reads = checked.get(sql);
    if (reads === undefined) {
      reads = checkSql(sql);
      if (checked.size >= REMEMBERED) checked.clear();
      checked.set(sql, reads);
    }
    if (mode === 'read' && !reads) throw new DbError('internal', `A write in a batch that reads: ${sql}`);
    bytes += 64;
    if (args !== undefined) for (const value of args) bytes += measureValue(value);
  }
  return bytes;
}

function measureValue(value: SqlValue): number {
  if (value === null) return 8;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new DbError('internal', 'Only finite numbers can be bound.');
    return 8;
  }
  if (typeof value === 'string') {
    if (value.includes('\0')) throw new DbError('internal', 'Text with U+0000 cannot be bound: bind a blob.');
    return 8 + 2 * value.length;
  }
  // The embedded engine aborts the whole process on a boolean, so the types are not trusted here.
  if (!(value instanceof Uint8Array)) {
    throw new DbError('internal', `A ${typeof value} cannot be bound: only null, numbers, text and bytes.`);
  }
  if (value.buffer.detached) {
    throw new DbError('internal', 'These bytes were given away before: their buffer is detached.');
  }
  return 64 + value.byteLength;
}

/** Throws for a statement that no batch may hold; answers whether it only reads. */
function checkSql(sql: string): boolean {
  const word = firstWord(sql);
  if (FORBIDDEN.has(word)) {
    throw new DbError('internal', `A batch may not contain ${word === '' ? 'an empty statement' : word}.`);
  }
  if (sql.includes('\0')) throw new DbError('internal', 'SQL with U+0000 is cut off by the engine.');
  const bare = withoutQuotes(sql);
  // A trigger's body holds semicolons of its own; only migrations make triggers.
  const trigger = /^\s*CREATE\s+(?:TEMP\w*\s+)?TRIGGER\b/i.test(bare);
  if (!trigger && /;\s*[^\s;]/.test(bare)) {
    throw new DbError('internal', 'A batch takes one statement a text: the engine would ignore the second.');
  }
  return READING.has(word) && !(word === 'WITH' && /\b(?:INSERT|UPDATE|DELETE|REPLACE\s+INTO)\b/i.test(bare));
}

/** The first keyword of a statement in upper case, comments before it skipped; '' when there is none. */
export function firstWord(sql: string): string {
  return /^[a-z]*/i.exec(withoutLeadingComments(sql))?.[0]?.toUpperCase() ?? '';
}

function withoutLeadingComments(sql: string): string {
  return sql.replace(/^(?:[\s;]+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))+/, '');
}

/** The statement with its comments blanked and each literal and quoted name put as `x`. */
function withoutQuotes(sql: string): string {
  return sql.replace(
    /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g,
    (token) => (token.startsWith('--') || token.startsWith('/*') ? ' ' : 'x'),
  );
}
