/**
 * How a decision to delete is carried out, and what time alone decides. Types only; times are milliseconds since the
 * epoch, and every verb is one transaction, bounded by a `limit`, so that none holds the writer for long.
 *
 * A deletion is somebody's for as long as nobody else claims it: each claim gives it a new lease, and every step asks
 * whether the lease is still this one. All steps can be done twice without harm.
 */
import type { AuditEntry } from './audit.ts';

/** A decision that waits for somebody to carry it out. */
export interface DeletionTask {
  /** `del_` and a ULID. */
  readonly id: string;
  readonly incidentId: string;
  readonly requestedAt: number;
}

/** A decision in the hands of one worker. */
export interface HeldDeletion extends Pick<DeletionTask, 'id' | 'incidentId'> {
  /** 32 characters that no other claim has. */
  readonly lease: string;
}

/** A chunk on its way out, by where it stands and where its bytes lie. */
export interface DoomedChunk {
  readonly id: string;
  readonly blob: string;
  /** In bytes. */
  readonly size: number;
}

/** What became of bytes that were to be removed, by their blobs. */
export interface RemovedBlobs {
  readonly gone: readonly string[];
  readonly failed: readonly string[];
  /** Of those that failed. */
  readonly errorCode: string;
}

export interface DeletionWorkStore {
  /**
   * What can be claimed, oldest first, after the task `after`: decisions that wait or failed, and those that nobody
   * has touched since `silentSince`.
   */
  runnable(silentSince: number, after: DeletionTask | undefined, limit: number): Promise<DeletionTask[]>;
  /** Takes a decision, once over all processes. False when it is not runnable any more. */
  claim(held: HeldDeletion, silentSince: number, now: number): Promise<boolean>;
  /** Notes the next chunks, after the chunk `after`, as items to be removed. */
  note(
    held: HeldDeletion,
    after: string | undefined,
    limit: number,
    now: number,
  ): Promise<DoomedChunk[] | 'lost'>;
  /** Records what became of bytes; the row of a chunk goes with the record that its bytes are gone. */
  settle(held: HeldDeletion, removed: RemovedBlobs, now: number): Promise<'settled' | 'lost'>;
  /** Removes rows of everything else that belongs to the incident, at most `limit` of each kind. */
  clear(held: HeldDeletion, limit: number, now: number): Promise<'more' | 'cleared' | 'lost'>;
  /**
   * The end: nothing of the incident is left but its tombstone and the decision.
   * @returns `unfinished` where there still is something, `lost` where the decision is somebody else's by now
   */
  complete(held: HeldDeletion, now: number, audit: AuditEntry): Promise<'deleted' | 'unfinished' | 'lost'>;
  /** Gives it back as failed. The audit has a row where it did not fail for the same reason before. */
  fail(held: HeldDeletion, errorCode: string, now: number, audit: AuditEntry): Promise<'failed' | 'lost'>;
  /** Gives it back as it is, for whoever comes next. */
  release(held: HeldDeletion): Promise<void>;
}

/** How much a rule of retention would take now. */
export interface Due {
  readonly count: number;
  /** The first of them. */
  readonly ids: readonly string[];
}

export interface RetentionStore {
  /** Closed incidents that nobody deletes and that have not changed since, oldest first. */
  closedIncidents(unchangedSince: number, limit: number): Promise<string[]>;
  /** Forgets viewer links that expired or were revoked by then, at most `limit` of each. @returns how many */
  pruneTokens(endedBy: number, limit: number, audit: AuditEntry): Promise<number>;
  /** Incidents whose deletion ended by then, and of which nothing else is left; oldest first. */
  tombstones(endedBy: number, limit: number): Promise<string[]>;
  /** Forgets one of them, with its decision. False when something of it is there after all. */
  pruneTombstone(incidentId: string, endedBy: number, audit: AuditEntry): Promise<boolean>;
  /** What these verbs would find; undefined bounds find nothing. */
  preview(
    bounds: {
      readonly closedIncidents: number | undefined;
      readonly tokens: number | undefined;
      readonly tombstones: number | undefined;
    },
    limit: number,
  ): Promise<{ readonly closedIncidents: Due; readonly tokens: Due; readonly tombstones: Due }>;
}
