/** Small files that this machine keeps for one person: written beside, flushed and renamed, and nobody else's to read. */

import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, Failure, usage } from './failure.ts';
import type { World } from './world.ts';

/**
 * Writes `folder`/`name` (0600) in one step: whoever looks, and whatever happens to the power, finds the old content
 * or the new one. Makes the folder, for its owner alone. Answers the path.
 */
export async function keepFile(
  world: Pick<World, 'random'>,
  folder: string,
  name: string,
  content: string | Uint8Array,
): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  return await keepBeside(world, folder, name, content);
}

/** As {@link keepFile}, in a folder that is there and that may be other people's as well. */
export async function keepBeside(
  world: Pick<World, 'random'>,
  folder: string,
  name: string,
  content: string | Uint8Array,
): Promise<string> {
  const target = join(folder, name);
  const unique = Buffer.from(world.random(6)).toString('hex');
  const beside = join(folder, `.${unique}.new`);
  try {
    const file = await open(beside, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, target);
    await flushFolder(folder);
    return target;
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/**
 * Writes a file (0600) that must not be there yet, and makes it last. Throws a usage failure where there is one, or
 * where none can be made; `refused` when it could not be written, and nothing of it stays.
 */
export async function keepNew(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    const code = errorCode(error);
    throw usage(code === 'EEXIST' ? `${path} is there already.` : `${path} cannot be made (${code}).`);
  });
  try {
    await file.writeFile(content);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw new Failure('refused', 'not_written', `${path} could not be written (${errorCode(error)}).`);
  } finally {
    await file.close();
  }
  await flushFolder(dirname(path));
}

/** Makes what was renamed in a folder last. Does nothing where folders cannot be flushed (Windows). */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle === undefined) return;
  await handle.sync().catch(() => undefined);
  await handle.close();
}
