/** Where a password comes from, and how one that the server checks itself is written in a header. */

import { readFile } from 'node:fs/promises';
import { errorCode, usage } from '../shared/failure.ts';
import { askHidden } from '../shared/terminal.ts';
import type { World } from '../shared/world.ts';
import type { Parsed } from './args.ts';

const MAX_PASSWORD_BYTES = 1024;

/** The password that was asked for by options, or undefined. `confirm` asks twice. */
export async function passwordFromOptions(
  world: World,
  parsed: Parsed,
  confirm: boolean,
): Promise<string | undefined> {
  const file = parsed.value('password-file');
  if (file !== undefined && parsed.has('password'))
    throw usage('Use --password or --password-file, not both.');
  if (file !== undefined) return await passwordFromFile(world, file);
  return parsed.has('password') ? await askPassword(world, confirm) : undefined;
}

export async function askPassword(world: World, confirm: boolean, question = 'Password: '): Promise<string> {
  const password = checked(await askHidden(world, question));
  if (confirm && (await askHidden(world, 'Again: ')) !== password) throw usage('The passwords differ.');
  return password;
}

async function passwordFromFile(world: World, file: string): Promise<string> {
  const bytes = file === '-' ? await readAll(world) : await readPasswordFile(file);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw usage('The password file is not UTF-8 text.');
  }
  // An editor ends the line; the password does not include that.
  const password = checked(text.replace(/\r?\n$/, ''));
  if (/[\r\n]/.test(password)) throw usage('The password file must hold one line.');
  return password;
}

async function readPasswordFile(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw usage(`The password file cannot be read (${errorCode(error)}).`);
  }
}

async function readAll(world: World): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of world.stdin) {
    pieces.push(piece as Uint8Array);
    length += (piece as Uint8Array).length;
    if (length > 2 * MAX_PASSWORD_BYTES) break;
  }
  return Buffer.concat(pieces);
}

function checked(password: string): string {
  if (password === '') throw usage('The password is empty.');
  if (!password.isWellFormed()) throw usage('The password is not well-formed text.');
  if (new TextEncoder().encode(password).length > MAX_PASSWORD_BYTES)
    throw usage('The password is longer than 1024 bytes.');
  return password;
}

/**
 * A password as `X-Paste-Password` carries it: visible ASCII with inner spaces as it is, all else as RFC 8187
 * does it, since runtimes disagree about other bytes in headers.
 */
export function passwordHeader(password: string): string {
  const plain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(password);
  // What itself begins like an encoded value would be read as one.
  if (plain && !/^utf-8''/i.test(password)) return password;
  const encoded = encodeURIComponent(password).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `UTF-8''${encoded}`;
}
