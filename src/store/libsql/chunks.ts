/** Committed chunks: found, listed, and paged for bundles. */
import type { ChunkStore, KeptChunk } from '../chunks.ts';
import type { Db } from '../db.ts';
import type { Owned } from '../owned.ts';
import { commitChunk, wouldCommit } from './chunk-commit.ts';
import { CHUNK, chunkOf, KEPT_CHUNK, keptChunkOf } from './chunk-rows.ts';
import { gone, inactive, lookAtStanding, ownedActive, ownedIncident } from './owned.ts';
import { allRows, firstRow } from './rows.ts';
import { read, Script, type Sql, sql } from './script.ts';
import { OBJECTS, SEGMENT_BYTES } from './segments.ts';

/** A script that looks at the incident and then for the chunk that `which` (a condition on `chunks`) names. */
function lookForChunk(owned: Owned, which: Sql): Script {
  const script = new Script();
  lookAtStanding(script, owned);
  script.step(
    'chunk',
    sql`SELECT ${KEPT_CHUNK} FROM chunks
      WHERE ${which} AND incident_id = ${owned.incidentId} AND ${ownedActive(owned)}`,
  );
  return script;
}

/** @see ChunkStore */
export function chunkStore(db: Db): ChunkStore {
  return {
    commit: (input, audit) => commitChunk(db, input, audit),

    wouldCommit: (input) => wouldCommit(db, input),

    async blobOf(id) {
      const found = await read(db, sql`SELECT blob FROM chunks WHERE id = ${id}`);
      return firstRow(found)?.text('blob');
    },

    async list(owned, after, limit) {
      const script = new Script();
      lookAtStanding(script, owned);
      script.step(
        'chunks',
        sql`SELECT ${CHUNK} FROM chunks
          WHERE incident_id = ${owned.incidentId} AND id > ${after ?? ''} AND ${ownedIncident(owned)}
          ORDER BY id LIMIT ${limit}`,
      );
      const answer = await script.run(db, 'read');
      return gone(answer) ?? allRows(answer('chunks')).map(chunkOf);
    },

    async find(owned, streamId, chunkIndex) {
      const script = lookForChunk(owned, sql`stream_id = ${streamId} AND chunk_index = ${chunkIndex}`);
      script.step(
        'stream',
        sql`SELECT 1 FROM streams WHERE id = ${streamId} AND incident_id = ${owned.incidentId}`,
      );
      const answer = await script.run(db, 'read');
      const why = inactive(answer);
      if (why !== undefined) return why;
      if (firstRow(answer('stream')) === undefined) return 'stream_not_found';
      const row = firstRow(answer('chunk'));
      return row ? keptChunkOf(row) : 'chunk_not_found';
    },

    async findLegacy(owned, mediaType, chunkIndex) {
      const which = sql`stream_id IS NULL AND media_type = ${mediaType} AND chunk_index = ${chunkIndex}`;
      const answer = await lookForChunk(owned, which).run(db, 'read');
      const why = inactive(answer);
      if (why !== undefined) return why;
      const row = firstRow(answer('chunk'));
      return row ? keptChunkOf(row) : 'chunk_not_found';
    },

    async page(streamId, afterIndex, limit): Promise<KeptChunk[]> {
      const found = await read(
        db,
        sql`SELECT ${KEPT_CHUNK} FROM chunks
          WHERE stream_id = ${streamId} AND chunk_index > ${afterIndex} ORDER BY chunk_index LIMIT ${limit}`,
      );
      return allRows(found).map(keptChunkOf);
    },

    async bytesPresent(streamId) {
      // Both probes end in the index of the key: no bytes are read.
      const found = await read(
        db,
        sql`SELECT 1 FROM chunks AS c WHERE stream_id = ${streamId} AND blob NOT GLOB ${OBJECTS} AND (
          NOT EXISTS (SELECT 1 FROM segments WHERE blob = c.blob AND idx = 0) OR
          NOT EXISTS (SELECT 1 FROM segments
            WHERE blob = c.blob AND idx = (c.byte_size - 1) / ${SEGMENT_BYTES})
        ) LIMIT 1`,
      );
      return firstRow(found) === undefined;
    },

    async usage(accountId) {
      const found = await read(db, sql`SELECT bytes FROM account_usage WHERE account_id = ${accountId}`);
      return firstRow(found)?.number('bytes') ?? 0;
    },
  };
}
