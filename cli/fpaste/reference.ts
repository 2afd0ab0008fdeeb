/** Which paste is meant: a link, an address or an id, from an argument, the terminal or a pipe. */

import { decodeKey, parseLink } from '../../src/crypto/sealed.ts';
import { usage } from '../shared/failure.ts';
import { askHidden } from '../shared/terminal.ts';
import type { World } from '../shared/world.ts';

/** 16 bytes in lower-case Crockford base32. */
export const PASTE_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;

export interface Reference {
  readonly id: string;
  /** The server with its path prefix, ending in `/`. */
  readonly base: URL;
  /** The paste's address. It never holds the key. */
  readonly url: URL;
  readonly key: Uint8Array | undefined;
  /** Given by its id alone. */
  readonly bare: boolean;
}

/** Throws a usage failure, which does not repeat what was given. */
export function parseReference(text: string, server: URL): Reference {
  const trimmed = text.trim();
  const [id = '', fragment] = trimmed.split('#', 2);
  if (PASTE_ID.test(id)) {
    const key = fragment === undefined ? undefined : keyOf(fragment);
    return { id, base: server, url: new URL(id, server), key, bare: true };
  }
  const { url, key } = linkOf(trimmed);
  const address = new URL(url);
  if (address.search !== '') throw badReference();
  const segments = address.pathname.replace(/\/raw$/, '').split('/');
  const last = segments.pop() ?? '';
  if (!PASTE_ID.test(last)) throw badReference();
  const base = new URL(`${segments.join('/')}/`, address);
  return { id: last, base, url: new URL(last, base), key, bare: false };
}

/** As {@link parseReference} for an argument; `-` and nothing are read from the terminal or standard input. */
export async function readReference(
  world: World,
  argument: string | undefined,
  server: URL,
): Promise<Reference> {
  if (argument !== undefined && argument !== '-') return parseReference(argument, server);
  if (world.stdin.isTTY === true) return parseReference(await askHidden(world, 'Link (not shown): '), server);
  return parseReference(await firstLine(world), server);
}

const LONGEST_LINK = 4096;

async function firstLine(world: World): Promise<string> {
  let text = '';
  for await (const piece of world.stdin) {
    text += Buffer.from(piece as Uint8Array).toString('latin1');
    if (text.trimStart().includes('\n') || text.length > LONGEST_LINK) break;
  }
  const line = text.trimStart().split('\n', 1)[0]?.trim() ?? '';
  if (line === '') throw usage('Standard input holds no link.');
  return line;
}

function linkOf(text: string) {
  try {
    return parseLink(text);
  } catch {
    throw badReference();
  }
}

function keyOf(text: string): Uint8Array {
  try {
    return decodeKey(text);
  } catch {
    throw badReference();
  }
}

function badReference() {
  return usage(
    'This is neither a link nor an id of a paste. A link is https://host/ID#KEY, with all 43 characters of the key; an id has 26 characters. Quote the link in the shell.',
  );
}
