/**
 * Incidents and what belongs to them: check-ins, streams, chunks, viewer links, and the decision to delete.
 *
 * Times are integers, milliseconds since the epoch; times that a recording client stated are text as it was given,
 * in UTC. Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

const HEX64 = (column: string) =>
  `${column} TEXT NOT NULL CHECK (length(${column}) = 64 AND ${column} NOT GLOB '*[^0-9a-f]*')`;
const WORD = (column: string) =>
  `CHECK (length(${column}) BETWEEN 1 AND 80 AND ${column} NOT GLOB '*[^A-Za-z0-9_.:-]*')`;
const OF_INCIDENT = 'incident_id TEXT NOT NULL REFERENCES incidents (id)';
const MEDIA_TYPE = `media_type TEXT NOT NULL CHECK (media_type IN ('audio', 'video', 'location', 'metadata'))`;

export const incidents: Migration = {
  id: '0005_incidents',
  statements: [
    `ALTER TABLE audit ADD COLUMN incident_id TEXT ${WORD('incident_id')}`,

    `CREATE TABLE incidents (
      -- inc_ and a ULID: the order of ids is the order of creation.
      id TEXT NOT NULL PRIMARY KEY,
      -- NULL: a legacy incident that nobody owns.
      owner_account_id TEXT REFERENCES accounts (id) ON DELETE SET NULL,
      status TEXT NOT NULL CHECK (status IN ('open', 'closed')),
      deletion_state TEXT NOT NULL CHECK
        (deletion_state IN ('active', 'deletion_pending', 'deleting', 'deletion_failed', 'deleted')),
      client_label TEXT,
      notes TEXT,
      incident_mode TEXT,
      capture_profile TEXT,
      escalation_policy TEXT,
      sharing_state TEXT,
      created_at INTEGER NOT NULL,
      -- When the incident itself changed last; chunks and check-ins leave it alone.
      updated_at INTEGER NOT NULL
    ) STRICT`,
    'CREATE INDEX incidents_by_owner ON incidents (owner_account_id, updated_at DESC, id DESC)',
    `CREATE INDEX incidents_to_retain ON incidents (updated_at)
      WHERE status = 'closed' AND deletion_state = 'active'`,
    'CREATE INDEX incidents_unowned ON incidents (id) WHERE owner_account_id IS NULL',

    `CREATE TABLE checkins (
      id TEXT NOT NULL PRIMARY KEY,
      ${OF_INCIDENT},
      -- Who wrote it. Never shown; no foreign keys, it outlives them.
      account_id TEXT NOT NULL,
      session_id TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      battery_percent INTEGER CHECK (battery_percent BETWEEN 0 AND 100),
      network TEXT,
      latitude REAL CHECK (latitude BETWEEN -90 AND 90),
      longitude REAL CHECK (longitude BETWEEN -180 AND 180),
      accuracy_meters REAL CHECK (accuracy_meters >= 0),
      CHECK ((latitude IS NULL) = (longitude IS NULL))
    ) STRICT`,
    'CREATE INDEX checkins_newest ON checkins (incident_id, created_at DESC, id DESC)',
    `CREATE INDEX checkins_newest_place ON checkins (incident_id, created_at DESC, id DESC)
      WHERE latitude IS NOT NULL`,

    `CREATE TABLE streams (
      id TEXT NOT NULL PRIMARY KEY,
      ${OF_INCIDENT},
      ${MEDIA_TYPE},
      label TEXT,
      status TEXT NOT NULL CHECK (status IN ('open', 'complete', 'failed')),
      expected_chunk_count INTEGER CHECK (expected_chunk_count >= 1),
      -- Kept by triggers on chunks.
      chunk_count INTEGER NOT NULL DEFAULT 0 CHECK (chunk_count >= 0),
      total_bytes INTEGER NOT NULL DEFAULT 0 CHECK (total_bytes >= 0),
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      completed_at INTEGER,
      failed_at INTEGER,
      failure_reason TEXT,
      CHECK ((completed_at IS NOT NULL) = (status = 'complete')),
      CHECK ((expected_chunk_count IS NOT NULL) = (status = 'complete')),
      CHECK ((failed_at IS NOT NULL) = (status = 'failed'))
    ) STRICT`,
    'CREATE INDEX streams_by_incident ON streams (incident_id, id)',

    `CREATE TABLE chunks (
      id TEXT NOT NULL PRIMARY KEY,
      ${OF_INCIDENT},
      -- NULL: a legacy chunk that an import brought.
      stream_id TEXT REFERENCES streams (id),
      chunk_index INTEGER NOT NULL CHECK (chunk_index >= 0),
      ${MEDIA_TYPE},
      started_at TEXT NOT NULL,
      ended_at TEXT NOT NULL,
      original_filename TEXT,
      byte_size INTEGER NOT NULL CHECK (byte_size >= 1),
      ${HEX64('sha256')},
      crc32 INTEGER NOT NULL CHECK (crc32 BETWEEN 0 AND 4294967295),
      -- What two equivalent uploads have in common.
      ${HEX64('fingerprint')},
      -- Where its bytes lie (segments.blob).
      blob TEXT NOT NULL UNIQUE,
      created_at INTEGER NOT NULL
    ) STRICT`,
    'CREATE UNIQUE INDEX chunks_of_stream ON chunks (stream_id, chunk_index) WHERE stream_id IS NOT NULL',
    `CREATE UNIQUE INDEX chunks_of_no_stream ON chunks (incident_id, media_type, chunk_index)
      WHERE stream_id IS NULL`,
    'CREATE INDEX chunks_by_incident ON chunks (incident_id, id)',
    'CREATE INDEX chunks_newest ON chunks (incident_id, media_type, created_at DESC, chunk_index DESC)',

    // How many chunks an incident has of each kind, so that looking at it costs the same at any size.
    `CREATE TABLE incident_media (
      ${OF_INCIDENT},
      ${MEDIA_TYPE},
      chunk_count INTEGER NOT NULL CHECK (chunk_count >= 0),
      PRIMARY KEY (incident_id, media_type)
    ) STRICT, WITHOUT ROWID`,

    // What the incidents of an account hold: its quota.
    `CREATE TABLE account_usage (
      account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
      bytes INTEGER NOT NULL CHECK (bytes >= 0)
    ) STRICT, WITHOUT ROWID`,

    `CREATE TRIGGER chunks_counted AFTER INSERT ON chunks BEGIN
      UPDATE streams SET chunk_count = chunk_count + 1, total_bytes = total_bytes + NEW.byte_size
        WHERE id = NEW.stream_id;
      INSERT INTO incident_media (incident_id, media_type, chunk_count)
        VALUES (NEW.incident_id, NEW.media_type, 1)
        ON CONFLICT (incident_id, media_type) DO UPDATE SET chunk_count = chunk_count + 1;
      INSERT INTO account_usage (account_id, bytes)
        SELECT owner_account_id, NEW.byte_size FROM incidents
        WHERE id = NEW.incident_id AND owner_account_id IS NOT NULL
        ON CONFLICT (account_id) DO UPDATE SET bytes = bytes + excluded.bytes;
    END`,
    // A row that lets go of its bytes leaves them to be erased.
    `CREATE TRIGGER chunks_uncounted AFTER DELETE ON chunks BEGIN
      UPDATE streams SET chunk_count = chunk_count - 1, total_bytes = total_bytes - OLD.byte_size
        WHERE id = OLD.stream_id;
      UPDATE incident_media SET chunk_count = chunk_count - 1
        WHERE incident_id = OLD.incident_id AND media_type = OLD.media_type;
      UPDATE account_usage SET bytes = bytes - OLD.byte_size
        WHERE account_id = (SELECT owner_account_id FROM incidents WHERE id = OLD.incident_id);
      INSERT INTO loose_blobs (blob, state, bytes, erase_at) VALUES (OLD.blob, 'erasing', 0, 0)
        ON CONFLICT DO NOTHING;
    END`,
    // The quota moves with the owner.
    `CREATE TRIGGER incidents_change_hands AFTER UPDATE OF owner_account_id ON incidents
      WHEN OLD.owner_account_id IS NOT NEW.owner_account_id BEGIN
      UPDATE account_usage
        SET bytes = bytes - (SELECT coalesce(sum(byte_size), 0) FROM chunks WHERE incident_id = NEW.id)
        WHERE account_id = OLD.owner_account_id;
      INSERT INTO account_usage (account_id, bytes)
        SELECT NEW.owner_account_id, coalesce(sum(byte_size), 0) FROM chunks
        WHERE incident_id = NEW.id AND NEW.owner_account_id IS NOT NULL
        GROUP BY NEW.owner_account_id
        ON CONFLICT (account_id) DO UPDATE SET bytes = bytes + excluded.bytes;
    END`,

    // Uploads that can be repeated under a key of the client's, which is not stored.
    `CREATE TABLE upload_keys (
      account_id TEXT NOT NULL,
      ${HEX64('key_hash')},
      ${HEX64('fingerprint')},
      chunk_id TEXT NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (account_id, key_hash)
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX upload_keys_by_chunk ON upload_keys (chunk_id)',

    // Whose turn it is to add to a staged blob, where that changes hands, and on whose account it lies there.
    'ALTER TABLE loose_blobs ADD COLUMN writer TEXT',
    'ALTER TABLE loose_blobs ADD COLUMN holder TEXT',
    `CREATE INDEX loose_blobs_by_holder ON loose_blobs (holder) WHERE holder IS NOT NULL`,

    // Uploads in pieces. The bytes are a staged blob, whose length is the offset.
    `CREATE TABLE uploads (
      id TEXT NOT NULL PRIMARY KEY,
      account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
      ${OF_INCIDENT} ON DELETE CASCADE,
      stream_id TEXT NOT NULL,
      chunk_index INTEGER NOT NULL CHECK (chunk_index >= 1),
      ${MEDIA_TYPE},
      started_at TEXT NOT NULL,
      ended_at TEXT NOT NULL,
      original_filename TEXT,
      ${HEX64('sha256')},
      protocol TEXT NOT NULL CHECK (protocol IN ('draft', 'tus')),
      blob TEXT NOT NULL UNIQUE,
      length INTEGER CHECK (length >= 0),
      retry_key_hash TEXT CHECK (length(retry_key_hash) = 64),
      -- What a client said of it in its protocol's own words, and is told again.
      metadata TEXT CHECK (length(metadata) <= 4096),
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      -- What became of it: the chunk, or the fault of its commit.
      chunk_id TEXT,
      refusal TEXT ${WORD('refusal')},
      CHECK (chunk_id IS NULL OR refusal IS NULL)
    ) STRICT`,
    'CREATE INDEX uploads_by_expiry ON uploads (expires_at)',
    'CREATE INDEX uploads_by_incident ON uploads (incident_id)',
    'CREATE INDEX uploads_by_account ON uploads (account_id)',
    // No bytes outlive the upload that they arrived by; those that became a chunk are not loose any more.
    `CREATE TRIGGER uploads_let_go AFTER DELETE ON uploads BEGIN
      UPDATE loose_blobs SET state = 'erasing', erase_at = 0 WHERE blob = OLD.blob AND state = 'staged';
    END`,
    `CREATE TRIGGER incidents_take_no_more AFTER UPDATE OF deletion_state ON incidents
      WHEN OLD.deletion_state = 'active' AND NEW.deletion_state <> 'active' BEGIN
      DELETE FROM uploads WHERE incident_id = NEW.id;
    END`,

    `CREATE TABLE viewer_tokens (
      id TEXT NOT NULL PRIMARY KEY,
      ${OF_INCIDENT},
      ${HEX64('token_hash')} UNIQUE,
      label TEXT,
      created_at INTEGER NOT NULL,
      expires_at INTEGER,
      revoked_at INTEGER
    ) STRICT`,
    'CREATE INDEX viewer_tokens_by_incident ON viewer_tokens (incident_id, id)',
    'CREATE INDEX viewer_tokens_by_expiry ON viewer_tokens (expires_at) WHERE expires_at IS NOT NULL',
    'CREATE INDEX viewer_tokens_by_end ON viewer_tokens (revoked_at) WHERE revoked_at IS NOT NULL',

    // The decision to delete, and what becomes of the bytes. No foreign keys: it is kept when all else is gone.
    `CREATE TABLE deletions (
      id TEXT NOT NULL PRIMARY KEY,
      incident_id TEXT NOT NULL UNIQUE,
      source TEXT NOT NULL CHECK (source IN ('account_request', 'admin_request', 'retention_policy')),
      reason_code TEXT ${WORD('reason_code')},
      actor_account_id TEXT,
      allow_open INTEGER NOT NULL CHECK (allow_open IN (0, 1)),
      state TEXT NOT NULL CHECK (state IN ('deletion_pending', 'deleting', 'deletion_failed', 'deleted')),
      item_count INTEGER NOT NULL CHECK (item_count >= 0),
      error_code TEXT ${WORD('error_code')},
      requested_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      started_at INTEGER,
      completed_at INTEGER
    ) STRICT`,
    `CREATE INDEX deletions_to_do ON deletions (requested_at, id) WHERE state <> 'deleted'`,
    `CREATE TABLE deletion_items (
      id TEXT NOT NULL PRIMARY KEY,
      deletion_id TEXT NOT NULL REFERENCES deletions (id) ON DELETE CASCADE,
      blob TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('pending', 'deleted', 'failed')),
      attempts INTEGER NOT NULL DEFAULT 0,
      error_code TEXT ${WORD('error_code')},
      updated_at INTEGER NOT NULL,
      UNIQUE (deletion_id, blob)
    ) STRICT`,
  ],
};
