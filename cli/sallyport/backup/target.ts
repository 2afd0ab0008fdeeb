/** Where a restore goes: a data directory that holds nothing but, at most, the keys. */
import { lstatSync, rmSync } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { acquire, LOCK_NAME } from '../../../runtime/control.ts';
import { SOCKET_NAME } from '../../../runtime/control-protocol.ts';
import { restoringFolder } from '../../../runtime/storage.ts';
import { onInterrupt } from '../../shared/cleanup.ts';
import { errorCode, Failure } from '../../shared/failure.ts';
import { syncFolder } from './backup.ts';
import { keyFile } from './keys.ts';
import { KEY_NAMES, type KeyName } from './manifest.ts';
import { controlFailure } from './snapshot.ts';

export interface Target {
  /** A folder of its own (0700) on the disk of the database, empty at first. */
  readonly staging: string;
  /**
   * Puts the keys and then the database `sallyport.db` of the staging folder in their places; never over anything.
   * Until the last step nobody takes what is there for a data directory.
   */
  commit(keys: ReadonlyMap<KeyName, string>): Promise<void>;
  /** Removes the staging folder, and lets go of the data directory. */
  release(): Promise<void>;
}

/** Throws a refusal unless the directory is empty but for keys, and remains of a restore that did not finish. */
async function mustBeEmpty(dataDir: string, database: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) {
    const there = await lstat(database + suffix).catch(() => undefined);
    if (there !== undefined)
      throw new Failure(
        'refused',
        'already_there',
        `${database}${suffix} is there already. A restore never replaces anything: use an empty data directory (SAFE_DATA_DIR).`,
      );
  }
  const own = new Set<string>([
    ...KEY_NAMES,
    LOCK_NAME,
    SOCKET_NAME,
    'lost+found',
    `${basename(database)}.lock`,
    basename(restoringFolder(database)),
  ]);
  const names = await readdir(dataDir).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw new Failure('refused', 'cannot_write', `${dataDir} cannot be read (${errorCode(error)}).`);
  });
  const foreign = names.find((name) => !own.has(name));
  if (foreign !== undefined)
    throw new Failure(
      'refused',
      'not_empty',
      `${dataDir} is not empty: it holds ${JSON.stringify(foreign)}. Restore into an empty data directory (SAFE_DATA_DIR).`,
    );
}

/** Owns the data directory, and makes it where it is missing. Throws refusals. */
export async function openTarget(dataDir: string, database: string, version: string): Promise<Target> {
  const dir = resolve(dataDir);
  const file = resolve(database);
  // Before anything is touched: owning a directory changes its mode.
  await mustBeEmpty(dir, file);
  const owned = await acquire(dir, { version, now: Date.now() }).catch((error: unknown) => {
    throw controlFailure(error);
  });
  const staging = restoringFolder(file);
  const undo = () => rmSync(staging, { recursive: true, force: true });
  let settled = () => {};
  const release = async () => {
    await rm(staging, { recursive: true, force: true });
    settled();
    await owned.release();
  };
  try {
    await mustBeEmpty(dir, file);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    // What an earlier attempt has left; a link that somebody put there is removed, not followed.
    await rm(staging, { recursive: true, force: true });
    await mkdir(staging, { mode: 0o700 });
    settled = onInterrupt(undo);
  } catch (error) {
    await owned.release();
    throw error instanceof Failure
      ? error
      : new Failure('refused', 'cannot_write', `${staging} cannot be made (${errorCode(error)}).`);
  }
  return {
    staging,
    async commit(keys) {
      for (const [name, text] of keys) await placeKey(dir, staging, name, text);
      await syncFolder(dir);
      await place(join(staging, 'sallyport.db'), file);
      await syncFolder(dirname(file));
    },
    release,
  };
}

/** A key that is there already must be the same one. */
async function placeKey(dir: string, staging: string, name: KeyName, text: string): Promise<void> {
  const present = await keyFile(dir, name);
  if (present !== undefined) {
    if (present === text.replace(/\n$/, '')) return;
    throw new Failure(
      'refused',
      'other_key',
      `${join(dir, name)} is there, and is another key than the one in the backup. Move it away.`,
    );
  }
  const draft = join(staging, `${name}.placed`);
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await place(draft, join(dir, name));
}

/** Moves a file to a name that nobody has. */
async function place(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await rm(from);
  } catch (error) {
    if (errorCode(error) === 'EEXIST' || lstatSync(to, { throwIfNoEntry: false }) !== undefined)
      throw new Failure('refused', 'already_there', `${to} is there already. Nothing was replaced.`);
    // Another disk, or a file system without links.
    await rename(from, to).catch((failed: unknown) => {
      throw new Failure('refused', 'cannot_write', `${to} cannot be made (${errorCode(failed)}).`);
    });
  }
}
