/** What a copy of the database is asked before it becomes a backup. */
import type { ResultSet, Statement } from '../db.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { OBJECTS } from './segments.ts';

/** What a backup says of its database. */
export interface BackupFacts {
  /** The id of the newest migration that it went through. */
  readonly schema: string;
  /** By which the secret key is recognised that it belongs to; nothing of the key follows from it. */
  readonly secretKeyCheck: string | undefined;
  readonly counts: Readonly<Record<BackupCount, number>>;
}

export const BACKUP_COUNTS = [
  'accounts',
  'pastes',
  'incidents',
  'streams',
  'chunks',
  'chunk_bytes',
  'log_entries',
  'object_store_chunks',
  'object_store_bytes',
] as const;
export type BackupCount = (typeof BACKUP_COUNTS)[number];

const TABLES = ['accounts', 'pastes', 'incidents', 'streams', 'chunks', 'log_leaves'];

/** Which of the tables there are: an older database lacks the younger ones. */
export const BACKUP_TABLES: Statement = {
  sql: `SELECT name FROM sqlite_schema WHERE type = 'table'
    AND name IN ('schema_migrations', 'secret_key', ${TABLES.map((name) => `'${name}'`).join(', ')})`,
};

/** Reads what {@link BACKUP_TABLES} answers. */
export const tablesOf = (result: ResultSet | undefined): ReadonlySet<string> =>
  new Set(allRows(result).map((row) => row.text('name')));

/** What to ask, where these tables are there. */
export function backupQuestions(tables: ReadonlySet<string>): readonly Statement[] {
  const from = (table: string, what: string) => (tables.has(table) ? `(SELECT ${what} FROM ${table})` : '0');
  const outside = `blob GLOB '${OBJECTS}'`;
  const counts: Readonly<Record<BackupCount, string>> = {
    accounts: from('accounts', 'count(*)'),
    pastes: from('pastes', 'count(*)'),
    incidents: from('incidents', 'count(*)'),
    streams: from('streams', 'count(*)'),
    chunks: from('chunks', 'count(*)'),
    chunk_bytes: from('chunks', 'coalesce(sum(byte_size), 0)'),
    log_entries: from('log_leaves', 'count(*)'),
    object_store_chunks: from('chunks', `count(*) FILTER (WHERE ${outside})`),
    object_store_bytes: from('chunks', `coalesce(sum(byte_size) FILTER (WHERE ${outside}), 0)`),
  };
  return [
    { sql: `SELECT ${BACKUP_COUNTS.map((name) => `${counts[name]} AS ${name}`).join(', ')}` },
    { sql: `SELECT ${from('schema_migrations', 'max(id)')} AS id` },
    { sql: tables.has('secret_key') ? 'SELECT check_value FROM secret_key' : 'SELECT 0 WHERE false' },
  ];
}

/** Undefined when it is no database of Sallyport's. */
export function backupFacts(results: readonly ResultSet[]): BackupFacts | undefined {
  const [counts, schema, check] = results.map(firstRow) as (Row | undefined)[];
  if (counts === undefined || schema === undefined || schema.isNull('id')) return undefined;
  const numbers = BACKUP_COUNTS.map((name) => [name, counts.number(name)]);
  return {
    schema: String(schema.text('id')),
    secretKeyCheck: check?.text('check_value'),
    counts: Object.fromEntries(numbers) as BackupFacts['counts'],
  };
}
