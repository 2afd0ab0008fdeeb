/** The deletion room of the main door: deciding on it, and seeing how far it is. */
import * as v from 'valibot';
import { readDeletion, requestDeletion } from '../../core/deletion.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { DeletionAnswer, deletionView } from '../kit/deletion-view.ts';
import { json } from '../kit/reply.ts';
import { productRoute } from '../kit/route.ts';
import { account, type SignedIn } from '../kit/session.ts';
import { incidentParams } from './incident-params.ts';
import { originOf } from './origin.ts';

const subjectOf = (who: SignedIn, incidentId: string) => ({
  incidentId,
  ownerAccountId: who.live.account.id,
});

export const request = productRoute({
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
    const fields = await readFields(asked, deps, ['reason_code', 'allow_open']);
    const deletion = await requestDeletion(
      deps,
      originOf(who, 'incident_write'),
      subjectOf(who, id),
      'account_request',
      { reasonCode: fields.reason_code, allowOpen: fields.allow_open },
    );
    return json(202, { deletion: deletionView(deletion) });
  },
});

export const read = productRoute({
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
