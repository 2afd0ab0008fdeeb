/** Streams: opened, listed, and ended once, either way. */
import type { AuditEntry } from '../audit.ts';
import type { Db } from '../db.ts';
import type { Stream, StreamStore } from '../incidents.ts';
import type { Owned } from '../owned.ts';
import { decide, decided, refuse } from './audit.ts';
import { STREAM, streamOf } from './incident-rows.ts';
import { gone, inactive, lookAtStanding, notOpen, ownedActive, ownedIncident, ownedOpen } from './owned.ts';
import { allRows, firstRow } from './rows.ts';
import { type Answer, all, Script, type Sql, sql } from './script.ts';

/** A condition on a row of `streams`: it is this one, and of this incident. */
const isStream = (owned: Owned, streamId: string): Sql =>
  sql`id = ${streamId} AND incident_id = ${owned.incidentId}`;

function lookAtStream(script: Script, owned: Owned, streamId: string): void {
  script.step('stream', sql`SELECT ${STREAM} FROM streams WHERE ${isStream(owned, streamId)}`);
}

function streamIn(answer: Answer): Stream | undefined {
  const row = firstRow(answer('stream'));
  return row && streamOf(row);
}

interface Ending {
  readonly owned: Owned;
  readonly streamId: string;
  readonly now: number;
  readonly audit: AuditEntry;
  /** A condition on `streams`, beside that it is open. */
  readonly ready: Sql;
  /** What becomes of it: columns of an UPDATE. */
  readonly change: Sql;
}

/** Ends an open stream, which changes its incident too. */
async function end(db: Db, { owned, streamId, now, audit, ready, change }: Ending): Promise<Answer> {
  const which = isStream(owned, streamId);
  const script = new Script();
  const done = decide(
    script,
    audit,
    all(
      ownedActive(owned),
      sql`EXISTS (SELECT 1 FROM streams WHERE ${which} AND status = 'open' AND ${ready})`,
    ),
  );
  script.step('end', sql`UPDATE streams SET ${change}, updated_at = ${now} WHERE ${which} AND ${done}`);
  script.step(
    'touch',
    sql`UPDATE incidents SET updated_at = ${now} WHERE id = ${owned.incidentId} AND ${done}`,
  );
  lookAtStanding(script, owned);
  lookAtStream(script, owned, streamId);
  // A stream that is not there was refused to nobody, and its row would keep an id that the caller made up.
  const known = sql`EXISTS (SELECT 1 FROM streams WHERE ${which})`;
  refuse(script, audit, 'conflict', all(ownedIncident(owned), known));
  return script.run(db);
}

/** A condition on `streams`: it has the chunks 1 to `count` and no other. An index is unique within a stream. */
const hasExactly = (count: number): Sql => sql`chunk_count = ${count}
  AND (SELECT min(chunk_index) FROM chunks WHERE stream_id = streams.id) = 1
  AND (SELECT max(chunk_index) FROM chunks WHERE stream_id = streams.id) = ${count}`;

/** Streams on libSQL. */
export function streamStore(db: Db): StreamStore {
  return {
    async create(owned, stream, most, audit) {
      const script = new Script();
      const room = sql`(SELECT count(*) FROM streams WHERE incident_id = ${owned.incidentId}) < ${most}`;
      const done = decide(script, audit, all(ownedOpen(owned), room));
      script.step(
        'insert',
        sql`INSERT INTO streams (id, incident_id, media_type, label, status, created_at, updated_at)
          SELECT ${stream.id}, ${owned.incidentId}, ${stream.mediaType}, ${stream.label ?? null}, 'open',
            ${stream.createdAt}, ${stream.createdAt}
          WHERE ${done}`,
      );
      lookAtStanding(script, owned);
      refuse(script, audit, 'conflict', ownedIncident(owned));
      const answer = await script.run(db);
      return decided(answer) ? 'created' : (notOpen(answer) ?? 'stream_limit_reached');
    },

    async list(owned, after, limit) {
      const script = new Script();
      lookAtStanding(script, owned);
      script.step(
        'streams',
        sql`SELECT ${STREAM} FROM streams
          WHERE incident_id = ${owned.incidentId} AND id > ${after ?? ''} ORDER BY id LIMIT ${limit}`,
      );
      const answer = await script.run(db, 'read');
      return gone(answer) ?? allRows(answer('streams')).map(streamOf);
    },

    async find(owned, streamId) {
      const script = new Script();
      lookAtStanding(script, owned);
      lookAtStream(script, owned, streamId);
      const answer = await script.run(db, 'read');
      return gone(answer) ?? streamIn(answer) ?? 'stream_not_found';
    },

    async complete(owned, streamId, expectedChunkCount, now, audit) {
      const answer = await end(db, {
        ...{ owned, streamId, now, audit },
        ready: hasExactly(expectedChunkCount),
        change: sql`status = 'complete', expected_chunk_count = ${expectedChunkCount}, completed_at = ${now}`,
      });
      const stream = streamIn(answer);
      if (decided(answer) && stream !== undefined) return stream;
      const why = inactive(answer);
      if (why !== undefined) return why;
      if (stream === undefined) return 'stream_not_found';
      if (stream.status === 'complete') return 'stream_already_complete';
      if (stream.status === 'failed') return 'stream_failed';
      return stream.chunkCount === expectedChunkCount
        ? 'stream_chunks_not_contiguous'
        : 'stream_chunks_incomplete';
    },

    async fail(owned, streamId, reason, now, audit) {
      const answer = await end(db, {
        ...{ owned, streamId, now, audit },
        ready: sql`true`,
        change: sql`status = 'failed', failure_reason = ${reason ?? null}, failed_at = ${now}`,
      });
      const stream = streamIn(answer);
      if (decided(answer) && stream !== undefined) return stream;
      return inactive(answer) ?? (stream === undefined ? 'stream_not_found' : 'stream_not_open');
    },
  };
}
