/**
 * The sharing rooms of the storage interface, types only: public keys of contacts, recipient keys of the account's own
 * devices, grants, and media keys wrapped for a contact. Everything belongs to one account and is invisible to every
 * other. Nothing here is a secret: wrapped keys are age files that only their recipient opens.
 *
 * As in `store.ts`, a verb is one transaction and its audit row is part of it; a refusal is the name of the fault
 * that it becomes. Times are milliseconds since the epoch.
 */
import type { AuditEntry } from './audit.ts';
import type { Owned } from './owned.ts';

/** `replaced`, `revoked` and `lost` are final. */
export type KeyState = 'pending_verification' | 'active' | 'replaced' | 'revoked' | 'lost';
export type NewKeyState = 'pending_verification' | 'active';

/** What every public key that is kept has. */
export interface PublicKeyRecord {
  readonly ownerAccountId: string;
  /** From 1 within its contact or recipient. */
  readonly version: number;
  readonly displayLabel?: string;
  /** `age1…` or `age1pq…`. */
  readonly publicKey: string;
  /** Lower-case hex SHA-256 of the recipient string. */
  readonly fingerprint: string;
  readonly state: KeyState;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly replacedAt?: number;
  readonly replacedById?: string;
  readonly revokedAt?: number;
  readonly lostAt?: number;
}

export interface ContactKey extends PublicKeyRecord {
  /** `cpk_` and a ULID. */
  readonly id: string;
  /** `ctc_` and a ULID. */
  readonly contactId: string;
  readonly recipientAccountId?: string;
  /** `age-v1`. */
  readonly wrappingAlgorithm: string;
}

export type NewContactKey = Pick<
  ContactKey,
  | 'id'
  | 'ownerAccountId'
  | 'recipientAccountId'
  | 'displayLabel'
  | 'wrappingAlgorithm'
  | 'publicKey'
  | 'fingerprint'
  | 'createdAt'
> & {
  readonly state: NewKeyState;
  /** A contact that exists; undefined makes one with `freshContactId`. */
  readonly contactId?: string;
  readonly freshContactId: string;
};

/** A change of a key record that its owner asks for. Undefined members stay as they are. */
export interface KeyChange {
  /** Null: none any more. */
  readonly displayLabel?: string | null;
  readonly state?: NewKeyState;
}

/** What is done with public keys of either kind. `Refused` names a key that is not there, and one that is final. */
export interface KeyStore<Key, Refused extends string> {
  list(accountId: string, after: string | undefined, limit: number): Promise<Key[]>;
  find(accountId: string, id: string): Promise<Key | undefined>;
  change(
    accountId: string,
    id: string,
    change: KeyChange,
    now: number,
    audit: AuditEntry,
  ): Promise<Key | Refused>;
  /** Ends it. Ending it the same way again is done. */
  end(
    accountId: string,
    id: string,
    as: 'revoked' | 'lost',
    now: number,
    audit: AuditEntry,
  ): Promise<Key | Refused>;
}

export type ContactKeyRefusal = 'contact_public_key_not_found' | 'invalid_contact_key_state';

export interface ContactKeyStore extends KeyStore<ContactKey, ContactKeyRefusal> {
  /** The next version of its contact; earlier ones that are not final become replaced by it. */
  create(key: NewContactKey, audit: AuditEntry): Promise<ContactKey | 'contact_not_found'>;
  /** A new key for the contact of the key `id`, which must not be final. */
  replace(
    accountId: string,
    id: string,
    key: Omit<NewContactKey, 'contactId' | 'freshContactId'>,
    audit: AuditEntry,
  ): Promise<ContactKey | ContactKeyRefusal>;
}

export interface RecipientKey extends PublicKeyRecord {
  /** `ark_` and a ULID. */
  readonly id: string;
  /** The recipient that its versions share: given, or `arcp_` and a ULID. */
  readonly recipientId: string;
  readonly recipientType: 'account' | 'device';
  readonly keyId: string;
  /** `age-v1`. */
  readonly scheme: string;
  readonly suiteId: 'x25519' | 'mlkem768x25519';
}

