/** One connection of the embedded engine: how it is opened, and how a statement runs on it. */

import Database from 'libsql';
import { DbError, type ResultSet, type SqlValue, type Statement } from '../db.ts';
import { firstWord } from '../statements.ts';
import type { ConnectionOptions } from './protocol.ts';

/** How many prepared statements a connection keeps. */
const PREPARED = 256;

const CHANGES_ROWS = new Set(['INSERT', 'UPDATE', 'DELETE', 'REPLACE']);
const CHANGES_SCHEMA = new Set(['CREATE', 'ALTER', 'DROP', 'REINDEX', 'ANALYZE']);

/** What statements without rows answer, always the same. */
const NONE: readonly never[] = [];

interface Prepared {
  readonly run: (args: unknown[]) => { changes: number };
  readonly all: (args: unknown[]) => SqlValue[][];
  readonly answersRows: boolean;
  /**
   * Column names, asked for after the first run: only then does the engine look whether the schema that it knows
   * is still the database's.
   */
  columns: readonly string[] | undefined;
  readonly readColumns: () => readonly string[];
  readonly changesRows: boolean;
  readonly changesSchema: boolean;
  readonly stopsHalfway: boolean;
}

export interface Connection {
  /** Runs one statement and answers its rows. Throws what the engine throws. */
  run(statement: Statement): ResultSet;
  /** Whether a refusal may leave some of what the statement did; of one that never ran, true. */
  stopsHalfway(statement: Statement): boolean;
  /** Runs the driver's own SQL, which answers nothing. */
  exec(sql: string): void;
  /** The first row of a pragma, or an empty one. */
  pragma(sql: string): readonly unknown[];
  readonly inTransaction: boolean;
  /** Whether a statement that changes the schema ran since the last call. */
  takeSchemaChanged(): boolean;
  /** Drops the prepared statements. */
  forget(): void;
  close(): void;
}

/** `copy` only reads, and leaves the file's journal as it is: nothing appears beside it. */
export type ConnectionUse = 'read' | 'write' | 'both' | 'copy';

/**
 * Opens a connection and sets it up; every setting is read back, because a pragma that is not understood is
 * ignored without a word. Throws what the engine throws, or DbError `internal` for a setting that does not hold.
 */
export function openConnection(options: ConnectionOptions, use: ConnectionUse): Connection {
  const memory = options.path === ':memory:';
  // The engine's own types leave the key out.
  const engineOptions: Database.Options & { encryptionKey?: string } = {};
  if (options.encryptionKey !== undefined) engineOptions.encryptionKey = options.encryptionKey;
  const db = new Database(options.path, engineOptions);
  try {
    setUp(db, options, use, memory);
  } catch (thrown) {
    db.close();
    throw thrown;
  }
  return connectionOver(db);
}

type Setting = readonly [name: string, value: string | number, readsBack?: string | number];

function setUp(db: Database.Database, options: ConnectionOptions, use: ConnectionUse, memory: boolean): void {
  const settings: Setting[] = [
    ['busy_timeout', options.busyTimeoutMs],
    ...(use === 'copy' ? [] : [['journal_mode', memory ? 'memory' : 'wal'] satisfies Setting]),
    // FULL: a commit is answered after its fsync. https://www.sqlite.org/pragma.html#pragma_synchronous
    ['synchronous', 'FULL', 2],
    ['secure_delete', 'ON', 1],
    ['foreign_keys', 'ON', 1],
    ['trusted_schema', 'OFF', 0],
    ['cell_size_check', 'ON', 1],
    // Sorting and temporary tables stay in memory, never in a file outside the data directory.
    ['temp_store', 'MEMORY', 2],
    // KiB, negative: 8 MiB of pages a connection.
    ['cache_size', -8192],
  ];
  if (!memory) {
    // A read error of a mapped page is a signal that ends the process instead of an error.
    settings.push(['mmap_size', 0]);
    // The worker moves the log into the file itself, after it has answered and read the log through.
    settings.push(['wal_autocheckpoint', 0]);
    settings.push(['journal_size_limit', 64 * 1024 * 1024]);
  }
  if (options.maxPages !== undefined) settings.push(['max_page_count', options.maxPages]);
  if (use === 'read' || use === 'copy') settings.push(['query_only', 'ON', 1]);
  for (const [name, value, readsBack = value] of settings) {
    db.exec(`PRAGMA ${name}=${value}`);
    const now = firstRow(db, `PRAGMA ${name}`)[0];
    if (now !== readsBack) {
      throw new DbError(
        'internal',
        `The database engine did not take PRAGMA ${name}=${value}: it is ${now}.`,
      );
    }
  }
}

