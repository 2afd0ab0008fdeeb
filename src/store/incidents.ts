/**
 * The incident rooms of the storage interface, types only: incidents, check-ins, streams, and the decision to delete.
 * As in `store.ts`, a verb is one transaction and its audit row is part of it. Times are milliseconds since the epoch.
 *
 * Every verb asks for the owner: what somebody else owns, what nobody owns, what was deleted and what never was are
 * one answer. A refusal is the name of the fault that it becomes. The audit row of a change that was refused to the
 * owner has the outcome `conflict`; whoever does not own the incident leaves no row.
 */
import type { AuditEntry } from './audit.ts';
import type { Owned } from './owned.ts';

export type IncidentStatus = 'open' | 'closed';
/** Everything but `active` is on its way out or gone: nothing is added, shown or bundled any more. */
export type DeletionState = 'active' | 'deletion_pending' | 'deleting' | 'deletion_failed' | 'deleted';

/** Labels of the recording client. They grant nothing and start nothing. */
export interface IncidentModes {
  readonly incidentMode?: string;
  readonly captureProfile?: string;
  readonly escalationPolicy?: string;
  readonly sharingState?: string;
}

export interface Incident extends IncidentModes {
  /** `inc_` and a ULID. */
  readonly id: string;
  /** Absent for the legacy incidents that nobody owns. */
  readonly ownerAccountId?: string;
  readonly createdAt: number;
  /**
   * When it last changed itself: closed, one of its streams ended, its deletion moved on. Chunks and check-ins leave
   * it alone, so that a bundle that is being downloaded stays the same while a recording goes on.
   */
  readonly updatedAt: number;
  readonly status: IncidentStatus;
  readonly clientLabel?: string;
  readonly notes?: string;
  readonly deletionState: DeletionState;
}

export type NewIncident = Omit<Incident, 'status' | 'deletionState' | 'updatedAt' | 'ownerAccountId'> & {
  readonly ownerAccountId: string;
};

export interface IncidentStore {
  create(incident: NewIncident, audit: AuditEntry): Promise<void>;
  /** Also while it is being deleted; not once it is. */
  find(owned: Owned): Promise<Incident | undefined>;
  /** Newest-updated first, those after the incident `after`; not those deleted. */
  list(accountId: string, after: string | undefined, limit: number): Promise<Incident[]>;
  /** Closing what is closed changes nothing and is done. */
  close(
    owned: Owned,
    now: number,
    audit: AuditEntry,
  ): Promise<Incident | 'incident_not_found' | 'incident_deleting'>;
}

/** What a device said about itself at one time. */
export interface Checkin {
  /** `cin_` and a ULID. */
  readonly id: string;
  readonly incidentId: string;
  readonly createdAt: number;
  readonly batteryPercent?: number;
  readonly network?: string;
  /** Degrees; both or neither. */
  readonly latitude?: number;
  readonly longitude?: number;
  readonly accuracyMeters?: number;
}

export interface CheckinStore {
  /** @param sessionId the session that wrote it; kept, never shown. */
  add(
    owned: Owned,
    checkin: Checkin,
    sessionId: string,
    audit: AuditEntry,
  ): Promise<'added' | 'incident_not_found' | 'incident_deleting'>;
}

export type MediaType = 'audio' | 'video' | 'location' | 'metadata';
export type StreamStatus = 'open' | 'complete' | 'failed';

export interface Stream {
  /** `str_` and a ULID. */
  readonly id: string;
  readonly incidentId: string;
  readonly mediaType: MediaType;
  readonly label?: string;
  readonly status: StreamStatus;
  readonly expectedChunkCount?: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly completedAt?: number;
  readonly failedAt?: number;
  readonly failureReason?: string;
  readonly chunkCount: number;
  readonly totalBytes: number;
}

export type NewStream = Pick<Stream, 'id' | 'incidentId' | 'mediaType' | 'label' | 'createdAt'>;

export type CompleteRefusal =
  | 'incident_not_found'
  | 'incident_deleting'
  | 'stream_not_found'
  | 'stream_already_complete'
  | 'stream_failed'
  | 'stream_chunks_incomplete'
  | 'stream_chunks_not_contiguous'
  | 'stream_not_open';

export interface StreamStore {
  /** Only where the incident has fewer than `most` streams, ended ones included. */
  create(
    owned: Owned,
    stream: NewStream,
    most: number,
    audit: AuditEntry,
  ): Promise<
    'created' | 'incident_not_found' | 'incident_deleting' | 'incident_closed' | 'stream_limit_reached'
  >;
  /** In the order of creation, those after the stream `after`. */
  list(owned: Owned, after: string | undefined, limit: number): Promise<Stream[] | 'incident_not_found'>;
  find(owned: Owned, streamId: string): Promise<Stream | 'incident_not_found' | 'stream_not_found'>;
  /** Only with exactly the chunks 1 to `expectedChunkCount`, looked at in the transaction itself. */
  complete(
    owned: Owned,
    streamId: string,
    expectedChunkCount: number,
    now: number,
    audit: AuditEntry,
  ): Promise<Stream | CompleteRefusal>;
  fail(
    owned: Owned,
    streamId: string,
    reason: string | undefined,
    now: number,
    audit: AuditEntry,
  ): Promise<Stream | 'incident_not_found' | 'incident_deleting' | 'stream_not_found' | 'stream_not_open'>;
}

export type DeletionSource = 'account_request' | 'admin_request' | 'retention_policy';

/** The decision to delete an incident: one an incident, kept as the record of it. */
export interface Deletion {
  /** `del_` and a ULID. */
  readonly id: string;
  readonly incidentId: string;
  readonly source: DeletionSource;
  readonly reasonCode?: string;
  readonly actorAccountId?: string;
  readonly allowOpen: boolean;
  readonly state: 'deletion_pending' | 'deleting' | 'deletion_failed' | 'deleted';
  readonly itemCount: number;
  readonly errorCode?: string;
  readonly requestedAt: number;
  readonly updatedAt: number;
  readonly startedAt?: number;
  readonly completedAt?: number;
}

export type NewDeletion = Pick<
  Deletion,
  'id' | 'incidentId' | 'source' | 'reasonCode' | 'actorAccountId' | 'allowOpen' | 'requestedAt'
> & {
  /** Only if the incident has not changed since: what time decides, a change puts off. */
  readonly unchangedSince?: number;
};

export interface DeletionStore {
  /**
   * Decides once: a repetition answers the first decision. From the same moment nothing can be added to the incident.
   * @param ownerAccountId whose incident it must be; undefined for the operator, who may delete any.
   */
  request(
    deletion: NewDeletion,
    ownerAccountId: string | undefined,
    audit: AuditEntry,
  ): Promise<Deletion | 'incident_not_found' | 'incident_deletion_invalid_state'>;
  find(
    incidentId: string,
    ownerAccountId: string | undefined,
  ): Promise<Deletion | 'incident_not_found' | 'incident_deletion_not_found'>;
}
