/** A file that appears under its name when it is complete, and otherwise not at all. */

import { rmSync } from 'node:fs';
import { type FileHandle, link, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { onInterrupt } from './cleanup.ts';
import { errorCode, Failure, usage } from './failure.ts';
import { flushFolder } from './kept.ts';
import { numberedName } from './names.ts';
import type { World } from './world.ts';

export interface Destination {
  write(piece: Uint8Array): Promise<void>;
  /** Takes back what was written after the first `length` bytes. */
  truncate(length: number): Promise<void>;
  /** Gives the file its name and returns the path. */
  commit(): Promise<string>;
  /** Removes what was written. Does nothing after `commit`. */
  abandon(): Promise<void>;
}

/** Replaces `path` when complete. Undefined when `path` is a device or a pipe: then it is written to directly. */
export async function replacing(world: World, path: string, mode: number): Promise<Destination | undefined> {
  const target = resolve(world.cwd, path);
  const facts = await stat(target).catch(() => undefined);
  if (facts?.isDirectory()) throw usage('The output is a folder. Name a file, or use -O inside it.');
  if (facts !== undefined && !facts.isFile()) return undefined;
  // A link's target is replaced, not the link.
  const real = facts === undefined ? target : await realpath(target);
  return await temporary(world, dirname(real), mode, async (beside) => {
    await rename(beside, real);
    return real;
  });
}

/**
 * A new file in `folder`, whose name is asked for when it is complete. Where that name is taken, a number makes
 * another of it: nothing is ever overwritten, and a paste that was burned is not lost.
 */
export async function creating(
  world: World,
  folder: string,
  mode: number,
  name: () => string,
): Promise<Destination> {
  return await temporary(world, folder, mode, async (beside) => {
    for (let number = 0; number < 10_000; number += 1) {
      const target = join(folder, numberedName(name(), number));
      if (await claimed(beside, target)) return target;
    }
    throw new Failure('refused', 'cannot_write', 'There are too many files of that name in this folder.');
  });
}

/** Moves `beside` to `target` unless that exists. */
async function claimed(beside: string, target: string): Promise<boolean> {
  try {
    await link(beside, target);
    await rm(beside, { force: true });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
  }
  // A file system without hard links: take the name, then put the file in its place.
  try {
    await (await open(target, 'wx', 0o600)).close();
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  await rename(beside, target);
  return true;
}

/** A new file at `path`, refused at the end when one of that name has appeared: nothing is overwritten. */
export async function fresh(
  world: World,
  folder: string,
  mode: number,
  name: () => string,
): Promise<Destination> {
  return await temporary(world, folder, mode, async (beside) => {
    const target = join(folder, name());
    if (await claimed(beside, target)) return target;
    throw new Failure(
      'refused',
      'already_there',
      `${target} is there already. Move it away, or choose another folder.`,
    );
  });
}

async function temporary(
  world: World,
  folder: string,
  mode: number,
  place: (beside: string) => Promise<string>,
): Promise<Destination> {
  const beside = join(folder, `.sallyport-${Buffer.from(world.random(9)).toString('hex')}.part`);
  const file = await open(beside, 'wx', mode).catch((error: unknown) => {
    throw cannotWrite(error);
  });
  const settled = onInterrupt(() => rmSync(beside, { force: true }));
  let over = false;
  let length = 0;
  return {
    async write(piece) {
      await written(file, piece, length);
      length += piece.length;
    },
    async truncate(wanted) {
      await file.truncate(wanted);
      length = wanted;
    },
    async commit() {
      try {
        await file.sync();
        await file.close();
        const path = await place(beside);
        // What burned when it was read is nowhere else.
        await flushFolder(dirname(path));
        over = true;
        settled();
        return path;
      } catch (error) {
        throw error instanceof Failure ? error : cannotWrite(error);
      }
    },
    async abandon() {
      if (over) return;
      over = true;
      await file.close().catch(() => undefined);
      await rm(beside, { force: true });
      settled();
    },
  };
}

async function written(file: FileHandle, piece: Uint8Array, at: number): Promise<void> {
  try {
    for (let done = 0; done < piece.length; ) {
      done += (await file.write(piece, done, piece.length - done, at + done)).bytesWritten;
    }
  } catch (error) {
    throw cannotWrite(error);
  }
}

function cannotWrite(error: unknown): Failure {
  return new Failure('refused', 'cannot_write', `The output cannot be written (${errorCode(error)}).`);
}
