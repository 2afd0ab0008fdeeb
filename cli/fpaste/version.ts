/** What `fpaste --version` says: which release this is, and which file, so that it can be compared. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { World } from '../shared/world.ts';

/** Put in when the one file is built. */
declare const FPASTE_VERSION: string | undefined;

export function version(): string {
  return typeof FPASTE_VERSION === 'string' ? FPASTE_VERSION : '0.0.0-source';
}

/** SHA-256 of the file that runs, in hex; undefined when it came through a pipe. */
export async function ownDigest({ self }: World): Promise<string | undefined> {
  if (self === undefined) return undefined;
  const bytes = await readFile(self).catch(() => undefined);
  return bytes === undefined ? undefined : createHash('sha256').update(bytes).digest('hex');
}
