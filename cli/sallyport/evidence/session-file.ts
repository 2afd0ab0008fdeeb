/**
 * The session that this person has at a server, kept for the next command: a file (0600) a server in
 * `$XDG_STATE_HOME/sallyport/sessions/`. Whoever has it can do what the account can, until it ends.
 */

import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { keepFile } from '../../shared/kept.ts';
import { baseFolder } from '../../shared/places.ts';
import type { World } from '../../shared/world.ts';

export interface KeptSession {
  /** Of the server: the only one that ever gets the token. */
  readonly server: string;
  readonly username: string;
  readonly token: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

const FORMAT = 'sallyport-session/1';

/** `$XDG_STATE_HOME/sallyport`. */
export function stateFolder(world: World): string {
  return join(baseFolder(world.env.XDG_STATE_HOME, world, join('.local', 'state')), 'sallyport');
}

/** Keeps a session (0600), in the place of one at the same server. */
export async function keepSession(world: World, session: KeptSession): Promise<void> {
  const { server, username, token, expiresAt } = session;
  const text = JSON.stringify({ format: FORMAT, server, username, token, expires_at: expiresAt });
  await keepFile(world, folderOf(world), nameOf(server), `${text}\n`);
}

/** The session at `server`, as `username` where that is given; undefined when there is none, or it has expired. */
export async function keptSession(
  world: World,
  server: string,
  username: string | undefined,
): Promise<KeptSession | undefined> {
  let json: Partial<Record<string, unknown>>;
  try {
    json = JSON.parse(await readFile(join(folderOf(world), nameOf(server)), 'utf8')) ?? {};
  } catch {
    return undefined;
  }
  const { format, server: kept, username: name, token, expires_at: expiresAt } = json;
  if (format !== FORMAT || kept !== server || typeof name !== 'string' || typeof token !== 'string')
    return undefined;
  if (typeof expiresAt !== 'string' || !(Date.parse(expiresAt) > world.now())) return undefined;
  if (username !== undefined && name !== username) return undefined;
  return { server, username: name, token, expiresAt };
}

/** Removes the session at `server`; none is no failure. */
export async function forgetSession(world: World, server: string): Promise<void> {
  await rm(join(folderOf(world), nameOf(server)), { force: true });
}

function folderOf(world: World): string {
  return join(stateFolder(world), 'sessions');
}

function nameOf(server: string): string {
  return `${createHash('sha256').update(server).digest('hex').slice(0, 16)}.json`;
}
