/** Unix sockets at paths that are too long for their address. */

import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What fits into `sun_path` everywhere: 104 bytes on macOS, 108 on Linux, the final zero included. */
const LONGEST = 103;

/**
 * Calls `use` with a path by which the socket `name` in `dir` (absolute) can be bound or connected to: its own if
 * that is short enough, else one through a symbolic link in a private temporary directory, which is removed
 * afterwards (the address is only looked at while binding or connecting). Throws if even that is too long.
 */
export async function withSocketPath<T>(
  dir: string,
  name: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const direct = join(dir, name);
  if (Buffer.byteLength(direct) <= LONGEST) return use(direct);
  const detour = await mkdtemp(join(tmpdir(), 'sp-'));
  try {
    const link = join(detour, 'd');
    await symlink(dir, link);
    const path = join(link, name);
    if (Buffer.byteLength(path) > LONGEST) {
      throw new Error(
        `The path ${direct} is too long for a socket: use a shorter data or temporary directory.`,
      );
    }
    return await use(path);
  } finally {
    await rm(detour, { recursive: true, force: true });
  }
}
