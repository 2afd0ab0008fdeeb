/** Contacts at a running server: their key pairs as files in a home, known and confirmed there. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import type { Home } from './recorder.ts';
import type { TestServer } from './server.ts';

export const fingerprintOf = (recipient: string): string =>
  createHash('sha256').update(recipient).digest('hex');

export interface KeyPair {
  readonly identity: string;
  readonly recipient: string;
  readonly fingerprint: string;
}

export async function keyPair(): Promise<KeyPair> {
  const identity = await generateX25519Identity();
  const recipient = await identityToRecipient(identity);
  return { identity, recipient, fingerprint: fingerprintOf(recipient) };
}

export interface HomeContact extends KeyPair {
  readonly name: string;
  readonly keyId: string;
  readonly contactId: string;
  /** The file with the private key, in the home's working folder. */
  readonly file: string;
}

/** A contact that the account of this home has registered and confirmed. */
export async function contactIn(home: Home, name: string): Promise<HomeContact> {
  const pair = await keyPair();
  await home.write(`${name}.identity`, `${pair.identity}\n`, 0o600);
  const key = await registered(home, name, pair);
  return { ...pair, name, ...key, file: `${name}.identity` };
}

export async function registered(home: Home, name: string, { recipient, fingerprint }: KeyPair) {
  const words = ['keys', 'register', '--contact', name, recipient, '--fingerprint', fingerprint, '--json'];
  const { key } = JSON.parse((await home.ok(words)).stdout);
  assert.equal(key.state, 'active');
  return { keyId: String(key.key_id), contactId: String(key.owner_id) };
}

/** Rows of the database of a server that runs. */
export function sql(server: TestServer, statement: string, ...args: (string | null)[]) {
  const db = new DatabaseSync(join(server.folder, 'data', 'sallyport.db'));
  try {
    db.exec('PRAGMA busy_timeout = 5000');
    return db.prepare(statement).all(...args) as Readonly<Record<string, unknown>>[];
  } finally {
    db.close();
  }
}

/** What an attacker who runs the server does: another key under the record of a contact. */
export function substitute(server: TestServer, keyId: string, { recipient, fingerprint }: KeyPair): void {
  const statement = 'UPDATE contact_keys SET public_key = ?, fingerprint = ? WHERE id = ? RETURNING id';
  assert.equal(sql(server, statement, recipient, fingerprint, keyId).length, 1);
}
