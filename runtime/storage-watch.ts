/**
 * Tells the operator when storage is in trouble, what to do, and when it works again. Requests are answered with 503
 * meanwhile and say no more; each of their lines in the log would say the same.
 */
import type { Log } from '../src/core/deps.ts';
import type { DatabaseSettings } from '../src/core/settings-types.ts';
import { type Db, DbError, type ResultSet } from '../src/store/db.ts';

/** The same trouble is told again after so long. */
const AGAIN_MS = 60_000;

const FILE = {
  full:
    'The disk under the database is full. Make room there, or let the database move to a larger one; writing goes ' +
    'on by itself, and reading was not held up.',
  readonly:
    'The database file cannot be written: its disk is read-only, or the file belongs to somebody else. Look into the ' +
    'system log, and make it writable again; writing goes on by itself.',
  io:
    'The disk under the database fails. Look into the system log, take a backup, and once the disk is well run ' +
    '"sallyport doctor".',
  open:
    'The database file cannot be opened: no file descriptor is left, or the file was moved, or its rights were taken. ' +
    'Compare LimitNOFILE with the connections; put the file back.',
  damaged:
    'The database file is damaged, or its disk cannot be read. Look into the system log and at what "sallyport doctor" ' +
    'says; if it is damage, keep the file, its -wal and its -shm as they are, and restore a backup.',
  commit: 'A commit failed, and nobody knows whether it happened. If it goes on, look at the disk.',
} as const;

const SERVER = {
  denied: 'The libSQL server takes SAFE_DATABASE_AUTH_TOKEN no more. Set one that may read and write.',
  away: 'The libSQL server does not answer. Check that it runs, and the network between.',
  full: 'The libSQL server has no room left. Make room there.',
  disk: 'The disk of the libSQL server fails, or is read-only. Look there.',
} as const;

/** What to do about a failure; undefined where it is no trouble of the storage's, or only that of a moment. */
function advice({ kind, code = '' }: DbError, database: DatabaseSettings['kind']): string | undefined {
  if (database === 'remote') {
    if (kind === 'denied' || kind === 'full' || kind === 'disk') return SERVER[kind];
    return kind === 'busy' || kind === 'unknown' ? SERVER.away : undefined;
  }
  if (kind === 'full' || code.startsWith('SQLITE_FULL')) return FILE.full;
  if (code.startsWith('SQLITE_READONLY')) return FILE.readonly;
  if (code.startsWith('SQLITE_CANTOPEN')) return FILE.open;
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') return FILE.damaged;
  if (kind === 'disk' || code.startsWith('SQLITE_IOERR')) return FILE.io;
  return kind === 'unknown' ? FILE.commit : undefined;
}

/**
 * The same database, its trouble told: one line a minute for each kind of it, and one once a write was durable again.
 * @param elapsed milliseconds of a clock that nobody sets
 */
export function watchedDatabase(
  db: Db,
  database: DatabaseSettings['kind'],
  log: Log,
  elapsed: () => number,
): Db {
  const toldAt = new Map<string, number>();

  const failed = (thrown: unknown) => {
    const whatToDo = thrown instanceof DbError ? advice(thrown, database) : undefined;
    if (!(thrown instanceof DbError) || whatToDo === undefined) return;
    const last = toldAt.get(whatToDo);
    if (last !== undefined && elapsed() - last < AGAIN_MS) return;
    toldAt.set(whatToDo, elapsed());
    const { kind, code } = thrown;
    log.write('error', 'storage is in trouble', {
      error_kind: kind,
      ...(code !== undefined && /^[A-Z_0-9]{1,40}$/.test(code) && { error_code: code }),
      what_to_do: whatToDo,
    });
  };
  const worked = (results: readonly ResultSet[]) => {
    // A batch that changed nothing has not been to the disk.
    if (toldAt.size === 0 || !results.some(({ changes }) => changes > 0)) return;
    toldAt.clear();
    log.write('info', 'storage works again', {});
  };

  return {
    ...db,
    batch(statements, mode) {
      const answer = db.batch(statements, mode);
      // A second look at the same promise: whoever asked is the one who hears of a failure.
      answer.then(mode === 'write' && toldAt.size > 0 ? worked : undefined, failed);
      return answer;
    },
  };
}
