/** Incidents for the operator: ids, states, times and counts; nothing of what is in one is even read. */
import type { Db } from '../db.ts';
import type { DeletionState, IncidentStatus } from '../incidents.ts';
import type {
  DeletionProgress,
  IncidentListingStore,
  ListedIncident,
  UnownedIncident,
} from '../operator-incidents.ts';
import { DELETION, deletionOf } from './deletions.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { read, Script, type Sql, sql } from './script.ts';

/** What is listed of a row `i` of `incidents`. Counts come from indexes, and of chunks from their counters. */
const listedColumns = (now: number): Sql => sql`i.id AS id, i.owner_account_id AS owner_account_id,
  i.status AS status, i.deletion_state AS deletion_state, i.created_at AS created_at, i.updated_at AS updated_at,
  i.incident_mode AS incident_mode, i.capture_profile AS capture_profile,
  i.escalation_policy AS escalation_policy, i.sharing_state AS sharing_state,
  (SELECT count(*) FROM streams WHERE incident_id = i.id) AS streams,
  (SELECT coalesce(sum(chunk_count), 0) FROM incident_media WHERE incident_id = i.id) AS chunks,
  (SELECT count(*) FROM checkins WHERE incident_id = i.id) AS checkins,
  (SELECT count(*) FROM viewer_tokens WHERE incident_id = i.id) AS viewer_tokens,
  i.deletion_state = 'active' AND EXISTS (SELECT 1 FROM viewer_tokens WHERE incident_id = i.id
    AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${now})) AS has_active_viewer_tokens`;

function listedOf(row: Row) {
  return {
    id: row.text('id'),
    status: row.text('status') as IncidentStatus,
    deletionState: row.text('deletion_state') as DeletionState,
    createdAt: row.number('created_at'),
    updatedAt: row.number('updated_at'),
    counts: {
      streams: row.number('streams'),
      chunks: row.number('chunks'),
      checkins: row.number('checkins'),
      viewerTokens: row.number('viewer_tokens'),
    },
    hasActiveViewerTokens: row.flag('has_active_viewer_tokens'),
  };
}

function unownedOf(row: Row): UnownedIncident {
  const incidentMode = row.optionalText('incident_mode');
  const captureProfile = row.optionalText('capture_profile');
  const escalationPolicy = row.optionalText('escalation_policy');
  const sharingState = row.optionalText('sharing_state');
  return {
    ...listedOf(row),
    ...(incidentMode !== undefined && { incidentMode }),
    ...(captureProfile !== undefined && { captureProfile }),
    ...(escalationPolicy !== undefined && { escalationPolicy }),
    ...(sharingState !== undefined && { sharingState }),
  };
}

function incidentOf(row: Row): ListedIncident {
  const ownerAccountId = row.optionalText('owner_account_id');
  return {
    ...listedOf(row),
    ...(ownerAccountId !== undefined && { ownerAccountId }),
    bytes: row.number('bytes'),
  };
}

const PROGRESS = sql`${DELETION}, failures,
  (SELECT coalesce(sum(chunk_count), 0) FROM incident_media AS m WHERE m.incident_id = deletions.incident_id)
    AS chunks_left,
  (SELECT count(*) FROM deletion_items AS t WHERE t.deletion_id = deletions.id AND t.state = 'failed')
    AS items_failed`;

function progressOf(row: Row): DeletionProgress {
  return {
    ...deletionOf(row),
    failures: row.number('failures'),
    chunksLeft: row.number('chunks_left'),
    itemsFailed: row.number('items_failed'),
  };
}

/** Incidents for the operator, on libSQL. */
export function incidentListingStore(db: Db): IncidentListingStore {
  return {
    async find(incidentId, now) {
      // The bytes of chunks in streams are counted; those of legacy chunks have no counter.
      const found = await read(
        db,
        sql`SELECT ${listedColumns(now)},
            (SELECT coalesce(sum(total_bytes), 0) FROM streams WHERE incident_id = i.id)
              + (SELECT coalesce(sum(byte_size), 0) FROM chunks WHERE incident_id = i.id AND stream_id IS NULL)
              AS bytes
          FROM incidents AS i WHERE i.id = ${incidentId}`,
      );
      const row = firstRow(found);
      return row && incidentOf(row);
    },

    async unowned(after, limit, now) {
      const found = await read(
        db,
        // Left to itself, the engine takes the index of owners and sorts.
        sql`SELECT ${listedColumns(now)} FROM incidents AS i INDEXED BY incidents_unowned
          WHERE i.owner_account_id IS NULL AND i.deletion_state <> 'deleted' AND i.id > ${after ?? ''}
          ORDER BY i.id LIMIT ${limit}`,
      );
      return allRows(found).map(unownedOf);
    },

    async deletion(incidentId) {
      const row = firstRow(
        await read(db, sql`SELECT ${PROGRESS} FROM deletions WHERE incident_id = ${incidentId}`),
      );
      return row && progressOf(row);
    },

    async deletions(which, limit) {
      const rows =
        which === 'unfinished'
          ? sql`WHERE state <> 'deleted' ORDER BY requested_at, id`
          : sql`WHERE state = 'deleted' ORDER BY completed_at DESC`;
      const found = await read(db, sql`SELECT ${PROGRESS} FROM deletions ${rows} LIMIT ${limit}`);
      return allRows(found).map(progressOf);
    },

    async sums() {
      const script = new Script();
      script.step(
        'incidents',
        sql`SELECT status, deletion_state, count(*) AS n, sum(owner_account_id IS NULL) AS unowned
          FROM incidents GROUP BY status, deletion_state`,
      );
      script.step(
        'bytes',
        sql`SELECT (SELECT coalesce(sum(total_bytes), 0) FROM streams)
          + (SELECT coalesce(sum(byte_size), 0) FROM chunks WHERE stream_id IS NULL) AS bytes`,
      );
      const answer = await script.run(db, 'read');
      const groups = allRows(answer('incidents')).map((row) => ({
        status: row.text('status'),
        state: row.text('deletion_state'),
        count: row.number('n'),
        unowned: row.number('unowned'),
      }));
      type Group = (typeof groups)[number];
      const sum = (of: (group: Group) => number) => groups.reduce((total, group) => total + of(group), 0);
      const kept = (only: (group: Group) => boolean) =>
        sum((group) => (group.state !== 'deleted' && only(group) ? group.count : 0));
      const inState = (state: DeletionState) => sum((group) => (group.state === state ? group.count : 0));
      return {
        count: kept(() => true),
        open: kept(({ status }) => status === 'open'),
        closed: kept(({ status }) => status === 'closed'),
        unowned: sum((group) => (group.state === 'deleted' ? 0 : group.unowned)),
        bytes: firstRow(answer('bytes'))?.number('bytes') ?? 0,
        deletionPending: inState('deletion_pending'),
        deleting: inState('deleting'),
        deletionFailed: inState('deletion_failed'),
        deleted: inState('deleted'),
      };
    },
  };
}
