/**
 * The embedded driver: a libSQL file (or memory) inside this process, on Node and on Bun.
 *
 * The engine blocks the thread that calls it, fsync included, so it lives in worker threads: one owns the only
 * write connection, others read on connections of their own and never wait for a commit. Rows that are looked up by
 * their keys are read in the thread that asks as long as they lie in memory (`point-reads.ts`). One process owns a
 * file; `runtime/lock.ts` sees to that.
 */

import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Db, DbError, type Statement } from '../db.ts';
import { measureBatch } from '../statements.ts';
import { openingFailed } from './damage.ts';
import { type Lane, type LaneOptions, openLane } from './lane.ts';
import { watchEnd } from './log-file.ts';
import { createPointReads } from './point-reads.ts';
import type { ConnectionOptions, Role } from './protocol.ts';
import { copyDatabase } from './snapshot.ts';

export interface EmbeddedOptions {
  /** The database file, made if it is missing (0600, in a directory that is made 0700); ':memory:' for none. */
  readonly path: string;
  /**
   * Encrypts the file and its log (AES-256-CBC by SQLite3 Multiple Ciphers, which hides pages and does not
   * authenticate them); undefined leaves them plain. A file keeps the key that it was made with.
   */
  readonly encryptionKey?: string | undefined;
  /** How long to wait for another process's lock before a batch is refused as `busy`; 2,000 ms unless given. */
  readonly busyTimeoutMs?: number;
  /** How many threads read at most; 2 unless given. A memory database has one connection for everything. */
  readonly readers?: number;
  /** Bounds, for writing and for each reader, of what waits before `overloaded`; 4,096 and 64 MiB unless given. */
  readonly maxWaiting?: number;
  readonly maxWaitingBytes?: number;
  /** Files up to this size are checked for damage at opening, in bytes; 256 MiB unless given. */
  readonly checkUpTo?: number;
  /** The largest size of the database in pages of 4 KiB; beyond it a write is refused as `full`. */
  readonly maxPages?: number | undefined;
  /**
   * Called at most once, when a database thread ended by itself. What was in flight has been rejected (writes as
   * `unknown`) and so is everything afterwards: the process should end and be started again.
   */
  readonly onFatal?: (error: DbError) => void;
}

/**
 * A reader that says nothing for this long has something large to read: others do not queue up behind it. While it
 * keeps up it gets everything: two that take turns are woken twice as often for half as much each, which costs more
 * than the reading.
 */
const SILENT_MS = 1;
/** How much may wait for one reader while another has nothing to do. */
const QUEUED = 16;

