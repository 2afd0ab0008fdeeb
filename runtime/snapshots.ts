/**
 * Copies of the database for whoever makes a backup. The owner of the data directory makes them, one at a time, as
 * `snapshot-….part` in that directory (0600); who asked takes the file and says so. One that nobody asks about any
 * more is removed, and so is what a process that is gone has left.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Db } from '../src/store/db.ts';
import {
  BACKUP_TABLES,
  type BackupFacts,
  backupFacts,
  backupQuestions,
  tablesOf,
} from '../src/store/libsql/backup-facts.ts';
import type { ControlCommands } from './control.ts';
import { isRecord } from './control-protocol.ts';
import { freeBytes, spokenSize } from './disk.ts';

/** Whoever asked has gone when nothing is heard for so long: a living one asks several times a second. */
const FORGOTTEN_MS = 5_000;
const NAME = /^snapshot-[0-9a-f]{12}\.part(-journal|-wal|-shm)?$/;

export type SnapshotState =
  | { readonly state: 'copying'; readonly bytes: number; readonly of: number }
  | { readonly state: 'ready'; readonly path: string; readonly facts: BackupFacts }
  | { readonly state: 'failed'; readonly message: string };

export interface Snapshots {
  /**
   * Begins one and answers its id; `busy` while another one is there, which may be of somebody who is gone. Throws an
   * Error with a sentence for the operator.
   */
  begin(): Promise<{ readonly id: string } | { readonly busy: true }>;
  /** How far it is. Throws an Error when there is no such snapshot. */
  state(id: unknown): Promise<SnapshotState>;
  /** Removes it, or will when it is done. */
  end(id: unknown): void;
  /** Removes what is there. */
  close(): void;
}

/** Removes what processes that are gone have left in `dataDir`. @returns how many files */
export function sweepSnapshots(dataDir: string): number {
  const names = readdirSync(dataDir).filter((name) => NAME.test(name));
  for (const name of names) rmSync(join(dataDir, name), { force: true });
  return names.length;
}

interface Running {
  readonly id: string;
  readonly path: string;
  readonly of: number;
  done: SnapshotState | undefined;
  wanted: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** @param dataDir the directory that this process owns */
export function openSnapshots(db: Db, dataDir: string): Snapshots {
  const dir = resolve(dataDir);
  let current: Running | undefined;
  let closed = false;

  function remove(running: Running): void {
    clearTimeout(running.timer);
    running.wanted = false;
    // While it is being written the file cannot go: it would be made again.
    if (running.done === undefined) return;
    rmSync(running.path, { force: true });
    if (current === running) current = undefined;
  }

  function heard(running: Running): void {
    clearTimeout(running.timer);
    running.timer = setTimeout(() => remove(running), FORGOTTEN_MS);
    running.timer.unref();
  }

  async function copy(snapshot: NonNullable<Db['snapshot']>, running: Running): Promise<void> {
    try {
      const [tables] = await db.batch([BACKUP_TABLES], 'read');
      const facts = backupFacts(await snapshot(running.path, backupQuestions(tablesOf(tables))));
      running.done =
        facts === undefined
          ? { state: 'failed', message: 'The database holds no record of migrations: it is not Sallyport’s.' }
          : { state: 'ready', path: running.path, facts };
    } catch (error) {
      const message = error instanceof Error ? error.message : 'unknown error';
      running.done = {
        state: 'failed',
        message: `The database could not be copied (${message}). Look at the disk of ${dir}, then try again.`,
      };
    }
    if (!running.wanted || closed) remove(running);
  }

  const known = (id: unknown): Running => {
    if (current === undefined || current.id !== id || !current.wanted)
      throw new Error('There is no such copy any more. Begin the backup again.');
    return current;
  };

  return {
    async begin() {
      const snapshot = db.snapshot?.bind(db);
      if (snapshot === undefined)
        throw new Error(
          'The database lies on a libSQL server: back it up there (docs/operations.md says how). A backup from here takes a database file.',
        );
      if (current !== undefined) return { busy: true };
      const id = randomBytes(6).toString('hex');
      const running: Running = {
        id,
        path: join(dir, `snapshot-${id}.part`),
        of: await sizeOf(db),
        done: undefined,
        wanted: true,
        timer: undefined,
      };
      const free = await freeBytes(running.path);
      if (free !== undefined && free < running.of * 1.05)
        throw new Error(
          `The copy needs ${spokenSize(running.of)} in ${dir}, and ${spokenSize(free)} are free there. Make room, then try again.`,
        );
      if (current !== undefined) return { busy: true };
      current = running;
      sweepSnapshots(dir);
      // Before the engine makes it, which would let others read it.
      await (await open(running.path, 'ax', 0o600)).close();
      heard(running);
      void copy(snapshot, running);
      return { id };
    },

    async state(id) {
      const running = known(id);
      heard(running);
      if (running.done !== undefined) return running.done;
      const bytes = await stat(running.path).then(
        ({ size }) => size,
        () => 0,
      );
      return { state: 'copying', bytes, of: running.of };
    },

    end(id) {
      if (current !== undefined && current.id === id) remove(current);
    },

    close() {
      closed = true;
      if (current !== undefined) remove(current);
    },
  };
}

/** Bytes of the database's pages. */
async function sizeOf(db: Db): Promise<number> {
  const sql = 'SELECT page_count * page_size FROM pragma_page_count, pragma_page_size';
  const [result] = await db.batch([{ sql }], 'read');
  return Number(result?.rows[0]?.[0] ?? 0);
}

/** The commands by which a backup reaches the owner. */
export function snapshotCommands(snapshots: Snapshots): ControlCommands {
  const idOf = (args: unknown) => (isRecord(args) ? args.id : undefined);
  return {
    'backup.begin': () => snapshots.begin(),
    'backup.state': (args) => snapshots.state(idOf(args)),
    'backup.end': (args) => {
      snapshots.end(idOf(args));
      return null;
    },
  };
}
