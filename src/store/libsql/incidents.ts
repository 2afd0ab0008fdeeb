/** Incidents: begun, found, listed, closed. */
import type { Db } from '../db.ts';
import type { IncidentStore } from '../incidents.ts';
import { decide, refuse } from './audit.ts';
import { INCIDENT, incidentOf } from './incident-rows.ts';
import { isOwned, ownedDeleting, ownedOpen } from './owned.ts';
import { allRows, firstRow } from './rows.ts';
import { read, Script, sql } from './script.ts';

/** Incidents on libSQL. */
export function incidentStore(db: Db): IncidentStore {
  return {
    async create(incident, audit) {
      const script = new Script();
      const done = decide(script, audit, sql`true`);
      script.step(
        'insert',
        sql`INSERT INTO incidents (${INCIDENT})
          SELECT ${incident.id}, ${incident.ownerAccountId}, 'open', 'active', ${incident.clientLabel ?? null},
            ${incident.notes ?? null}, ${incident.incidentMode ?? null}, ${incident.captureProfile ?? null},
            ${incident.escalationPolicy ?? null}, ${incident.sharingState ?? null},
            ${incident.createdAt}, ${incident.createdAt}
          WHERE ${done}`,
      );
      await script.run(db);
    },

    async find(owned) {
      const row = firstRow(await read(db, sql`SELECT ${INCIDENT} FROM incidents WHERE ${isOwned(owned)}`));
      return row && incidentOf(row);
    },

    async list(accountId, after, limit) {
      // Where `after` stands now: one that has changed since it was shown lets the reader begin anew from there.
      const place = sql`SELECT updated_at, id FROM incidents
        WHERE id = ${after ?? null} AND owner_account_id = ${accountId}`;
      const found = await read(
        db,
        sql`SELECT ${INCIDENT} FROM incidents
          WHERE owner_account_id = ${accountId} AND deletion_state <> 'deleted'
            AND ${after === undefined ? sql`true` : sql`(updated_at, id) < (${place})`}
          ORDER BY updated_at DESC, id DESC LIMIT ${limit}`,
      );
      return allRows(found).map(incidentOf);
    },

    async close(owned, now, audit) {
      const script = new Script();
      const done = decide(script, audit, ownedOpen(owned));
      script.step(
        'close',
        sql`UPDATE incidents SET status = 'closed', updated_at = ${now}
          WHERE ${isOwned(owned)} AND ${done}`,
      );
      script.step('incident', sql`SELECT ${INCIDENT} FROM incidents WHERE ${isOwned(owned)}`);
      refuse(script, audit, 'conflict', ownedDeleting(owned));
      const row = firstRow((await script.run(db))('incident'));
      if (row === undefined) return 'incident_not_found';
      const incident = incidentOf(row);
      return incident.deletionState === 'active' ? incident : 'incident_deleting';
    },
  };
}
