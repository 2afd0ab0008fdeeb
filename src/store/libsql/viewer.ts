/**
 * What a viewer link shows. The link is looked up in every statement by itself, so that one batch at one snapshot
 * answers all and is the same whatever becomes of the link; what it reads does not grow with chunks or check-ins.
 */
import type { Db } from '../db.ts';
import type { Seen, ViewerStore } from '../viewing.ts';
import { CHUNK, chunkOf } from './chunk-rows.ts';
import { ofThisClock } from './clock.ts';
import { CHECKIN, checkinOf, INCIDENT, incidentOf, STREAM, streamOf } from './incident-rows.ts';
import { isActive } from './owned.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { type Answer, Script, Sql, sql } from './script.ts';

/** The link that shows something now, as columns of `viewer_tokens`. */
const linkOf = (column: Sql, tokenHash: string, now: number): Sql => sql`SELECT ${column} FROM viewer_tokens
  WHERE token_hash = ${tokenHash} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})
  AND ${ofThisClock('created_at', now)}`;

const TOKEN_ID = new Sql('id', []);
const INCIDENT_ID = new Sql('incident_id', []);

/** The incident that a link shows, as an expression; NULL for a link that shows nothing. */
function shown(tokenHash: string, now: number): Sql {
  return sql`(SELECT id FROM incidents WHERE id = (${linkOf(INCIDENT_ID, tokenHash, now)}) AND ${isActive})`;
}

/** A script that asks for what every answer is about, and the expression for the incident. */
function look(tokenHash: string, now: number): { readonly script: Script; readonly incident: Sql } {
  const script = new Script();
  const incident = shown(tokenHash, now);
  script.step('token', linkOf(TOKEN_ID, tokenHash, now));
  script.step('incident', sql`SELECT ${INCIDENT} FROM incidents WHERE id = ${incident}`);
  script.step(
    'checkin',
    sql`SELECT ${CHECKIN} FROM checkins WHERE incident_id = ${incident}
      ORDER BY created_at DESC, id DESC LIMIT 1`,
  );
  return { script, incident };
}

function seenOf(answer: Answer): Seen | undefined {
  const token = firstRow(answer('token'));
  const incident = firstRow(answer('incident'));
  if (token === undefined || incident === undefined) return undefined;
  const checkin = firstRow(answer('checkin'));
  return {
    tokenId: token.text('id'),
    incident: incidentOf(incident),
    ...(checkin && { latestCheckin: checkinOf(checkin) }),
  };
}

/** The newest chunk of each kind: the last entry of its index, and how many there are. */
const NEWEST = new Sql(
  `(SELECT id FROM chunks WHERE incident_id = m.incident_id AND media_type = m.media_type
    ORDER BY created_at DESC, chunk_index DESC LIMIT 1)`,
  [],
);

/** @see ViewerStore */
export function viewerStore(db: Db): ViewerStore {
  return {
    async seen(tokenHash, now) {
      return seenOf(await look(tokenHash, now).script.run(db, 'read'));
    },

    async data(tokenHash, now) {
      const { script, incident } = look(tokenHash, now);
      script.step(
        'counts',
        sql`SELECT media_type, chunk_count FROM incident_media WHERE incident_id = ${incident}`,
      );
      script.step(
        'newest',
        sql`SELECT ${CHUNK} FROM chunks WHERE id IN
          (SELECT ${NEWEST} FROM incident_media AS m WHERE incident_id = ${incident})`,
      );
      script.step('streams', sql`SELECT ${STREAM} FROM streams WHERE incident_id = ${incident} ORDER BY id`);
      const answer = await script.run(db, 'read');
      const seen = seenOf(answer);
      if (seen === undefined) return undefined;
      const newest = allRows(answer('newest')).map(chunkOf);
      const mediaOf = (row: Row) => {
        const latestChunk = newest.find(({ mediaType }) => mediaType === row.text('media_type'));
        // A kind whose chunks were all deleted keeps its row with the count 0.
        if (latestChunk === undefined) return [];
        const { mediaType } = latestChunk;
        return [{ mediaType, chunkCount: row.number('chunk_count'), latestChunk }];
      };
      return {
        ...seen,
        media: allRows(answer('counts')).flatMap(mediaOf),
        streams: allRows(answer('streams')).map(streamOf),
      };
    },

    async payload(tokenHash, now) {
      const { script, incident } = look(tokenHash, now);
      script.step(
        'place',
        sql`SELECT ${CHECKIN} FROM checkins WHERE incident_id = ${incident} AND latitude IS NOT NULL
          ORDER BY created_at DESC, id DESC LIMIT 1`,
      );
      const answer = await script.run(db, 'read');
      const seen = seenOf(answer);
      const place = firstRow(answer('place'));
      return seen && { ...seen, ...(place && { latestLocation: checkinOf(place) }) };
    },
  };
}