/** Opens the database. Throws DbError with a sentence for the operator. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Db> {
  const memory = options.path === ':memory:';
  const path = memory ? options.path : resolve(options.path);
  let writer: Lane | undefined;
  const readers: Lane[] = [];
  let fatal = false;

  const connection: ConnectionOptions = {
    path,
    encryptionKey: options.encryptionKey,
    busyTimeoutMs: options.busyTimeoutMs ?? 2000,
    maxPages: options.maxPages,
  };

  // Decrypting pages is work for another thread, and so is what a key is derived by when a connection is opened.
  const points = memory || options.encryptionKey !== undefined ? undefined : createPointReads(connection);

  function lane(role: Role, after?: Promise<unknown>): Promise<Lane> {
    const settings: LaneOptions = {
      role,
      connection,
      ...(after !== undefined && { after }),
      checkUpTo: options.checkUpTo ?? 256 * 1024 * 1024,
      maxCount: options.maxWaiting ?? 4096,
      maxBytes: options.maxWaitingBytes ?? 64 * 1024 * 1024,
      onSchemaChanged: () => {
        for (const reader of readers) reader.forget();
        points?.forget();
      },
      onDeath: (error) => {
        if (fatal) return;
        fatal = true;
        options.onFatal?.(error);
      },
    };
    return openLane(settings);
  }

  try {
    if (!memory) await prepareFile(path);
    const first = lane(memory ? 'both' : 'writer');
    // Its thread starts meanwhile; it looks at the file once the writer has made it what it must be.
    const second = memory ? undefined : lane('reader', first);
    second?.catch(() => {});
    try {
      writer = await first;
    } finally {
      const reader = await second?.catch(() => undefined);
      if (reader !== undefined) readers.push(reader);
    }
    await second;
  } catch (thrown) {
    await Promise.all(readers.map((reader) => reader.close()));
    await writer?.close();
    throw openingFailed(path, thrown);
  }

  const writing = writer;
  const most = memory ? 0 : Math.max(1, options.readers ?? 2);
  let widening: Promise<void> | undefined;

  /** Who reads next. Where none keeps up one more is begun: most servers never need it, and each costs a start. */
  function reader(): Lane {
    const prompt = readers.find((one) => one.pending < QUEUED && one.silence < SILENT_MS);
    if (prompt !== undefined) return prompt;
    if (readers.length < most)
      widening ??= lane('reader')
        // What cannot be begun now is tried again when it is missed again.
        .then((opened) => void readers.push(opened), ignoreAll)
        .finally(() => {
          widening = undefined;
        });
    return leastBusy(readers, writing);
  }

  const copying = new Set<Promise<unknown>>();
  const forget = memory ? () => {} : watchEnd(path);
  let closed: Promise<void> | undefined;
  return {
    async batch(statements, mode) {
      if (closed !== undefined || fatal) throw new DbError('internal', 'The database is closed.');
      const bytes = measureBatch(statements, mode);
      const [only] = statements;
      if (only?.point === true && statements.length === 1 && mode === 'read') {
        const found = points?.run(only);
        if (found !== undefined) return [found];
      }
      const chosen = mode === 'write' ? writing : reader();
      return chosen.submit(statements, mode, bytes);
    },
    async truncateLog() {
      if (closed !== undefined || fatal) throw new DbError('internal', 'The database is closed.');
      try {
        await writing.submit([], 'cut', 0);
        return true;
      } catch (thrown) {
        if (thrown instanceof DbError && thrown.kind === 'busy') return false;
        throw thrown;
      }
    },
    ...(!memory && {
      async snapshot(to: string, questions: readonly Statement[]) {
        if (closed !== undefined || fatal) throw new DbError('internal', 'The database is closed.');
        writing.patience(false);
        const copied = copyDatabase({ connection, to, questions }).finally(() => writing.patience(true));
        copying.add(copied);
        try {
          return await copied;
        } finally {
          copying.delete(copied);
        }
      },
    }),
    close() {
      closed ??= (async () => {
        await Promise.allSettled([...copying, widening]);
        // Readers first: the writer can cut the log only when nobody looks into it.
        points?.close();
        await Promise.all(readers.splice(0).map((reader) => reader.close()));
        await writing.close();
        forget();
      })();
      return closed;
    },
  };
}

function leastBusy(lanes: readonly Lane[], otherwise: Lane): Lane {
  let chosen = lanes[0] ?? otherwise;
  for (const lane of lanes) if (lane.pending < chosen.pending) chosen = lane;
  return chosen;
}

const ignoreAll = () => {};

/**
 * Makes the file before the engine does, because its log and index take over the file's mode. One that is there is
 * not even opened: closing any descriptor of a file drops all locks that the process has on it (POSIX.1, `fcntl`).
 */
async function prepareFile(path: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const made = await open(path, 'ax', 0o600).catch(ignoring('EEXIST'));
    await made?.close();
    for (const suffix of ['', '-wal', '-shm']) await chmod(path + suffix, 0o600).catch(ignoring('ENOENT'));
  } catch (thrown) {
    throw new DbError('internal', thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function ignoring(code: string): (thrown: unknown) => undefined {
  return (thrown) => {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === code)) throw thrown;
  };
}
