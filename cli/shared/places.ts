/** Where things are: the server that is asked, and the folders of this user. */

import { isAbsolute, join } from 'node:path';
import { usage } from './failure.ts';
import type { World } from './world.ts';

/** What is asked when nothing says otherwise: a server on this machine, at its default address. */
export const DEFAULT_SERVER = 'http://127.0.0.1:8080/';

/** The address of a server, ending in `/`. Throws a usage failure for what is none. */
export function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (
    url === undefined ||
    !/^https?:$/.test(url.protocol) ||
    url.username ||
    url.password ||
    url.search ||
    url.hash
  ) {
    throw usage('The server must be an http or https address without user, query and fragment.');
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** A folder of the XDG Base Directory Specification, which says that relative values are to be ignored. */
export function baseFolder(variable: string | undefined, world: World, fallback: string): string {
  return variable && isAbsolute(variable) ? variable : join(world.home, fallback);
}
