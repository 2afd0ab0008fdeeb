/** Opens what the settings say is the database, as its one owner where it is a file, with its schema up to date. */
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { DatabaseSettings } from '../src/core/settings-types.ts';
import { type Db, DbError } from '../src/store/db.ts';
import { migrate, SchemaError } from '../src/store/libsql/migrate.ts';
import { migrations } from '../src/store/libsql/migrations/index.ts';
import { openEmbedded } from '../src/store/native/embedded.ts';
import { StartError } from './listener.ts';
import { type Lock, takeLock } from './lock.ts';

export interface OpenedDatabase {
  readonly db: Db;
  /** Finishes what was accepted and lets go of the file. */
  close(): Promise<void>;
}

export interface DatabasePlan {
  readonly database: DatabaseSettings;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Leaves the file as it is: it is not migrated, and damage is no reason to refuse it. */
  readonly asItIs?: boolean;
  /** The database thread ended by itself: nothing can be stored any more. */
  onFatal(error: DbError): void;
}

/** A statement that needs the right to write and changes nothing. */
const WRITES_NOTHING = { sql: 'DELETE FROM schema_migrations WHERE false' };

/** @throws StartError with a sentence that says what to do; nothing stays open then */
export async function openDatabase(plan: DatabasePlan): Promise<OpenedDatabase> {
  let lock: Lock | undefined;
  let db: Db | undefined;
  try {
    if (plan.database.kind === 'remote') {
      const { url, authToken, timeoutMs } = plan.database;
      const { openRemote } = await import('../src/store/remote.ts');
      db = openRemote({ url, authToken, timeoutMs });
    } else {
      const path = resolve(plan.database.path);
      lock = lockFile(path);
      db = await openEmbedded({
        path,
        encryptionKey: plan.database.encryptionKey,
        onFatal: plan.onFatal,
        ...(plan.asItIs === true && { checkUpTo: 0 }),
      });
    }
    if (plan.asItIs !== true) await migrate(db, migrations, plan.now);
    // A schema that is up to date was only read. What may not write would start, and refuse every upload.
    if (plan.database.kind === 'remote') await db.batch([WRITES_NOTHING], 'write');
  } catch (error) {
    await db?.close();
    lock?.release();
    throw databaseProblem(error, plan.database);
  }
  const opened = db;
  return {
    db: opened,
    async close() {
      await opened.close();
      lock?.release();
    },
  };
}

/** Where a restore puts a database together before it gets its place: a folder beside the file. */
export const restoringFolder = (path: string): string => `${path}.restoring`;

/**
 * Locks the file itself: two servers with data directories of their own could still be pointed at one database.
 * The lock lies beside the file, under the file's real name whatever links led to it.
 */
function lockFile(path: string): Lock {
  if (!existsSync(path) && existsSync(restoringFolder(path)))
    throw new StartError(
      `A restore of ${path} did not finish. Run it again; to begin with an empty database instead, remove ${restoringFolder(path)}.`,
    );
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const real = existsSync(path) ? realpathSync(path) : path;
  const lock = takeLock(`${real}.lock`);
  if (lock !== undefined) return lock;
  throw new StartError(
    `The database file ${path} is in use by another server, with another data directory. ` +
      'Stop that one first, or set SAFE_DATABASE_URL to another file.',
  );
}

/** What a failure to begin with this database means for the operator. */
export function databaseProblem(error: unknown, database: DatabaseSettings): StartError {
  if (error instanceof StartError) return error;
  const trouble = error instanceof SchemaError && error.cause instanceof DbError ? error.cause : error;
  if (database.kind === 'remote' && trouble instanceof DbError) {
    const host = new URL(database.url.replace(/^libsql:/, 'https:')).host;
    return new StartError(`The libSQL server at ${host} ${serverTrouble(trouble)}`);
  }
  if (error instanceof SchemaError || error instanceof DbError) return new StartError(error.message);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return new StartError(
    `The database of SAFE_DATABASE_URL cannot be opened (${code}). Check that this user may read and write it.`,
  );
}

/** The rest of a sentence about a server. What it said itself is not repeated: it can quote what was sent. */
function serverTrouble({ kind, code }: DbError): string {
  switch (kind) {
    case 'denied':
      return (
        'refuses SAFE_DATABASE_AUTH_TOKEN: the token is missing, wrong, has expired, or may only read. ' +
        'Set one that may read and write.'
      );
    case 'busy':
    case 'unknown':
    case 'overloaded':
      return (
        'cannot be reached, or does not answer within SAFE_DATABASE_TIMEOUT. ' +
        'Check that it runs, SAFE_DATABASE_URL, and the network between.'
      );
    case 'full':
      return 'has no room left. Make room there and start again.';
    default:
      return `cannot be used (${code ?? kind}). Check SAFE_DATABASE_URL: does a libSQL server answer there?`;
  }
}
