/** The decision to delete an incident: made once, kept as the record of it; the bytes go afterwards. */
import type { Deletion, DeletionSource } from '../store/incidents.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { orRefused } from './owned.ts';

/** Which incident is meant, and on whose behalf. */
export interface DeletionSubject {
  readonly incidentId: string;
  /** Whose it must be; undefined for the operator, who may delete any. */
  readonly ownerAccountId: string | undefined;
}

/** What is asked for, unchecked. */
export interface DeletionForm {
  readonly reasonCode: unknown;
  readonly allowOpen: unknown;
}

/** A word for machines: it stands in the audit, so it is no text. Empty is none. */
function reasonCodeOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' || !/^[A-Za-z0-9_.:-]{1,64}$/.test(value))
    throw new Fault('invalid_reason_code');
  return value;
}

function requireIncidentId({ incidentId }: DeletionSubject): void {
  if (!isId('inc', incidentId)) throw new Fault('incident_not_found');
}

/**
 * Decides to delete, from when on nothing is added to the incident, shown or bundled. Asked again, it answers the
 * decision that was made first.
 * @throws Fault `invalid_reason_code`, `invalid_json` for an `allow_open` that is no boolean, `incident_not_found`,
 *   `incident_deletion_invalid_state` for an open incident without `allowOpen`
 */
export async function requestDeletion(
  deps: Deps,
  origin: Origin,
  subject: DeletionSubject,
  source: DeletionSource,
  form: DeletionForm,
): Promise<Deletion> {
  const reasonCode = reasonCodeOf(form.reasonCode);
  const allowOpen = form.allowOpen ?? false;
  if (typeof allowOpen !== 'boolean') throw new Fault('invalid_json');
  requireIncidentId(subject);
  const { incidentId, ownerAccountId } = subject;
  const id = newId('del', deps);
  const deletion = {
    id,
    incidentId,
    source,
    allowOpen,
    requestedAt: deps.now(),
    ...(reasonCode !== undefined && { reasonCode }),
    ...(origin.actorAccountId !== undefined && { actorAccountId: origin.actorAccountId }),
  };
  const audit = auditEntry(deps, origin, 'incident_delete', 'ok', { incidentId, subjectId: id });
  const decided = orRefused(await deps.store.deletion.request(deletion, ownerAccountId, audit));
  if (decided.id === id) deps.deletionDecided?.();
  return decided;
}

/** The decision, also when all else is gone. @throws Fault `incident_not_found`, `incident_deletion_not_found` */
export async function readDeletion(deps: Deps, subject: DeletionSubject): Promise<Deletion> {
  requireIncidentId(subject);
  return orRefused(await deps.store.deletion.find(subject.incidentId, subject.ownerAccountId));
}
