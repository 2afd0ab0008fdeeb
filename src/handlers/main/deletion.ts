/** The deletion room of the main door: deciding on it, and seeing how far it is. */
import * as v from 'valibot';
import { readDeletion, requestDeletion } from '../../core/deletion.ts';
import { Fault } from '../../core/faults.ts';
import { JSON_FAULTS, readOptionalFields } from '../kit/body.ts';
import { DeletionAnswer, deletionView } from '../kit/deletion-view.ts';
import { json } from '../kit/reply.ts';
import { account, type SignedIn } from '../kit/session.ts';
import { incidentParams } from './incident-params.ts';
import { incidentRoute, type Standing } from './incident-route.ts';
import { originOf } from './origin.ts';

const subjectOf = (who: SignedIn, incidentId: string) => ({
  incidentId,
  ownerAccountId: who.live.account.id,
});

/** The owner may know of the decision when all else is gone. */
const mayDecide: Standing = async (deps, live, incidentId) => {
  const subject = { incidentId, ownerAccountId: live.account.id };
  await readDeletion(deps, subject).catch((thrown: unknown) => {
    if (!(thrown instanceof Fault) || thrown.kind !== 'incident_deletion_not_found') throw thrown;
  });
};

export const request = incidentRoute(
  {
    id: 'deletion.request',
    method: 'POST',
    path: '/v1/incidents/:id/deletion',
    limit: 'incident_write',
    gate: account,
    params: incidentParams,
    summary: 'Delete an incident and everything in it. Again answers the first decision.',
    body: {
      description: 'Why, as a word for machines, and whether an open incident is meant too.',
      types: [],
      json: v.strictObject({ reason_code: v.optional(v.string()), allow_open: v.optional(v.boolean()) }),
    },
    answers: { 202: { description: 'Decided; the bytes go afterwards.', schema: DeletionAnswer } },
    faults: [...JSON_FAULTS, 'invalid_reason_code', 'incident_not_found', 'incident_deletion_invalid_state'],
    async reply({ deps, request: asked, who, params: { id } }) {
      const fields = await readOptionalFields(asked, deps, ['reason_code', 'allow_open']);
      const deletion = await requestDeletion(
        deps,
        originOf(who, 'incident_write'),
        subjectOf(who, id),
        'account_request',
        { reasonCode: fields.reason_code, allowOpen: fields.allow_open },
      );
      return json(202, { deletion: deletionView(deletion) });
    },
  },
  mayDecide,
);

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
    return json(200, { deletion: deletionView(await readDeletion(deps, subjectOf(who, id))) });
  },
});

export const deletionRoutes = [request, read];
