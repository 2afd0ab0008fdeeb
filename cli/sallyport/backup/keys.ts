/** The secrets without which a database is of little use, as they lie on this machine. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '../../../src/core/settings.ts';
import { equalText } from '../../../src/crypto/compare.ts';
import { openKeyring } from '../../../src/crypto/keyring.ts';
import { parseSignerKey } from '../../../src/crypto/signed-note.ts';
import { errorCode, Failure } from '../../shared/failure.ts';
import type { KeyName } from './manifest.ts';

/** Lines of text, ended, by the names that they have in a backup. */
export type Keys = ReadonlyMap<KeyName, string>;

/** The text of a small file without its line end; undefined when there is none. */
export async function keyFile(dataDir: string, name: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDir, name), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT') return undefined;
    throw new Failure(
      'refused',
      'key_unreadable',
      `${join(dataDir, name)} cannot be read (${code}). Run this as the user who runs the server.`,
    );
  }
}

/** The 32 bytes of a secret key as its file holds them. */
export function secretKeyOf(text: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  return text !== undefined && /^[A-Za-z0-9+/]{43}=$/.test(text)
    ? new Uint8Array(Buffer.from(text, 'base64'))
    : undefined;
}

/** Whether a database with this check value belongs to the key. */
export const keyFits = (key: Uint8Array, check: string | undefined): boolean =>
  check === undefined || equalText(openKeyring(key).macHex('secret-key-check', 'sallyport'), check);

/**
 * What a backup has to carry to be restored alone: only keys that belong to the database.
 * @param check by which the database recognises its secret key
 */
export async function presentKeys(settings: Settings, check: string | undefined): Promise<Keys> {
  const keys = new Map<KeyName, string>();
  const { dataDir, database } = settings;
  const candidates = [settings.secretKey];
  // A change of the key that was committed may have its file still beside the old one.
  for (const name of ['secret-key', 'secret-key.new'])
    candidates.push(secretKeyOf(await keyFile(dataDir, name)));
  const fitting = candidates.find((key) => key !== undefined && keyFits(key, check));
  if (fitting !== undefined) keys.set('secret-key', `${Buffer.from(fitting).toString('base64')}\n`);
  const signing = await keyFile(dataDir, 'checkpoint-key');
  if (signing !== undefined && (await parseSignerKey(signing)) !== undefined)
    keys.set('checkpoint-key', `${signing}\n`);
  if (database.kind === 'file' && database.encryptionKey !== undefined)
    keys.set('database-encryption-key', `${database.encryptionKey}\n`);
  return keys;
}
