/** What belongs to an account: the incident that a request names, and what a store said about it. */
import type { LiveSession } from '../store/accounts.ts';
import type { Incident } from '../store/incidents.ts';
import type { Owned } from '../store/owned.ts';
import type { Deps } from './deps.ts';
import { Fault, type FaultKind } from './faults.ts';
import { isId } from './ids.ts';

/**
 * The incident with this id as the account's own; whether it is, the store decides. An id that was never issued in
 * this shape is answered like any other that is not there.
 * @throws Fault `incident_not_found`
 */
export function ownedBy({ account }: LiveSession, incidentId: string): Owned {
  if (!isId('inc', incidentId)) throw new Fault('incident_not_found');
  return { incidentId, accountId: account.id };
}

/** The incident as it stands, also while it is being deleted. @throws Fault `incident_not_found` */
export async function standing(deps: Pick<Deps, 'store'>, owned: Owned): Promise<Incident> {
  const incident = await deps.store.incidents.find(owned);
  if (incident === undefined) throw new Fault('incident_not_found');
  return incident;
}

/** That nothing has begun to delete it. @throws Fault `incident_not_found`, `incident_deleting` */
export async function requireActive(deps: Pick<Deps, 'store'>, owned: Owned): Promise<void> {
  const { deletionState } = await standing(deps, owned);
  if (deletionState !== 'active') throw new Fault('incident_deleting');
}

/** What a store verb answered; the name of a refusal is thrown as the fault that it names. */
export function orRefused<Answer extends object>(answer: Answer | FaultKind): Answer {
  if (typeof answer === 'string') throw new Fault(answer);
  return answer;
}
