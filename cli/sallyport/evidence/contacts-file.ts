/**
 * The public keys whose fingerprints were confirmed on this machine: a file (0600) a key, in a folder of
 * `$XDG_STATE_HOME/sallyport/contacts/` for each account and server. What is wrapped is wrapped for keys from here,
 * never for what a server says.
 *
 *     {"format": "sallyport-contact/1", "server": "https://…/", "username": "…", "kind": "contact",
 *      "name": "anna", "recipient": "age1…", "fingerprint": "64 hex digits", "confirmed_at": "…",
 *      "owner_id": "ctc_…", "key_id": "cpk_…"}
 */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, Failure, usage } from '../../shared/failure.ts';
import { keepFile } from '../../shared/kept.ts';
import type { World } from '../../shared/world.ts';
import { recipientFingerprint } from './recipients.ts';
import { stateFolder } from './session-file.ts';

/** Whose keys: what one server calls an account. */
export interface Account {
  readonly server: string;
  readonly username: string;
}

/** Somebody else's key, or one of the account's own. */
export type KeyKind = 'contact' | 'own';

export interface KnownKey {
  readonly kind: KeyKind;
  /** What the person at this machine calls it; it is not sent. */
  readonly name: string;
  readonly recipient: string;
  /** Of the recipient, computed here. */
  readonly fingerprint: string;
  /** RFC 3339: when the fingerprint was confirmed. Undefined: not yet, and nothing is wrapped for it. */
  readonly confirmedAt: string | undefined;
  /** Given up on this machine: nothing is wrapped for it any more. */
  readonly ended: 'lost' | 'revoked' | undefined;
  /** The server's id of the contact (`ctc_…`), or of the recipient. */
  readonly ownerId: string;
  /** The server's id of the key: `cpk_…` or `ark_…`. */
  readonly keyId: string;
}

const FORMAT = 'sallyport-contact/1';

/** A name for a key. Throws a usage failure for what could be taken for a recipient, or disturbs a terminal. */
export function keyName(text: string): string {
  const name = text.trim().normalize('NFC');
  if (name === '' || name.length > 64 || /^age1/i.test(name) || /[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/u.test(name))
    throw usage('A name has up to 64 visible characters, and does not begin with age1.');
  return name;
}

/** The keys that this machine knows for an account, by their names. Throws `contacts_damaged`. */
export async function knownKeys(world: World, account: Account): Promise<readonly KnownKey[]> {
  const folder = folderOf(world, account);
  const names = await readdir(folder).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw usage(`The contacts of this machine, ${folder}, cannot be read (${errorCode(error)}).`);
  });
  const keys: KnownKey[] = [];
  for (const name of names.filter((file) => /^(contact|own)-[0-9a-f]{16}\.json$/.test(file))) {
    const path = join(folder, name);
    const key = parsed(await readFile(path, 'utf8').catch(() => ''), account);
    // Under another name than its own, a key would be somebody else's.
    if (key === undefined || fileOf(key) !== name) {
      throw new Failure(
        'refused',
        'contacts_damaged',
        `${path} was changed or damaged. Remove it, and confirm this contact anew: sallyport keys register.`,
      );
    }
    keys.push(key);
  }
  return keys.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Keeps a key in the place of what was known under its name. */
export async function keepKnown(world: World, account: Account, key: KnownKey): Promise<void> {
  const { kind, name, recipient, fingerprint, confirmedAt, ended, ownerId, keyId } = key;
  const json = {
    ...{ format: FORMAT, server: account.server, username: account.username },
    ...{ kind, name, recipient, fingerprint, confirmed_at: confirmedAt, ended },
    ...{ owner_id: ownerId, key_id: keyId },
  };
  await keepFile(world, folderOf(world, account), fileOf(key), `${JSON.stringify(json, null, 2)}\n`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function folderOf(world: World, { server, username }: Account): string {
  return join(stateFolder(world), 'contacts', digest(`${server}\n${username}`));
}

function fileOf({ kind, name }: Pick<KnownKey, 'kind' | 'name'>): string {
  return `${kind}-${digest(name)}.json`;
}

const KEY_ID: Readonly<Record<KeyKind, RegExp>> = {
  contact: /^cpk_[0-9A-Z]{26}$/,
  own: /^ark_[0-9A-Z]{26}$/,
};

function parsed(text: string, account: Account): KnownKey | undefined {
  let json: Partial<Record<string, unknown>>;
  try {
    json = JSON.parse(text) ?? {};
  } catch {
    return undefined;
  }
  if (json.format !== FORMAT || json.server !== account.server || json.username !== account.username)
    return undefined;
  const { kind, name, recipient, fingerprint, confirmed_at: confirmedAt, ended } = json;
  const { owner_id: ownerId, key_id: keyId } = json;
  if (kind !== 'contact' && kind !== 'own') return undefined;
  if (typeof name !== 'string' || typeof recipient !== 'string' || typeof ownerId !== 'string')
    return undefined;
  if (typeof keyId !== 'string' || !KEY_ID[kind].test(keyId)) return undefined;
  if (confirmedAt !== undefined && typeof confirmedAt !== 'string') return undefined;
  if (ended !== undefined && ended !== 'lost' && ended !== 'revoked') return undefined;
  // What was confirmed is the fingerprint; a recipient that somebody put beside it is another key.
  if (fingerprint !== recipientFingerprint(recipient)) return undefined;
  return { kind, name, recipient, fingerprint, confirmedAt, ended, ownerId, keyId };
}
