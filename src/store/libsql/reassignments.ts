/** Decisions about incidents that nobody owns: one event each, and the owner where there shall be one. */
import type { Db } from '../db.ts';
import type { Reassignment, ReassignmentStore } from '../operator-incidents.ts';
import { decide, decided, refuse } from './audit.ts';
import { isActive } from './owned.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { all, read, Script, Sql, sql } from './script.ts';

const EVENT = new Sql(
  'id, incident_id, action, new_owner_account_id, actor_account_id, reason_code, source, created_at, completed_at',
  [],
);

function eventOf(row: Row): Reassignment {
  const newOwnerAccountId = row.optionalText('new_owner_account_id');
  return {
    id: row.text('id'),
    incidentId: row.text('incident_id'),
    action: row.text('action') as Reassignment['action'],
    ...(newOwnerAccountId !== undefined && { newOwnerAccountId }),
    actorAccountId: row.text('actor_account_id'),
    reasonCode: row.text('reason_code') as Reassignment['reasonCode'],
    source: row.text('source') as Reassignment['source'],
    createdAt: row.number('created_at'),
    completedAt: row.number('completed_at'),
  };
}

/** Decisions about unowned incidents, on libSQL. */
export function reassignmentStore(db: Db): ReassignmentStore {
  return {
    async decide(event, audit) {
      const { incidentId, newOwnerAccountId } = event;
      const eligible = sql`id = ${incidentId} AND owner_account_id IS NULL AND ${isActive}`;
      const account = sql`SELECT 1 FROM accounts WHERE id = ${newOwnerAccountId ?? null}`;
      const known = newOwnerAccountId === undefined ? sql`true` : sql`EXISTS (${account})`;
      const incident = sql`SELECT 1 FROM incidents WHERE id = ${incidentId}`;

      const script = new Script();
      const done = decide(script, audit, all(sql`EXISTS (SELECT 1 FROM incidents WHERE ${eligible})`, known));
      script.step(
        'event',
        sql`INSERT INTO reassignments (${EVENT})
          SELECT ${event.id}, ${incidentId}, ${event.action}, ${newOwnerAccountId ?? null},
            ${event.actorAccountId}, ${event.reasonCode}, ${event.source}, ${event.createdAt}, ${event.completedAt}
          WHERE ${done}`,
      );
      // A change of the incident itself: retention counts from here, so that a new owner has time to look.
      if (newOwnerAccountId !== undefined)
        script.step(
          'owner',
          sql`UPDATE incidents SET owner_account_id = ${newOwnerAccountId}, updated_at = ${event.completedAt}
            WHERE ${eligible} AND ${done}`,
        );
      script.step('account', sql`SELECT 1 WHERE ${known}`);
      script.step('incident', incident);
      refuse(script, audit, 'conflict', sql`EXISTS (${incident}) AND ${known}`);
      const answer = await script.run(db);
      if (decided(answer)) return 'decided';
      if (firstRow(answer('account')) === undefined) return 'account_not_found';
      return firstRow(answer('incident')) === undefined ? 'incident_not_found' : 'incident_not_eligible';
    },

    async list(incidentId, limit) {
      const found = await read(
        db,
        sql`SELECT ${EVENT} FROM reassignments WHERE incident_id = ${incidentId} ORDER BY id DESC LIMIT ${limit}`,
      );
      return allRows(found).map(eventOf);
    },
  };
}
