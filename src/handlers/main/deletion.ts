/** The deletion room of the main door: deciding on it, and seeing how far it is. */
import { readDeletion, requestDeletion } from '../../core/deletion.ts';
import { Fault } from '../../core/faults.ts';
import type { LiveSession } from '../../store/accounts.ts';
import { DELETION_REQUEST, readDeletionForm } from '../kit/deletion-request.ts';
import { DeletionAnswer, deletionView } from '../kit/deletion-view.ts';
import { json } from '../kit/reply.ts';
import type { RouteSpec } from '../kit/route.ts';
import { account, type SignedIn } from '../kit/session.ts';
import { incidentParams } from './incident-params.ts';
import { incidentRoute, type Standing } from './incident-route.ts';
import { originOf } from './origin.ts';

const subjectOf = ({ account: { id } }: LiveSession, incidentId: string) => ({
  incidentId,
  ownerAccountId: id,
});

/** The owner may know of the decision when all else is gone. */
const mayDecide: Standing = (deps, live, incidentId) =>
  readDeletion(deps, subjectOf(live, incidentId)).catch((thrown: unknown) => {
    if (!(thrown instanceof Fault) || thrown.kind !== 'incident_deletion_not_found') throw thrown;
  });

const requested: RouteSpec<SignedIn, { readonly id: string }> = {
  id: 'deletion.request',
  method: 'POST',
  path: '/v1/incidents/:id/deletion',
  limit: 'incident_write',
  gate: account,
  params: incidentParams,
  summary: 'Delete an incident and everything in it. Again answers the first decision.',
  ...DELETION_REQUEST,
  async reply({ deps, request: asked, who, params: { id } }) {
    const form = await readDeletionForm(asked, deps);
    const origin = originOf(who, 'incident_write');
    const subject = subjectOf(who.live, id);
    const deletion = await requestDeletion(deps, origin, subject, 'account_request', form);
    return json(202, { deletion: deletionView(deletion) });
  },
};

export const request = incidentRoute(requested, mayDecide);

export const read = incidentRoute({
  id: 'deletion.read',
  method: 'GET',
  path: '/v1/incidents/:id/deletion',
  limit: 'incident_read',
  gate: account,
  params: incidentParams,
  summary: 'How far the deletion of an incident is, also when it is done.',
  answers: { 200: { description: 'The decision.', schema: DeletionAnswer } },
  faults: ['incident_not_found', 'incident_deletion_not_found'],
  async reply({ deps, who, params: { id } }) {
    return json(200, { deletion: deletionView(await readDeletion(deps, subjectOf(who.live, id))) });
  },
});

export const deletionRoutes = [request, read];
