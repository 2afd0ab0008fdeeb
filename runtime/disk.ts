/** What the system lets this process have: room on a disk, open files. */
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Bytes for a person: `1.5 GiB`, and MiB below one GiB. */
export function spokenSize(bytes: number): string {
  const gib = bytes / 2 ** 30;
  return gib < 1 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${gib.toFixed(1)} GiB`;
}

/** Bytes that this user may still write where `path` lies; undefined where the system does not tell. */
export async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(dirname(resolve(path)));
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

/** How many files this process may have open, sockets included (proc(5)); undefined where the system does not tell. */
export function openFilesLimit(): number | undefined {
  try {
    const text = readFileSync('/proc/self/limits', 'utf8');
    const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(text) ?? [];
    if (soft === undefined) return undefined;
    return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft);
  } catch {
    return undefined;
  }
}
