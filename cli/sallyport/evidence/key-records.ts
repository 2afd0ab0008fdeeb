/** Public keys as a server records them, and whether it still records what was confirmed on this machine. */

import { Failure } from '../../shared/failure.ts';
import type { KeyKind, KnownKey } from './contacts-file.ts';
import type { Recipient } from './recipients.ts';
import { type Ask, membersOf, nonsense, objectIn, type Reply, refusalIn, textIn } from './service.ts';

/** Asks as the account. */
export type Asking = (ask: Ask) => Promise<Reply>;

export interface KeyRecord {
  readonly keyId: string;
  /** Of the contact, or of the recipient, whose versions these are. */
  readonly ownerId: string;
  readonly publicKey: string;
  readonly fingerprint: string;
  /** `pending_verification`, `active`, `replaced`, `revoked` or `lost`. */
  readonly state: string;
}

const ROOMS = {
  contact: {
    path: 'v1/contact-public-keys',
    member: 'contact_public_key',
    list: 'contact_public_keys',
    keyId: ['public_key_id', /^cpk_[0-9A-Z]{26}$/],
    ownerId: ['contact_id', /^ctc_[0-9A-Z]{26}$/],
  },
  own: {
    path: 'v1/account-recipient-keys',
    member: 'account_recipient_key',
    list: 'account_recipient_keys',
    keyId: ['recipient_key_id', /^ark_[0-9A-Z]{26}$/],
    ownerId: ['recipient_id', /^[^\p{Cc}]{1,255}$/u],
  },
} as const;

const PAGE = 100;
/** More than anybody keeps; a server that goes on has something else in mind. */
const MOST_PAGES = 200;

/** Whether a record can still be used, now or after it has been confirmed. */
export function isOpen({ state }: KeyRecord): boolean {
  return state === 'pending_verification' || state === 'active';
}

function recordIn(kind: KeyKind, json: unknown): KeyRecord {
  const { keyId, ownerId } = ROOMS[kind];
  const object = membersOf(json);
  return {
    keyId: textIn(object, keyId[0], keyId[1]),
    ownerId: textIn(object, ownerId[0], ownerId[1]),
    publicKey: textIn(object, 'public_key', /^[0-9a-z]{1,4096}$/),
    fingerprint: textIn(object, 'public_key_fingerprint', /^[0-9a-f]{64}$/),
    state: textIn(object, 'key_state', /^[a-z_]{1,40}$/),
  };
}

/** Every version of every key of a kind. */
export async function listRecords(ask: Asking, kind: KeyKind): Promise<readonly KeyRecord[]> {
  const { path, list } = ROOMS[kind];
  const records: KeyRecord[] = [];
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const last = records.at(-1)?.keyId;
    const after = last === undefined ? '' : `&after=${last}`;
    const reply = objectIn(await ask({ method: 'GET', path: `${path}?limit=${PAGE}${after}` }))[list];
    if (!Array.isArray(reply)) throw nonsense();
    records.push(...reply.map((json) => recordIn(kind, json)));
    if (reply.length < PAGE) return records;
  }
  throw nonsense();
}

/** What a new key is recorded with, besides the key. */
export interface NewRecord {
  /** Another version for this contact or recipient. */
  readonly next?: Pick<KnownKey, 'ownerId' | 'keyId'>;
  /** The server can read it. */
  readonly label: string | undefined;
}

/** Records a key as pending. Throws what the server refuses with, and `contact_key_changed` when it records another. */
export async function createRecord(
  ask: Asking,
  kind: KeyKind,
  key: Recipient,
  { next, label }: NewRecord,
): Promise<KeyRecord> {
  const { path, member } = ROOMS[kind];
  const common = {
    public_key: key.recipient,
    public_key_fingerprint: key.fingerprint,
    key_state: 'pending_verification',
    ...(label !== undefined && { display_label: label }),
  };
  const asks: Record<KeyKind, Ask> = {
    contact: {
      method: 'POST',
      path,
      json: { wrapping_algorithm: 'age-v1', ...common, ...(next && { contact_id: next.ownerId }) },
    },
    own: {
      method: 'POST',
      path: next === undefined ? path : `${path}/${next.keyId}/replace`,
      json: {
        ...(next === undefined && { recipient_type: 'device' }),
        key_id: key.fingerprint,
        scheme: 'age-v1',
        suite_id: key.kind,
        ...common,
      },
    },
  };
  const record = recordIn(kind, objectIn(await ask(asks[kind]))[member]);
  if (record.publicKey !== key.recipient || record.fingerprint !== key.fingerprint)
    throw changed('The server recorded another key than the one that it was sent.');
  return record;
}

/** Makes a pending record active. */
export async function activate(ask: Asking, kind: KeyKind, keyId: string): Promise<void> {
  const { path } = ROOMS[kind];
  objectIn(await ask({ method: 'PATCH', path: `${path}/${keyId}`, json: { key_state: 'active' } }));
}

/** Ends a record. @returns the server's code where it had ended otherwise, or is not there */
export async function endRecord(
  ask: Asking,
  kind: KeyKind,
  keyId: string,
  verb: 'lost' | 'revoke',
): Promise<string | undefined> {
  const reply = await ask({ method: 'POST', path: `${ROOMS[kind].path}/${keyId}/${verb}`, json: {} });
  if (reply.status === 200) return undefined;
  if (reply.code !== undefined && (reply.status === 404 || reply.status === 409)) return reply.code;
  throw refusalIn(reply);
}

/** What a record is held against. */
type Named = Pick<KnownKey, 'kind' | 'name' | 'recipient' | 'fingerprint' | 'ownerId' | 'keyId'>;

/** Whether a record is of exactly the key that is known here. */
export function isSameKey(record: KeyRecord, known: Named): boolean {
  return (
    record.publicKey === known.recipient &&
    record.fingerprint === known.fingerprint &&
    record.ownerId === known.ownerId &&
    record.keyId === known.keyId
  );
}

/**
 * Asks whether the server's record of a contact is the key that was confirmed here, and in use. Throws
 * `contact_key_changed` when it is another or gone, and `contact_key_ended` when it is not active.
 */
export async function requireRecord(ask: Asking, known: Named): Promise<void> {
  const { path, member } = ROOMS[known.kind];
  const reply = await ask({ method: 'GET', path: `${path}/${known.keyId}` });
  if (reply.code === 'contact_public_key_not_found')
    throw changed(`The server has no key of ${known.name} any more.`);
  const record = recordIn(known.kind, objectIn(reply)[member]);
  if (!isSameKey(record, known))
    throw changed(
      `The key that the server has for ${known.name} is not the one that was confirmed on this machine.`,
    );
  if (record.state !== 'active')
    throw new Failure(
      'refused',
      'contact_key_ended',
      `The key of ${known.name} is not active on the server (${record.state}). If that was you, give a new one: sallyport keys rotate.`,
    );
}

function changed(what: string): Failure {
  return new Failure(
    'refused',
    'contact_key_changed',
    `${what} Nothing was wrapped for it. Whoever runs the server, or has your session, may be putting a key of their own there; ask them, and look with sallyport keys list.`,
  );
}