function firstRow(db: Database.Database, sql: string): readonly unknown[] {
  const statement = db.prepare(sql);
  if (!statement.reader) {
    statement.run([]);
    return [];
  }
  const row = statement.raw().all([])[0];
  return Array.isArray(row) ? row : [];
}

function connectionOver(db: Database.Database): Connection {
  // Least recently used first: a Map keeps the order of insertion.
  const cache = new Map<string, Prepared>();
  let schemaChanged = false;
  const countChanges = db.prepare('SELECT changes()').raw();

  function prepared(sql: string): Prepared {
    const known = cache.get(sql);
    if (known !== undefined) {
      cache.delete(sql);
      cache.set(sql, known);
      return known;
    }
    const fresh = prepare(db, sql);
    if (cache.size >= PREPARED) {
      const oldest = cache.keys().next().value;
      if (oldest !== undefined) cache.delete(oldest);
    }
    cache.set(sql, fresh);
    return fresh;
  }

  return {
    run({ sql, args = [] }) {
      const statement = prepared(sql);
      // Always one array: the engine's binding aborts the process when it is given a lone buffer.
      const bound = args.map(bindable);
      if (!statement.answersRows) {
        const { changes } = statement.run(bound);
        if (statement.changesSchema) {
          schemaChanged = true;
          cache.clear();
        }
        return { columns: NONE, rows: NONE, changes };
      }
      const rows = statement.all(bound);
      statement.columns ??= statement.readColumns();
      // `all` counts no changes, so a statement with RETURNING is asked about afterwards.
      const changes = statement.changesRows ? changesOf(countChanges.all([])) : 0;
      return { columns: statement.columns, rows, changes };
    },
    stopsHalfway: ({ sql }) => cache.get(sql)?.stopsHalfway ?? true,
    exec: (sql) => void db.exec(sql),
    pragma: (sql) => firstRow(db, sql),
    get inTransaction() {
      return db.inTransaction;
    },
    takeSchemaChanged() {
      const changed = schemaChanged;
      schemaChanged = false;
      return changed;
    },
    forget: () => cache.clear(),
    close() {
      cache.clear();
      db.close();
    },
  };
}

function prepare(db: Database.Database, sql: string): Prepared {
  const statement = db.prepare(sql);
  const word = firstWord(sql);
  const reader = statement.reader;
  if (reader) statement.raw();
  // The engine's types do not know raw mode; the values are those of SqlValue, blobs as Buffers.
  const many = (args: unknown[]) => statement.all(args) as SqlValue[][];
  const one = (args: unknown[]) => {
    const row = statement.get(args) as SqlValue[] | undefined;
    return row === undefined ? [] : [row];
  };
  return {
    run: (args) => statement.run(args),
    all: atMostOne(word, sql) ? one : many,
    answersRows: reader,
    columns: undefined,
    readColumns: () => statement.columns().map(({ name }) => name),
    changesRows: CHANGES_ROWS.has(word) || (word === 'WITH' && /\breturning\b/i.test(sql)),
    changesSchema: CHANGES_SCHEMA.has(word),
    // `INSERT OR FAIL` and the like; no trigger of ours raises such a refusal. https://www.sqlite.org/lang_conflict.html
    stopsHalfway: /\bFAIL\b/i.test(sql),
  };
}

/** Whether a query says by itself that it has one row at most: `get` costs half of what `all` does then. */
function atMostOne(word: string, sql: string): boolean {
  // Not how it would be carried out, which EXPLAIN tells in as many rows as it takes.
  return word === 'SELECT' && /\bLIMIT\s+1\s*$/i.test(sql) && !/--|\/\*/.test(sql);
}

/** The engine binds every number as REAL; a BigInt is bound as INTEGER. */
function bindable(value: SqlValue): unknown {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function changesOf(rows: readonly unknown[]): number {
  const row = rows[0];
  const count: unknown = Array.isArray(row) ? row[0] : undefined;
  return typeof count === 'number' ? count : 0;
}