export type NewRecipientKey = Pick<
  RecipientKey,
  | 'id'
  | 'ownerAccountId'
  | 'recipientId'
  | 'recipientType'
  | 'keyId'
  | 'displayLabel'
  | 'scheme'
  | 'suiteId'
  | 'publicKey'
  | 'fingerprint'
  | 'createdAt'
> & { readonly state: NewKeyState };

export type RecipientKeyRefusal = 'account_recipient_key_not_found' | 'invalid_account_recipient_key_state';

export interface RecipientKeyStore extends KeyStore<RecipientKey, RecipientKeyRefusal> {
  create(key: NewRecipientKey, audit: AuditEntry): Promise<RecipientKey | 'account_recipient_key_duplicate'>;
  /** The next version of the same recipient. */
  replace(
    accountId: string,
    id: string,
    key: Omit<NewRecipientKey, 'recipientId' | 'recipientType'>,
    audit: AuditEntry,
  ): Promise<RecipientKey | RecipientKeyRefusal | 'account_recipient_key_duplicate'>;
}

export type DataClass = 'metadata' | 'ciphertext' | 'metadata_ciphertext';

export interface Grant {
  /** `sgr_` and a ULID. */
  readonly id: string;
  readonly ownerAccountId: string;
  readonly incidentId: string;
  /** Absent: the whole incident. */
  readonly streamId?: string;
  readonly contactId: string;
  readonly contactKeyId: string;
  readonly contactKeyVersion: number;
  readonly dataClass: DataClass;
  readonly state: 'active' | 'revoked';
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
  readonly revokedByAccountId?: string;
}

export type NewGrant = Pick<
  Grant,
  'id' | 'streamId' | 'contactId' | 'dataClass' | 'createdAt' | 'expiresAt'
> & {
  /** Undefined: the newest active key of the contact. */
  readonly contactKeyId?: string;
};

export interface GrantStore {
  create(
    owned: Owned,
    grant: NewGrant,
    audit: AuditEntry,
  ): Promise<Grant | 'incident_not_found' | 'incident_deleting' | 'sharing_grant_dependency_not_found'>;
  list(owned: Owned, after: string | undefined, limit: number): Promise<Grant[] | 'incident_not_found'>;
  find(accountId: string, id: string): Promise<Grant | undefined>;
  /** Revoking again is done and answers the first. */
  revoke(accountId: string, id: string, now: number, audit: AuditEntry): Promise<Grant | undefined>;
}

export interface WrappedKey {
  /** `wkey_` and a ULID. */
  readonly id: string;
  readonly ownerAccountId: string;
  readonly incidentId: string;
  readonly streamId?: string;
  readonly grantId: string;
  readonly contactId: string;
  readonly contactKeyId: string;
  readonly contactKeyVersion: number;
  readonly mediaKeyId: string;
  readonly wrappingAlgorithm: string;
  readonly wrappingAlgorithmVersion: string;
  /** Unpadded base64url of one binary age file. */
  readonly ciphertext: string;
  /** A JSON object as text. */
  readonly publicMetadata?: string;
  readonly state: 'active' | 'revoked' | 'rotated';
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly revokedAt?: number;
}

export type NewWrappedKey = Pick<
  WrappedKey,
  | 'id'
  | 'streamId'
  | 'grantId'
  | 'mediaKeyId'
  | 'wrappingAlgorithm'
  | 'wrappingAlgorithmVersion'
  | 'ciphertext'
  | 'publicMetadata'
  | 'createdAt'
>;

/** Every read shows only records that are active, of an active unexpired grant, for an active key. */
export interface WrappedKeyStore {
  create(
    owned: Owned,
    key: NewWrappedKey,
    audit: AuditEntry,
  ): Promise<
    | WrappedKey
    | 'incident_not_found'
    | 'incident_deleting'
    | 'wrapped_key_dependency_not_found'
    | 'wrapped_key_grant_not_authorized'
    | 'wrapped_key_duplicate'
  >;
  list(
    owned: Owned,
    now: number,
    after: string | undefined,
    limit: number,
  ): Promise<WrappedKey[] | 'incident_not_found'>;
  find(accountId: string, id: string, now: number): Promise<WrappedKey | undefined>;
  /** Also of a record that reads do not show any more. Revoking again is done. */
  revoke(accountId: string, id: string, now: number, audit: AuditEntry): Promise<WrappedKey | undefined>;
}
