/**
 * Bytes of chunks in an object store: names that begin with `obj:` name objects. An object is on the list of loose
 * blobs from before its first byte is sent until a chunk owns it, so that none is ever forgotten there.
 *
 * Append-only: an applied migration is never edited, a new one is added.
 */
import type { Migration } from '../migrate.ts';

/** What the log's leaf of a chunk speaks of, and what else is said once and for all. */
const FIXED =
  'id, incident_id, stream_id, chunk_index, media_type, started_at, ended_at, original_filename, byte_size, ' +
  'sha256, crc32, fingerprint, created_at';

export const objects: Migration = {
  id: '0010_objects',
  statements: [
    // Of an object that is being put (state staged), or whose putting may not have ended (state erasing): its bytes
    // and their SHA-256, which chunk it is for, and when whoever puts it last gave a sign of life. Else NULL.
    'ALTER TABLE loose_blobs ADD COLUMN size INTEGER',
    'ALTER TABLE loose_blobs ADD COLUMN sha256 TEXT',
    'ALTER TABLE loose_blobs ADD COLUMN chunk TEXT',
    'ALTER TABLE loose_blobs ADD COLUMN incident_id TEXT',
    'ALTER TABLE loose_blobs ADD COLUMN touched_at INTEGER',
    'CREATE INDEX loose_blobs_by_chunk ON loose_blobs (chunk) WHERE chunk IS NOT NULL',
    'CREATE INDEX loose_blobs_by_incident ON loose_blobs (incident_id) WHERE incident_id IS NOT NULL',
    `CREATE INDEX chunks_in_objects ON chunks (id) WHERE blob GLOB 'obj:*'`,

    // What is on its way to an incident that goes is called off, and erased by the sweep that the deletion ends with.
    `CREATE TRIGGER incidents_call_objects_off AFTER UPDATE OF deletion_state ON incidents
      WHEN OLD.deletion_state = 'active' AND NEW.deletion_state <> 'active' BEGIN
      UPDATE loose_blobs SET state = 'erasing', erase_at = 0 WHERE incident_id = NEW.id AND state = 'staged';
    END`,

    // Where its bytes lie is no part of what a chunk is: they may be moved. Everything else stays as it was written.
    'DROP TRIGGER chunks_are_not_changed',
    `CREATE TRIGGER chunks_are_not_changed BEFORE UPDATE OF ${FIXED} ON chunks BEGIN
      SELECT RAISE(ABORT, 'chunks are not changed');
    END`,
  ],
};
