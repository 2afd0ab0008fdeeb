/**
 * Pastes, and the bytes that are too large for a row.
 *
 * Times are integers, milliseconds since the epoch. Text columns that hold hashes are lower-case hex.
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

const HEX64 = (column: string) => `${column} TEXT NOT NULL CHECK (length(${column}) = 64)`;

export const pastes: Migration = {
  id: '0001_pastes',
  statements: [
    `CREATE TABLE pastes (
      -- First 32 hex digits of SHA-256(id). The id is a capability: it is not stored.
      ref TEXT NOT NULL PRIMARY KEY CHECK (length(ref) = 32),
      size INTEGER NOT NULL CHECK (size > 0),
      mime_type TEXT NOT NULL,
      -- 1 when the bytes start with a valid sealed or age header.
      sealed INTEGER NOT NULL CHECK (sealed IN (0, 1)),
      -- 1 when the first reading of the bytes takes the row away.
      burn INTEGER NOT NULL CHECK (burn IN (0, 1)),
      -- What a reader must show: a password (value: PHC string) or a proof (value: SHA-256 of it). NULL: nothing.
      access_kind TEXT CHECK (access_kind IN ('password', 'proof')),
      access_value TEXT CHECK ((access_value IS NULL) = (access_kind IS NULL)),
      -- Fingerprint of the client certificate that created it.
      owner TEXT,
      ${HEX64('delete_token_hash')},
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      -- Rises with each replacement of the bytes.
      revision INTEGER NOT NULL,
      -- Where large bytes lie (segments.blob); NULL when they are in body.
      blob TEXT,
      -- Small bytes, last in the row so that reading the other columns does not touch their pages.
      body BLOB,
      CHECK ((blob IS NULL) <> (body IS NULL))
    ) STRICT`,
    'CREATE INDEX pastes_by_expiry ON pastes (expires_at, ref)',

    `CREATE TABLE segments (
      blob TEXT NOT NULL,
      idx INTEGER NOT NULL CHECK (idx >= 0),
      bytes BLOB NOT NULL CHECK (length(bytes) BETWEEN 1 AND 1048576),
      PRIMARY KEY (blob, idx)
    ) STRICT`,

    // A blob that no row owns: bytes still arriving (staged), being read once (claimed), or to be removed
    // (erasing). Nobody can see such bytes; when erase_at has passed, a sweep removes them.
    `CREATE TABLE loose_blobs (
      blob TEXT NOT NULL PRIMARY KEY,
      state TEXT NOT NULL CHECK (state IN ('staged', 'claimed', 'erasing')),
      -- Bytes staged so far: they count against the staging quota.
      bytes INTEGER NOT NULL,
      erase_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX loose_blobs_by_time ON loose_blobs (erase_at)',

    // Sums that every create needs, kept by triggers so that no verb can forget them.
    `CREATE TABLE totals (
      room TEXT NOT NULL PRIMARY KEY,
      count INTEGER NOT NULL CHECK (count >= 0),
      bytes INTEGER NOT NULL CHECK (bytes >= 0),
      -- All that were ever created.
      created INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `INSERT INTO totals (room, count, bytes, created) VALUES ('pastes', 0, 0, 0)`,
    `CREATE TRIGGER pastes_counted AFTER INSERT ON pastes BEGIN
      UPDATE totals SET count = count + 1, bytes = bytes + NEW.size, created = created + 1 WHERE room = 'pastes';
    END`,
    `CREATE TRIGGER pastes_resized AFTER UPDATE OF size ON pastes BEGIN
      UPDATE totals SET bytes = bytes - OLD.size + NEW.size WHERE room = 'pastes';
    END`,
    `CREATE TRIGGER pastes_uncounted AFTER DELETE ON pastes BEGIN
      UPDATE totals SET count = count - 1, bytes = bytes - OLD.size WHERE room = 'pastes';
      DELETE FROM paste_guesses WHERE ref = OLD.ref;
    END`,
    // A row that lets go of large bytes leaves them to be erased. A claim has named them before.
    `CREATE TRIGGER pastes_let_go AFTER DELETE ON pastes WHEN OLD.blob IS NOT NULL BEGIN
      INSERT INTO loose_blobs (blob, state, bytes, erase_at) VALUES (OLD.blob, 'erasing', 0, 0)
        ON CONFLICT DO NOTHING;
    END`,
    `CREATE TRIGGER pastes_exchanged AFTER UPDATE OF blob ON pastes
      WHEN OLD.blob IS NOT NULL AND OLD.blob IS NOT NEW.blob BEGIN
      INSERT INTO loose_blobs (blob, state, bytes, erase_at) VALUES (OLD.blob, 'erasing', 0, 0)
        ON CONFLICT DO NOTHING;
    END`,

    // Creates that can be repeated: the same key and the same create get the first answer again.
    `CREATE TABLE paste_replays (
      key_hash TEXT NOT NULL PRIMARY KEY CHECK (length(key_hash) = 64),
      ${HEX64('fingerprint')},
      -- Together with the key, which is not stored, it gives the paste's id.
      nonce TEXT NOT NULL CHECK (length(nonce) = 32),
      -- The first answer as JSON, without id and token.
      first TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX paste_replays_by_expiry ON paste_replays (expires_at)',

    `CREATE TABLE spent_work (
      token_hash TEXT NOT NULL PRIMARY KEY CHECK (length(token_hash) = 64),
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    'CREATE INDEX spent_work_by_expiry ON spent_work (expires_at)',

    // Creates of the same bytes, by a keyed hash of the content; no address is kept.
    `CREATE TABLE recent_contents (
      ${HEX64('content_hash')},
      created_at INTEGER NOT NULL
    ) STRICT`,
    'CREATE INDEX recent_contents_by_hash ON recent_contents (content_hash, created_at)',
    'CREATE INDEX recent_contents_by_time ON recent_contents (created_at)',

    // Wrong passwords of one paste: a row a peer (keyed hash), and one with an empty peer for all together.
    `CREATE TABLE paste_guesses (
      ref TEXT NOT NULL,
      peer TEXT NOT NULL,
      failures INTEGER NOT NULL,
      -- When the first of these failures was.
      since INTEGER NOT NULL,
      locked_until INTEGER NOT NULL,
      PRIMARY KEY (ref, peer)
    ) STRICT, WITHOUT ROWID`,
  ],
};
