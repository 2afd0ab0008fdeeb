/** Public keys on the wire: what those of contacts and those of the account have in common, in and out. */
import * as v from 'valibot';
import type { PublicKeyForm } from '../../core/public-keys.ts';
import type { ContactKey, PublicKeyRecord, RecipientKey } from '../../store/sharing.ts';
import { timestamp } from '../kit/time.ts';

const time = v.pipe(v.string(), v.isoTimestamp());

/** Members of a request that brings a key. */
export const KEY_FIELDS = ['display_label', 'public_key', 'public_key_fingerprint', 'key_state'] as const;
/** Members of a request that changes a record. */
export const CHANGE_FIELDS = ['display_label', 'key_state'] as const;

export const newKeyState = v.optional(v.picklist(['pending_verification', 'active']));

/** For documents. */
export const keyForm = {
  display_label: v.optional(v.string()),
  public_key: v.string(),
  public_key_fingerprint: v.string(),
  key_state: newKeyState,
};

type Fields = Readonly<Partial<Record<(typeof KEY_FIELDS)[number], unknown>>>;

export const keyFormOf = (fields: Fields): PublicKeyForm => ({
  publicKey: fields.public_key,
  fingerprint: fields.public_key_fingerprint,
  displayLabel: fields.display_label,
  keyState: fields.key_state,
});

const common = {
  owner_account_id: v.string(),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  display_label: v.optional(v.string()),
  public_key: v.string(),
  public_key_fingerprint: v.string(),
  key_state: v.picklist(['pending_verification', 'active', 'replaced', 'revoked', 'lost']),
  created_at: time,
  updated_at: time,
  replaced_at: v.optional(time),
  revoked_at: v.optional(time),
  lost_at: v.optional(time),
};

const commonView = (key: PublicKeyRecord) => ({
  owner_account_id: key.ownerAccountId,
  version: key.version,
  ...(key.displayLabel !== undefined && { display_label: key.displayLabel }),
  public_key: key.publicKey,
  public_key_fingerprint: key.fingerprint,
  key_state: key.state,
  created_at: timestamp(key.createdAt),
  updated_at: timestamp(key.updatedAt),
  ...(key.replacedAt !== undefined && { replaced_at: timestamp(key.replacedAt) }),
  ...(key.revokedAt !== undefined && { revoked_at: timestamp(key.revokedAt) }),
  ...(key.lostAt !== undefined && { lost_at: timestamp(key.lostAt) }),
});

export const ContactKeyView = v.strictObject({
  public_key_id: v.string(),
  contact_id: v.string(),
  recipient_account_id: v.optional(v.string()),
  wrapping_algorithm: v.literal('age-v1'),
  replaced_by_public_key_id: v.optional(v.string()),
  ...common,
});

export const contactKeyView = (key: ContactKey) => ({
  public_key_id: key.id,
  contact_id: key.contactId,
  ...(key.recipientAccountId !== undefined && { recipient_account_id: key.recipientAccountId }),
  wrapping_algorithm: key.wrappingAlgorithm,
  ...(key.replacedById !== undefined && { replaced_by_public_key_id: key.replacedById }),
  ...commonView(key),
});

export const RecipientKeyView = v.strictObject({
  recipient_key_id: v.string(),
  recipient_id: v.string(),
  recipient_type: v.picklist(['account', 'device']),
  key_id: v.string(),
  scheme: v.literal('age-v1'),
  suite_id: v.picklist(['x25519', 'mlkem768x25519']),
  replaced_by_recipient_key_id: v.optional(v.string()),
  ...common,
});

export const recipientKeyView = (key: RecipientKey) => ({
  recipient_key_id: key.id,
  recipient_id: key.recipientId,
  recipient_type: key.recipientType,
  key_id: key.keyId,
  scheme: key.scheme,
  suite_id: key.suiteId,
  ...(key.replacedById !== undefined && { replaced_by_recipient_key_id: key.replacedById }),
  ...commonView(key),
});
