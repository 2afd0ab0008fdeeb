/**
 * Public keys of contacts and of the account's own devices, grants, and media keys wrapped for contacts. Nothing here
 * is a secret of the server: what is wrapped is an age file that only its recipient opens.
 *
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

const OWNER = 'owner_account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE';
const PUBLIC_KEY = `
      version INTEGER NOT NULL CHECK (version >= 1),
      display_label TEXT,
      -- age1… or age1pq…
      public_key TEXT NOT NULL CHECK (public_key GLOB 'age1*'),
      -- SHA-256 of the recipient string.
      fingerprint TEXT NOT NULL CHECK (length(fingerprint) = 64 AND fingerprint NOT GLOB '*[^0-9a-f]*'),
      state TEXT NOT NULL CHECK (state IN ('pending_verification', 'active', 'replaced', 'revoked', 'lost')),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      replaced_at INTEGER,
      replaced_by TEXT,
      revoked_at INTEGER,
      lost_at INTEGER,
      CHECK ((replaced_at IS NOT NULL) = (state = 'replaced')),
      CHECK ((replaced_by IS NOT NULL) = (state = 'replaced')),
      CHECK ((revoked_at IS NOT NULL) = (state = 'revoked')),
      CHECK ((lost_at IS NOT NULL) = (state = 'lost'))`;

export const sharing: Migration = {
  id: '0006_sharing',
  statements: [
    `CREATE TABLE contact_keys (
      id TEXT NOT NULL PRIMARY KEY,
      ${OWNER},
      contact_id TEXT NOT NULL,
      recipient_account_id TEXT,
      wrapping_algorithm TEXT NOT NULL,
      ${PUBLIC_KEY},
      UNIQUE (owner_account_id, contact_id, version)
    ) STRICT`,
    'CREATE INDEX contact_keys_by_owner ON contact_keys (owner_account_id, id)',

    `CREATE TABLE recipient_keys (
      id TEXT NOT NULL PRIMARY KEY,
      ${OWNER},
      recipient_id TEXT NOT NULL,
      recipient_type TEXT NOT NULL CHECK (recipient_type IN ('account', 'device')),
      key_id TEXT NOT NULL,
      scheme TEXT NOT NULL,
      suite_id TEXT NOT NULL CHECK (suite_id IN ('x25519', 'mlkem768x25519')),
      ${PUBLIC_KEY},
      UNIQUE (owner_account_id, recipient_id, version),
      UNIQUE (owner_account_id, key_id)
    ) STRICT`,
    'CREATE INDEX recipient_keys_by_owner ON recipient_keys (owner_account_id, id)',

    `CREATE TABLE sharing_grants (
      id TEXT NOT NULL PRIMARY KEY,
      ${OWNER},
      incident_id TEXT NOT NULL REFERENCES incidents (id),
      -- NULL: the whole incident.
      stream_id TEXT REFERENCES streams (id),
      contact_id TEXT NOT NULL,
      contact_key_id TEXT NOT NULL REFERENCES contact_keys (id),
      contact_key_version INTEGER NOT NULL,
      data_class TEXT NOT NULL CHECK (data_class IN ('metadata', 'ciphertext', 'metadata_ciphertext')),
      state TEXT NOT NULL CHECK (state IN ('active', 'revoked')),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      expires_at INTEGER,
      revoked_at INTEGER,
      revoked_by_account_id TEXT,
      CHECK ((revoked_at IS NOT NULL) = (state = 'revoked'))
    ) STRICT`,
    'CREATE INDEX sharing_grants_by_incident ON sharing_grants (incident_id, id)',
    'CREATE INDEX sharing_grants_by_key ON sharing_grants (contact_key_id)',
    'CREATE INDEX sharing_grants_by_owner ON sharing_grants (owner_account_id)',
    'CREATE INDEX sharing_grants_by_stream ON sharing_grants (stream_id) WHERE stream_id IS NOT NULL',

    `CREATE TABLE wrapped_keys (
      id TEXT NOT NULL PRIMARY KEY,
      ${OWNER},
      incident_id TEXT NOT NULL REFERENCES incidents (id),
      stream_id TEXT REFERENCES streams (id),
      grant_id TEXT NOT NULL REFERENCES sharing_grants (id),
      contact_id TEXT NOT NULL,
      contact_key_id TEXT NOT NULL REFERENCES contact_keys (id),
      contact_key_version INTEGER NOT NULL,
      media_key_id TEXT NOT NULL,
      wrapping_algorithm TEXT NOT NULL,
      wrapping_algorithm_version TEXT NOT NULL,
      -- One binary age file, unpadded base64url.
      ciphertext TEXT NOT NULL CHECK (length(ciphertext) <= 16384),
      public_metadata TEXT CHECK (public_metadata IS NULL OR json_type(public_metadata) = 'object'),
      state TEXT NOT NULL CHECK (state IN ('active', 'revoked', 'rotated')),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      revoked_at INTEGER,
      CHECK ((revoked_at IS NOT NULL) = (state = 'revoked'))
    ) STRICT`,
    'CREATE INDEX wrapped_keys_by_incident ON wrapped_keys (incident_id, id)',
    'CREATE INDEX wrapped_keys_by_grant ON wrapped_keys (grant_id)',
    'CREATE INDEX wrapped_keys_by_key ON wrapped_keys (contact_key_id)',
    'CREATE INDEX wrapped_keys_by_stream ON wrapped_keys (stream_id) WHERE stream_id IS NOT NULL',
    // One a stream and contact key, under one grant.
    `CREATE UNIQUE INDEX wrapped_keys_once ON wrapped_keys
      (owner_account_id, incident_id, coalesce(stream_id, ''), grant_id, media_key_id, contact_key_id)`,
  ],
};
