/** What the operator sees of incidents: ids, states, times and counts. Nothing here knows what is in one. */
import type {
  DeletionProgress,
  IncidentSums,
  ListedIncident,
  Reassignment,
  UnownedIncident,
} from '../store/operator-incidents.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId } from './ids.ts';
import { LISTED } from './operator-listing.ts';
import { retentionPreview } from './retention.ts';

/** Rows of a list within a page. */
const SHOWN = 50;

/** Everything that there is to say of one incident. */
export interface IncidentFacts {
  readonly incident: ListedIncident;
  readonly deletion: DeletionProgress | undefined;
  /** What was decided about it while nobody owned it, newest first. */
  readonly decisions: readonly Reassignment[];
}

/** @throws Fault `incident_not_found` */
export async function incidentFacts(deps: Deps, incidentId: string): Promise<IncidentFacts> {
  const { incidentListing, reassignments } = deps.store;
  if (!isId('inc', incidentId)) throw new Fault('incident_not_found');
  const [incident, deletion, decisions] = await Promise.all([
    incidentListing.find(incidentId, deps.now()),
    incidentListing.deletion(incidentId),
    reassignments.list(incidentId, SHOWN),
  ]);
  if (incident === undefined) throw new Fault('incident_not_found');
  return { incident, deletion, decisions };
}

/** What needs a decision or a look. */
export interface IncidentReview {
  readonly sums: IncidentSums;
  readonly unowned: readonly UnownedIncident[];
  readonly unfinished: readonly DeletionProgress[];
  readonly ended: readonly DeletionProgress[];
}

/** What the page of incidents shows: sums, the incidents that nobody owns, deletions under way and those that ended last. */
export async function incidentReview(deps: Deps): Promise<IncidentReview> {
  const { incidentListing } = deps.store;
  const [sums, unowned, unfinished, ended] = await Promise.all([
    incidentListing.sums(),
    incidentListing.unowned(undefined, LISTED, deps.now()),
    incidentListing.deletions('unfinished', LISTED),
    incidentListing.deletions('ended', SHOWN),
  ]);
  return { sums, unowned, unfinished, ended };
}

/** Sums for the operator. */
export async function incidentSums(deps: Pick<Deps, 'store'>): Promise<IncidentSums> {
  return deps.store.incidentListing.sums();
}

const time = (ms: number): string => new Date(ms).toISOString();

/** How far deletions are, in the words of `/admin/api`, for a command on the machine itself. */
export async function deletionStatus(deps: Pick<Deps, 'store' | 'settings'>) {
  const { incidentListing } = deps.store;
  const [sums, unfinished] = await Promise.all([
    incidentListing.sums(),
    incidentListing.deletions('unfinished', LISTED),
  ]);
  return {
    worker_interval_seconds: deps.settings.retention.deletionIntervalMs / 1000,
    incidents: {
      deletion_pending: sums.deletionPending,
      deleting: sums.deleting,
      deletion_failed: sums.deletionFailed,
      deleted: sums.deleted,
    },
    // The first of them, oldest first.
    unfinished: unfinished.map((one) => ({
      decision_id: one.id,
      incident_id: one.incidentId,
      source: one.source,
      ...(one.reasonCode !== undefined && { reason_code: one.reasonCode }),
      state: one.state,
      item_count: one.itemCount,
      items_left: one.chunksLeft,
      items_failed: one.itemsFailed,
      failures: one.failures,
      ...(one.errorCode !== undefined && { error_code: one.errorCode }),
      requested_at: time(one.requestedAt),
      updated_at: time(one.updatedAt),
      ...(one.startedAt !== undefined && { started_at: time(one.startedAt) }),
    })),
  };
}

/** What the rules of retention would take now, for a command on the machine itself. */
export async function retentionStatus(deps: Pick<Deps, 'store' | 'settings' | 'now'>) {
  const now = deps.now();
  const { bounds, due } = await retentionPreview(deps, now, LISTED);
  const { closedIncidentMs, tokenMetadataMs, deletionTombstoneMs } = deps.settings.retention;
  const rule = (keepMs: number, by: number | undefined, { count, ids }: (typeof due)['tokens']) => ({
    retention_seconds: keepMs / 1000,
    ...(by !== undefined && { due_before: time(by) }),
    count,
    // The first of them.
    ids,
  });
  return {
    generated_at: time(now),
    closed_incidents: rule(closedIncidentMs, bounds.closedIncidents, due.closedIncidents),
    token_metadata: rule(tokenMetadataMs, bounds.tokens, due.tokens),
    deletion_tombstones: rule(deletionTombstoneMs, bounds.tombstones, due.tombstones),
  };
}
