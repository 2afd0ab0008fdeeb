/** One process uses a staging directory at a time. */

import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, Failure } from '../../shared/failure.ts';

/**
 * Takes the lock of a directory: a file with our process id. One that a killed process has left is taken over.
 * Throws `in_use`. Answers how to give it back.
 */
export async function lockDirectory(directory: string, pid: number): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  for (let attempt = 1; ; attempt += 1) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(String(pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const text = await readFile(path, 'utf8').catch(() => '');
    const holder = /^\d{1,10}$/.test(text) ? Number(text) : undefined;
    if (attempt > 3 || (holder !== undefined && holder !== pid && isAlive(holder))) {
      throw new Failure(
        'refused',
        'in_use',
        `Another capture (process ${holder ?? 'unknown'}) uses ${directory}. If none does, remove ${path}.`,
      );
    }
    await rm(path, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
