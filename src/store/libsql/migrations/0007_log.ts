/**
 * The log: each audit entry and each committed chunk is a leaf of one Merkle tree (RFC 6962), written by the database
 * itself in the transaction of the row that it records. Leaves outlive what they speak of, so that the tree can be
 * computed again from them at any time; hashes and checkpoints are kept beside them.
 *
 * A leaf is text: `sallyport-leaf/1`, then a line `name=<length>:<value>` for each field, all fields always and in
 * this order. Every value is ASCII, so that characters are bytes.
 *
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

/** One line: name, length and value of a column that may be NULL. */
const line = (name: string, value: string) =>
  `'${name}=' || length(coalesce(${value}, '')) || ':' || coalesce(${value}, '') || char(10)`;

const leaf = (kind: string, fields: Readonly<Record<string, string>>) =>
  [
    `'sallyport-leaf/1' || char(10)`,
    line('kind', `'${kind}'`),
    ...Object.entries(fields).map(([name, value]) => line(name, value)),
  ].join(' || ');

const auditLeaf = (row: string) =>
  leaf('audit', {
    id: `${row}.id`,
    at: `${row}.at`,
    listener: `${row}.listener`,
    actor_kind: `${row}.actor_kind`,
    actor_account_id: `${row}.actor_account_id`,
    action: `${row}.action`,
    route_class: `${row}.route_class`,
    subject_account_id: `${row}.subject_account_id`,
    subject_id: `${row}.subject_id`,
    incident_id: `${row}.incident_id`,
    outcome: `${row}.outcome`,
  });

const chunkLeaf = (row: string) =>
  leaf('chunk', {
    id: `${row}.id`,
    at: `${row}.created_at`,
    incident_id: `${row}.incident_id`,
    stream_id: `${row}.stream_id`,
    chunk_index: `${row}.chunk_index`,
    media_type: `${row}.media_type`,
    started_at: `${row}.started_at`,
    ended_at: `${row}.ended_at`,
    byte_size: `${row}.byte_size`,
    sha256: `${row}.sha256`,
  });

const NEXT = '(SELECT coalesce(max(idx) + 1, 0) FROM log_leaves)';

export const log: Migration = {
  id: '0007_log',
  statements: [
    `CREATE TABLE log_leaves (
      -- The place in the tree: from 0, without a gap.
      idx INTEGER NOT NULL PRIMARY KEY,
      -- Of a chunk's leaf, where the chunk has one.
      stream_id TEXT,
      text TEXT NOT NULL CHECK (text GLOB 'sallyport-leaf/1*')
    ) STRICT`,
    'CREATE INDEX log_leaves_of_stream ON log_leaves (stream_id, idx) WHERE stream_id IS NOT NULL',
    // What was recorded before there was a log comes first.
    `INSERT INTO log_leaves (idx, text)
      SELECT row_number() OVER (ORDER BY a.id) - 1, ${auditLeaf('a')} FROM audit AS a`,
    `INSERT INTO log_leaves (idx, stream_id, text)
      SELECT ${NEXT} + row_number() OVER (ORDER BY c.id) - 1, c.stream_id, ${chunkLeaf('c')} FROM chunks AS c`,
    `CREATE TRIGGER audit_is_logged AFTER INSERT ON audit BEGIN
      INSERT INTO log_leaves (idx, text) VALUES (${NEXT}, ${auditLeaf('NEW')});
    END`,
    `CREATE TRIGGER chunks_are_logged AFTER INSERT ON chunks BEGIN
      INSERT INTO log_leaves (idx, stream_id, text) VALUES (${NEXT}, NEW.stream_id, ${chunkLeaf('NEW')});
    END`,
    `CREATE TRIGGER log_leaves_are_not_changed BEFORE UPDATE ON log_leaves BEGIN
      SELECT RAISE(ABORT, 'the log is append-only');
    END`,
    `CREATE TRIGGER log_leaves_are_not_removed BEFORE DELETE ON log_leaves BEGIN
      SELECT RAISE(ABORT, 'the log is append-only');
    END`,
    // A chunk's row is what its leaf says, for as long as it is there.
    `CREATE TRIGGER chunks_are_not_changed BEFORE UPDATE ON chunks BEGIN
      SELECT RAISE(ABORT, 'chunks are not changed');
    END`,

    // Hashes of complete subtrees: level 0 are leaves, a node of level n covers 2^n of them.
    `CREATE TABLE log_nodes (
      level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 62),
      idx INTEGER NOT NULL CHECK (idx >= 0),
      hash BLOB NOT NULL CHECK (length(hash) = 32),
      PRIMARY KEY (level, idx)
    ) STRICT, WITHOUT ROWID`,
    // How many leaves have been hashed.
    `CREATE TABLE log_progress (
      one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
      hashed INTEGER NOT NULL CHECK (hashed >= 0)
    ) STRICT`,
    'INSERT INTO log_progress (one, hashed) VALUES (1, 0)',

    `CREATE TABLE log_checkpoints (
      -- How many leaves it covers.
      size INTEGER NOT NULL PRIMARY KEY,
      root_hash BLOB NOT NULL CHECK (length(root_hash) = 32),
      -- The signed note as it is published.
      note TEXT NOT NULL,
      -- The verifier key of its signature.
      verifier TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      -- RFC 3161 TimeStampResp, DER.
      timestamp BLOB
    ) STRICT`,
    'CREATE INDEX log_checkpoints_unstamped ON log_checkpoints (size) WHERE timestamp IS NULL',
  ],
};
