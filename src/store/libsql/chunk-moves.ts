/** Chunks on their way from one place to another: listed, and switched over in one batch. */
import type { ChunkMoveStore } from '../chunk-moves.ts';
import type { Db } from '../db.ts';
import { allRows, firstRow } from './rows.ts';
import { read, Script, Sql, sql } from './script.ts';
import { OBJECTS } from './segments.ts';

// Written out rather than bound: a partial index serves what is known when a statement is prepared.
const IN_OBJECTS = new Sql(`blob GLOB '${OBJECTS}'`, []);
const IN_DATABASE = new Sql(`blob NOT GLOB '${OBJECTS}'`, []);

/** @see ChunkMoveStore */
export function chunkMoveStore(db: Db): ChunkMoveStore {
  return {
    async toMove(to, after, limit) {
      const elsewhere = to === 'objects' ? IN_DATABASE : IN_OBJECTS;
      const found = await read(
        db,
        sql`SELECT id, incident_id, stream_id, chunk_index, byte_size, sha256, blob FROM chunks AS c
          WHERE ${elsewhere} AND id > ${after ?? ''} AND EXISTS
            (SELECT 1 FROM incidents AS i WHERE i.id = c.incident_id AND i.deletion_state = 'active')
          ORDER BY id LIMIT ${limit}`,
      );
      return allRows(found).map((row) => {
        const streamId = row.optionalText('stream_id');
        return {
          id: row.text('id'),
          incidentId: row.text('incident_id'),
          ...(streamId !== undefined && { streamId }),
          chunkIndex: row.number('chunk_index'),
          byteSize: row.number('byte_size'),
          sha256: row.text('sha256'),
          blob: row.text('blob'),
        };
      });
    },

    async move({ id, blob }, to) {
      const owned =
        to.kind === 'placed'
          ? sql`size = ${to.size} AND writer = ${to.writer}`
          : sql`bytes = ${to.size} AND writer IS NULL`;
      const script = new Script();
      script.step(
        'move',
        sql`UPDATE chunks SET blob = ${to.blob}
          WHERE id = ${id} AND blob = ${blob} AND byte_size = ${to.size}
            AND EXISTS (SELECT 1 FROM loose_blobs WHERE blob = ${to.blob} AND state = 'staged' AND ${owned})
            AND EXISTS (SELECT 1 FROM incidents
              WHERE id = chunks.incident_id AND deletion_state = 'active')`,
      );
      const moved = sql`EXISTS (SELECT 1 FROM chunks WHERE id = ${id} AND blob = ${to.blob})`;
      script.step('adopt', sql`DELETE FROM loose_blobs WHERE blob = ${to.blob} AND ${moved}`);
      script.step(
        'let go',
        sql`INSERT INTO loose_blobs (blob, state, bytes, erase_at) SELECT ${blob}, 'erasing', 0, 0 WHERE ${moved}
          ON CONFLICT DO NOTHING`,
      );
      return (await script.run(db))('move')?.changes === 1;
    },

    async census() {
      const script = new Script();
      const sum = sql`SELECT count(*) AS chunks, coalesce(sum(byte_size), 0) AS bytes FROM chunks`;
      script.step('all', sum);
      script.step('objects', sql`${sum} WHERE ${IN_OBJECTS}`);
      script.step('loose', sql`SELECT count(*) AS objects FROM loose_blobs WHERE ${IN_OBJECTS}`);
      const answer = await script.run(db, 'read');
      const of = (step: string) => {
        const row = firstRow(answer(step));
        return { chunks: row?.number('chunks') ?? 0, bytes: row?.number('bytes') ?? 0 };
      };
      const [all, objects] = [of('all'), of('objects')];
      return {
        objects,
        database: { chunks: all.chunks - objects.chunks, bytes: all.bytes - objects.bytes },
        looseObjects: firstRow(answer('loose'))?.number('objects') ?? 0,
      };
    },
  };
}
