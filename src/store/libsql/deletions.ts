/** The decision to delete an incident: made once. `deletion-work.ts` carries it out. */
import type { Db } from '../db.ts';
import type { Deletion, DeletionSource, DeletionStore } from '../incidents.ts';
import { decide, refuse } from './audit.ts';
import { isActive } from './owned.ts';
import { firstRow, type Row } from './rows.ts';
import { type Answer, all, Script, Sql, sql } from './script.ts';

/** Every column of a deletion. */
export const DELETION = new Sql(
  'id, incident_id, source, reason_code, actor_account_id, allow_open, state, item_count, error_code, ' +
    'requested_at, updated_at, started_at, completed_at',
  [],
);

/** Reads what {@link DELETION} selects. */
export function deletionOf(row: Row): Deletion {
  const reasonCode = row.optionalText('reason_code');
  const actorAccountId = row.optionalText('actor_account_id');
  const errorCode = row.optionalText('error_code');
  const startedAt = row.optionalNumber('started_at');
  const completedAt = row.optionalNumber('completed_at');
  return {
    id: row.text('id'),
    incidentId: row.text('incident_id'),
    source: row.text('source') as DeletionSource,
    ...(reasonCode !== undefined && { reasonCode }),
    ...(actorAccountId !== undefined && { actorAccountId }),
    allowOpen: row.flag('allow_open'),
    state: row.text('state') as Deletion['state'],
    itemCount: row.number('item_count'),
    ...(errorCode !== undefined && { errorCode }),
    requestedAt: row.number('requested_at'),
    updatedAt: row.number('updated_at'),
    ...(startedAt !== undefined && { startedAt }),
    ...(completedAt !== undefined && { completedAt }),
  };
}

/** A condition on `incidents`. Deleted ones too: their decision can be read for as long as it is kept. */
const isTheirs = (incidentId: string, ownerAccountId: string | undefined): Sql =>
  sql`id = ${incidentId} AND ${ownerAccountId === undefined ? sql`true` : sql`owner_account_id = ${ownerAccountId}`}`;

/** Adds a look at the incident and its decision, for {@link found}. */
function look(script: Script, incidentId: string, theirs: Sql): void {
  script.step('incident', sql`SELECT deletion_state FROM incidents WHERE ${theirs}`);
  script.step('deletion', sql`SELECT ${DELETION} FROM deletions WHERE incident_id = ${incidentId}`);
}

/** The decision; `undecided` when the incident has none. One that is deleted and has none left is gone. */
function found(answer: Answer): Deletion | 'incident_not_found' | 'undecided' {
  const state = firstRow(answer('incident'))?.text('deletion_state');
  if (state === undefined) return 'incident_not_found';
  const row = firstRow(answer('deletion'));
  if (row !== undefined) return deletionOf(row);
  return state === 'deleted' ? 'incident_not_found' : 'undecided';
}

/** Decisions to delete, on libSQL. */
export function deletionStore(db: Db): DeletionStore {
  return {
    async request(deletion, ownerAccountId, audit) {
      const { id, incidentId, requestedAt, unchangedSince } = deletion;
      const theirs = isTheirs(incidentId, ownerAccountId);
      const active = sql`SELECT 1 FROM incidents WHERE ${theirs} AND ${isActive}`;
      const script = new Script();
      const done = decide(
        script,
        audit,
        all(
          deletion.allowOpen ? sql`EXISTS (${active})` : sql`EXISTS (${active} AND status = 'closed')`,
          unchangedSince === undefined
            ? sql`true`
            : sql`EXISTS (${active} AND updated_at <= ${unchangedSince})`,
          sql`NOT EXISTS (SELECT 1 FROM deletions WHERE incident_id = ${incidentId})`,
        ),
      );
      // No two chunks share a blob, so that the blobs are as many as the chunks. These stay where they are until
      // somebody carries the decision out, and none is added.
      script.step(
        'insert',
        sql`INSERT INTO deletions (id, incident_id, source, reason_code, actor_account_id, allow_open, state,
            item_count, requested_at, updated_at)
          SELECT ${id}, ${incidentId}, ${deletion.source}, ${deletion.reasonCode ?? null},
            ${deletion.actorAccountId ?? null}, ${deletion.allowOpen ? 1 : 0}, 'deletion_pending',
            (SELECT coalesce(sum(chunk_count), 0) FROM incident_media WHERE incident_id = ${incidentId}),
            ${requestedAt}, ${requestedAt}
          WHERE ${done}`,
      );
      script.step(
        'mark',
        sql`UPDATE incidents SET deletion_state = 'deletion_pending', updated_at = ${requestedAt}
          WHERE ${theirs} AND ${done}`,
      );
      look(script, incidentId, theirs);
      // What is not active any more was decided before: a repetition, which needs no row.
      refuse(script, audit, 'conflict', sql`EXISTS (${active})`);
      const what = found(await script.run(db));
      return what === 'undecided' ? 'incident_deletion_invalid_state' : what;
    },

    async find(incidentId, ownerAccountId) {
      const script = new Script();
      look(script, incidentId, isTheirs(incidentId, ownerAccountId));
      const what = found(await script.run(db, 'read'));
      return what === 'undecided' ? 'incident_deletion_not_found' : what;
    },
  };
}
