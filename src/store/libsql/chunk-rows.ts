/** Chunks as rows. */
import type { Chunk, CommitChunk, KeptChunk } from '../chunks.ts';
import type { MediaType } from '../incidents.ts';
import type { Row } from './rows.ts';
import { Sql, sql } from './script.ts';

const SHOWN =
  'id, incident_id, stream_id, chunk_index, media_type, started_at, ended_at, original_filename, byte_size, ' +
  'sha256, created_at';

/** What is shown of a chunk. */
export const CHUNK = new Sql(SHOWN, []);
/** The same, and where its bytes lie. */
export const KEPT_CHUNK = new Sql(`${SHOWN}, blob, crc32`, []);

/** Reads what {@link CHUNK} selects. */
export function chunkOf(row: Row): Chunk {
  const streamId = row.optionalText('stream_id');
  const originalFilename = row.optionalText('original_filename');
  return {
    id: row.text('id'),
    incidentId: row.text('incident_id'),
    ...(streamId !== undefined && { streamId }),
    chunkIndex: row.number('chunk_index'),
    mediaType: row.text('media_type') as MediaType,
    startedAt: row.text('started_at'),
    endedAt: row.text('ended_at'),
    ...(originalFilename !== undefined && { originalFilename }),
    byteSize: row.number('byte_size'),
    sha256: row.text('sha256'),
    createdAt: row.number('created_at'),
  };
}

/** Reads what {@link KEPT_CHUNK} selects. */
export function keptChunkOf(row: Row): KeptChunk {
  return { ...chunkOf(row), blob: row.text('blob'), crc32: row.number('crc32') };
}

/** Inserts the chunk of a commit, whose bytes lie under `blob`, if `condition` holds. */
export function insertChunk(input: CommitChunk, blob: string, condition: Sql): Sql {
  const { owned, streamId, chunk, fingerprint } = input;
  return sql`INSERT INTO chunks (${KEPT_CHUNK}, fingerprint)
    SELECT ${chunk.id}, ${owned.incidentId}, ${streamId}, ${chunk.chunkIndex}, ${chunk.mediaType},
      ${chunk.startedAt}, ${chunk.endedAt}, ${chunk.originalFilename ?? null}, ${chunk.byteSize},
      ${chunk.sha256}, ${chunk.createdAt}, ${blob}, ${chunk.crc32}, ${fingerprint}
    WHERE ${condition}`;
}
