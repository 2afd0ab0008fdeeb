/** What an admin decides about an incident that nobody owns: who it belongs to, or that it stays as it is. */
import type {
  Reassignment,
  ReassignmentAction,
  ReassignmentReason,
  UnownedIncident,
} from '../store/operator-incidents.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { limitOf } from './paging.ts';

export const REASSIGNMENT_ACTIONS = [
  'assign_owner',
  'keep_unowned',
] as const satisfies readonly ReassignmentAction[];

export const REASSIGNMENT_REASONS = [
  'owner_verified',
  'owner_request',
  'operator_review',
  'keep_admin_only',
  'unknown_owner',
  'other_controlled',
] as const satisfies readonly ReassignmentReason[];

/** Incidents without an owner in the order in which they began. @throws Fault `invalid_limit` */
export async function listUnowned(deps: Deps, wanted: string | null): Promise<UnownedIncident[]> {
  return deps.store.incidentListing.unowned(undefined, limitOf(wanted), deps.now());
}

/** What is asked for, unchecked. */
export interface ReassignmentForm {
  readonly action: unknown;
  readonly newOwnerAccountId: unknown;
  readonly reasonCode: unknown;
}

export interface CheckedReassignment {
  readonly action: ReassignmentAction;
  readonly newOwnerAccountId?: string;
  readonly reasonCode: ReassignmentReason;
}

/**
 * What is asked for, if it makes sense. The account is looked for when it is done.
 * @throws Fault `invalid_action`, `invalid_reason_code`, `missing_new_owner_account_id`,
 *   `unexpected_new_owner_account_id`, `account_not_found` for what can be no account
 */
export function checkReassignment(form: ReassignmentForm): CheckedReassignment {
  const action = REASSIGNMENT_ACTIONS.find((one) => one === form.action);
  if (action === undefined) throw new Fault('invalid_action');
  const reasonCode = REASSIGNMENT_REASONS.find((one) => one === form.reasonCode);
  if (reasonCode === undefined) {
    const message = `reason_code is one of ${REASSIGNMENT_REASONS.join(', ')}`;
    throw new Fault('invalid_reason_code', { message });
  }
  const given = form.newOwnerAccountId;
  const absent = given === undefined || given === null || given === '';
  if (action === 'keep_unowned') {
    if (!absent) throw new Fault('unexpected_new_owner_account_id');
    return { action, reasonCode };
  }
  if (absent) throw new Fault('missing_new_owner_account_id');
  if (typeof given !== 'string' || !isId('acct', given)) throw new Fault('account_not_found');
  return { action, newOwnerAccountId: given, reasonCode };
}

/**
 * Decides, once over everybody who decides at the same time.
 * @throws Fault as {@link checkReassignment}, `account_not_found`, `incident_not_found`, `incident_not_eligible` for
 *   an incident that has an owner or is being deleted
 */
export async function reassignIncident(
  deps: Deps,
  origin: Origin & { readonly actorAccountId: string },
  incidentId: string,
  form: ReassignmentForm,
  source: Reassignment['source'],
): Promise<Reassignment> {
  const checked = checkReassignment(form);
  if (!isId('inc', incidentId)) throw new Fault('incident_not_found');
  const now = deps.now();
  const event: Reassignment = {
    id: newId('lra', deps),
    incidentId,
    ...checked,
    actorAccountId: origin.actorAccountId,
    source,
    createdAt: now,
    completedAt: now,
  };
  const entry = auditEntry(deps, origin, 'incident_reassign', 'ok', {
    incidentId,
    subjectId: event.id,
    ...(event.newOwnerAccountId !== undefined && { subjectAccountId: event.newOwnerAccountId }),
  });
  const answer = await deps.store.reassignments.decide(event, entry);
  if (answer !== 'decided') throw new Fault(answer);
  return event;
}
