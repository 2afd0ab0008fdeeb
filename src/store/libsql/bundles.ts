/** What a bundle is made of, at one moment. */
import type { BundleStore } from '../chunks.ts';
import type { Db } from '../db.ts';
import { CHECKIN, checkinOf, INCIDENT, incidentOf, STREAM, streamOf } from './incident-rows.ts';
import { isActive } from './owned.ts';
import { allRows, firstRow } from './rows.ts';
import { Script, sql } from './script.ts';

/** @see BundleStore */
export function bundleStore(db: Db): BundleStore {
  return {
    async stream(incidentId, streamId) {
      const script = new Script();
      script.step('incident', sql`SELECT 1 FROM incidents WHERE id = ${incidentId} AND NOT (${isActive})`);
      script.step(
        'stream',
        sql`SELECT ${STREAM} FROM streams WHERE id = ${streamId} AND incident_id = ${incidentId}`,
      );
      const answer = await script.run(db, 'read');
      if (firstRow(answer('incident')) !== undefined) return 'incident_deleting';
      const row = firstRow(answer('stream'));
      return row ? streamOf(row) : 'stream_not_found';
    },

    async contents(incidentId) {
      const script = new Script();
      script.step(
        'incident',
        sql`SELECT ${INCIDENT} FROM incidents WHERE id = ${incidentId} AND ${isActive}`,
      );
      script.step(
        'checkin',
        sql`SELECT ${CHECKIN} FROM checkins WHERE incident_id = ${incidentId}
          ORDER BY created_at DESC, id DESC LIMIT 1`,
      );
      script.step(
        'streams',
        sql`SELECT ${STREAM} FROM streams WHERE incident_id = ${incidentId} AND status = 'complete' ORDER BY id`,
      );
      const answer = await script.run(db, 'read');
      const incident = firstRow(answer('incident'));
      if (incident === undefined) return undefined;
      const checkin = firstRow(answer('checkin'));
      return {
        incident: incidentOf(incident),
        ...(checkin && { latestCheckin: checkinOf(checkin) }),
        streams: allRows(answer('streams')).map(streamOf),
      };
    },
  };
}
