/**
 * Incidents as the operator sees them, types only: ids, states, times and counts, never what is in one, and never a
 * label, a note or a place.
 */
import type { AuditEntry } from './audit.ts';
import type { Deletion, DeletionState, IncidentModes, IncidentStatus } from './incidents.ts';

/** What belongs to an incident, in numbers. */
export interface IncidentCounts {
  readonly streams: number;
  readonly chunks: number;
  readonly checkins: number;
  readonly viewerTokens: number;
}

interface Listed {
  readonly id: string;
  readonly status: IncidentStatus;
  readonly deletionState: DeletionState;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly counts: IncidentCounts;
  /** Whether a link opens it now. */
  readonly hasActiveViewerTokens: boolean;
}

export interface UnownedIncident extends Listed, IncidentModes {}

export interface ListedIncident extends Listed {
  readonly ownerAccountId?: string;
  /** Of its chunks. */
  readonly bytes: number;
}

/** How far a deletion is. */
export interface DeletionProgress extends Deletion {
  readonly failures: number;
  /** Chunks whose bytes are still to be removed. */
  readonly chunksLeft: number;
  /** Of these, those that were tried in vain. */
  readonly itemsFailed: number;
}

export interface IncidentSums {
  /** Those that are not deleted. */
  readonly count: number;
  readonly open: number;
  readonly closed: number;
  readonly unowned: number;
  /** Of all chunks. */
  readonly bytes: number;
  /** Deletions by state. */
  readonly deletionPending: number;
  readonly deleting: number;
  readonly deletionFailed: number;
  readonly deleted: number;
}

export interface IncidentListingStore {
  /** Also one that is deleted, while its tombstone is kept. */
  find(incidentId: string, now: number): Promise<ListedIncident | undefined>;
  /** Incidents that nobody owns and that are not deleted, in the order of ids, after `after`. */
  unowned(after: string | undefined, limit: number, now: number): Promise<UnownedIncident[]>;
  deletion(incidentId: string): Promise<DeletionProgress | undefined>;
  /** Decisions: those not carried out yet, oldest first, or those that are, newest first. */
  deletions(which: 'unfinished' | 'ended', limit: number): Promise<DeletionProgress[]>;
  sums(): Promise<IncidentSums>;
}

export type ReassignmentAction = 'assign_owner' | 'keep_unowned';
export type ReassignmentReason =
  | 'owner_verified'
  | 'owner_request'
  | 'operator_review'
  | 'keep_admin_only'
  | 'unknown_owner'
  | 'other_controlled';

/** A decision about an incident without an owner. */
export interface Reassignment {
  /** `lra_` and a ULID. */
  readonly id: string;
  readonly incidentId: string;
  readonly action: ReassignmentAction;
  /** With `assign_owner` alone. */
  readonly newOwnerAccountId?: string;
  readonly actorAccountId: string;
  readonly reasonCode: ReassignmentReason;
  readonly source: 'admin_api' | 'admin_dashboard';
  readonly createdAt: number;
  readonly completedAt: number;
}

export interface ReassignmentStore {
  /**
   * Decides about an incident that is active and has no owner: one event each, and with `assign_owner` the owner.
   * Nothing else of the incident changes.
   */
  decide(
    event: Reassignment,
    audit: AuditEntry,
  ): Promise<'decided' | 'account_not_found' | 'incident_not_found' | 'incident_not_eligible'>;
  /** What was decided about an incident, newest first. */
  list(incidentId: string, limit: number): Promise<Reassignment[]>;
}
