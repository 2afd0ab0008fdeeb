/** What people share with: recipients as age makes them, keys wrapped for them, and the requests that bring both. */
import { randomBytes } from 'node:crypto';
import {
  Encrypter,
  generateHybridIdentity,
  generateX25519Identity,
  identityToRecipient,
} from 'age-encryption';
import { answers, ask, post, type Session } from './ask.ts';
import { sha256Hex } from './evidence.ts';
import type { House } from './house.ts';

type Doors = Pick<House, 'main' | 'admin'>;

export const CONTACT_KEYS = '/v1/contact-public-keys';
export const RECIPIENT_KEYS = '/v1/account-recipient-keys';
export const grantsOf = (incident: string) => `/v1/incidents/${incident}/sharing-grants`;
export const wrappedOf = (incident: string) => `/v1/incidents/${incident}/wrapped-keys`;

/** A key pair of somebody. */
export interface AgeKeys {
  readonly identity: string;
  readonly recipient: string;
}

export async function ageKeys(kind: 'x25519' | 'mlkem768x25519' = 'x25519'): Promise<AgeKeys> {
  const identity = await (kind === 'x25519' ? generateX25519Identity() : generateHybridIdentity());
  return { identity, recipient: await identityToRecipient(identity) };
}

/** A media key for recipients, as it travels. */
export async function wrappedFor(
  recipients: readonly string[],
  mediaKey: Uint8Array = randomBytes(32),
): Promise<string> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  return Buffer.from(await encrypter.encrypt(mediaKey)).toString('base64url');
}

/** The body that brings a key of a contact. */
export const contactKeyForm = (recipient: string, wish: object = {}) => ({
  wrapping_algorithm: 'age-v1',
  public_key: recipient,
  public_key_fingerprint: sha256Hex(recipient),
  key_state: 'active',
  ...wish,
});

/** The body that brings a key of the account. */
export const recipientKeyForm = (recipient: string, wish: object = {}) => ({
  recipient_type: 'device',
  key_id: `key ${recipient.slice(-12)}`,
  scheme: 'age-v1',
  suite_id: recipient.startsWith('age1pq1') ? 'mlkem768x25519' : 'x25519',
  public_key: recipient,
  public_key_fingerprint: sha256Hex(recipient),
  ...wish,
});

export interface Contact {
  readonly contactId: string;
  readonly keyId: string;
  readonly keys: AgeKeys;
}

/** A contact with an active key. */
export async function newContact(doors: Doors, as: Session, wish: object = {}): Promise<Contact> {
  const keys = await ageKeys();
  const { body } = answers(await post(doors, CONTACT_KEYS, as, contactKeyForm(keys.recipient, wish)), 201);
  const { contact_id: contactId, public_key_id: keyId } = body.contact_public_key;
  return { contactId, keyId, keys };
}

/** The id of a new grant. */
export async function newGrant(
  doors: Doors,
  as: Session,
  incident: string,
  { contactId }: Pick<Contact, 'contactId'>,
  wish: object = {},
): Promise<string> {
  const body = { recipient_type: 'trusted_contact', contact_id: contactId, ...wish };
  return answers(await post(doors, grantsOf(incident), as, body), 201).body.sharing_grant.grant_id;
}

/** The body that brings a wrapped key. */
export async function wrappedKeyForm(contact: Contact, grant: string, wish: object = {}) {
  return {
    grant_id: grant,
    media_key_id: `media-${randomBytes(4).toString('hex')}`,
    wrapping_algorithm: 'age-v1',
    wrapping_algorithm_version: '1',
    wrapped_key_ciphertext: await wrappedFor([contact.keys.recipient]),
    ...wish,
  };
}

/** The id of a new wrapped key. */
export async function newWrappedKey(
  doors: Doors,
  as: Session,
  incident: string,
  contact: Contact,
  grant: string,
  wish: object = {},
): Promise<string> {
  const body = await wrappedKeyForm(contact, grant, wish);
  return answers(await post(doors, wrappedOf(incident), as, body), 201).body.wrapped_key.wrapped_key_id;
}

/** The ids of an incident's wrapped keys that are given out, in their order. */
export async function givenOut(doors: Doors, as: Session, incident: string): Promise<string[]> {
  const { body } = answers(await ask(doors, wrappedOf(incident), { as }), 200);
  return body.wrapped_keys.map(({ wrapped_key_id: id }: { wrapped_key_id: string }) => id);
}

/** Texts that are, or name, what must never come to the server, however they are spelled. */
export const KEY_MATERIAL: readonly string[] = [
  `AGE-SECRET-KEY-1${'Q'.repeat(58)}`,
  `age-secret-key-1${'q'.repeat(58)}`,
  `AGE-SECRET-KEY-PQ-1${'Q'.repeat(58)}`,
  'Age Secret Key',
  'AGE_SECRET_KEY_1QQQ',
  'a g e-s e c r e t-k e y-1',
  'AGE\u2011SECRET\u2011KEY\u20111',
  '\uff21\uff27\uff25-SECRET-KEY-1',
  ...['-----BEGIN PRIVATE KEY-----', '-----BEGIN OPENSSH PRIVATE KEY-----', '-----BEGIN EC PRIVATE KEY-----'],
  ...['-----BEGIN RSA PRIVATE KEY-----', 'private-key', 'Private_Key', 'p r i v a t e k e y', 'privateKey'],
  ...['raw_media_key', 'content-encryption-key', 'mlkem_shared_secret', 'derivedKEK', 'plaintext'],
  ...['decrypted_cache', 'browser_fragment_secret', 'contact private key', 'rawKey', 'raw.token'],
  ...['server_escrow_key', 'serverEscrowMaterial', 'unwrapped_secret', 'unwrapped-shared-secret'],
];
