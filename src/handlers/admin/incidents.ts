/** Incidents, as JSON for an admin: those without an owner, and deletions. Never what is in one. */
import * as v from 'valibot';
import { readDeletion, requestDeletion } from '../../core/deletion.ts';
import { isId } from '../../core/ids.ts';
import {
  listUnowned,
  REASSIGNMENT_ACTIONS,
  REASSIGNMENT_REASONS,
  reassignIncident,
} from '../../core/reassignment.ts';
import type { Reassignment, UnownedIncident } from '../../store/operator-incidents.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { DELETION_REQUEST, readDeletionForm } from '../kit/deletion-request.ts';
import { DeletionAnswer, deletionView } from '../kit/deletion-view.ts';
import { json } from '../kit/reply.ts';
import { adminRoute, noParams } from '../kit/route.ts';
import { adminApi } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { adminOrigin } from './origin.ts';

const CLASS = 'admin_json';
const time = v.pipe(v.string(), v.isoTimestamp());
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Any text is a parameter; what cannot be an id is no incident, and refused as such. */
export const incidentId = ({ id = '' }: Readonly<Record<string, string>>) =>
  isId('inc', id) ? { id } : { id: '' };

const UnownedView = v.strictObject({
  incident_id: v.string(),
  status: v.picklist(['open', 'closed']),
  deletion_state: v.picklist(['active', 'deletion_pending', 'deleting', 'deletion_failed']),
  created_at: time,
  updated_at: time,
  stream_count: count,
  chunk_count: count,
  checkin_count: count,
  incident_token_count: count,
  has_active_viewer_tokens: v.boolean(),
  incident_mode: v.optional(v.string()),
  capture_profile: v.optional(v.string()),
  escalation_policy: v.optional(v.string()),
  sharing_state: v.optional(v.string()),
});

function unownedView(incident: UnownedIncident) {
  const { counts } = incident;
  return {
    incident_id: incident.id,
    status: incident.status,
    deletion_state: incident.deletionState,
    created_at: timestamp(incident.createdAt),
    updated_at: timestamp(incident.updatedAt),
    stream_count: counts.streams,
    chunk_count: counts.chunks,
    checkin_count: counts.checkins,
    incident_token_count: counts.viewerTokens,
    has_active_viewer_tokens: incident.hasActiveViewerTokens,
    ...(incident.incidentMode !== undefined && { incident_mode: incident.incidentMode }),
    ...(incident.captureProfile !== undefined && { capture_profile: incident.captureProfile }),
    ...(incident.escalationPolicy !== undefined && { escalation_policy: incident.escalationPolicy }),
    ...(incident.sharingState !== undefined && { sharing_state: incident.sharingState }),
  };
}

const EventView = v.strictObject({
  id: v.string(),
  incident_id: v.string(),
  new_owner_account_id: v.optional(v.string()),
  actor_account_id: v.string(),
  action: v.picklist(REASSIGNMENT_ACTIONS),
  reason_code: v.picklist(REASSIGNMENT_REASONS),
  source: v.literal('admin_api'),
  created_at: time,
  completed_at: time,
});

function eventView(event: Reassignment) {
  return {
    id: event.id,
    incident_id: event.incidentId,
    ...(event.newOwnerAccountId !== undefined && { new_owner_account_id: event.newOwnerAccountId }),
    actor_account_id: event.actorAccountId,
    action: event.action,
    reason_code: event.reasonCode,
    source: event.source,
    created_at: timestamp(event.createdAt),
    completed_at: timestamp(event.completedAt),
  };
}

export const unowned = adminRoute({
  id: 'incidents.unowned',
  method: 'GET',
  path: '/admin/api/incidents/unowned',
  limit: CLASS,
  gate: adminApi,
  params: noParams,
  summary:
    'Incidents that nobody owns, in the order in which they began: counts and states; limit is 1 to 500.',
  answers: {
    200: { description: 'Incidents.', schema: v.strictObject({ incidents: v.array(UnownedView) }) },
  },
  faults: ['invalid_limit'],
  async reply({ deps, request }) {
    const limit = new URL(request.url).searchParams.get('limit');
    return json(200, { incidents: (await listUnowned(deps, limit)).map(unownedView) });
  },
});

export const reassign = adminRoute({
  id: 'incidents.reassign',
  method: 'POST',
  path: '/admin/api/incidents/:id/reassignment',
  limit: CLASS,
  gate: adminApi,
  params: incidentId,
  summary: 'Give an incident that nobody owns to an account, or decide to keep it so.',
  body: {
    description: 'What to do, to whom it shall belong, and why, from a closed set.',
    types: [],
    json: v.strictObject({
      action: v.picklist(REASSIGNMENT_ACTIONS),
      new_owner_account_id: v.optional(v.string()),
      reason_code: v.picklist(REASSIGNMENT_REASONS),
    }),
  },
  answers: { 200: { description: 'Decided.', schema: v.strictObject({ event: EventView }) } },
  faults: [
    ...JSON_FAULTS,
    'invalid_action',
    'invalid_reason_code',
    'missing_new_owner_account_id',
    'unexpected_new_owner_account_id',
    'account_not_found',
    'incident_not_found',
    'incident_not_eligible',
  ],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, ['action', 'new_owner_account_id', 'reason_code']);
    const event = await reassignIncident(
      deps,
      adminOrigin(who, CLASS),
      id,
      {
        action: fields.action,
        newOwnerAccountId: fields.new_owner_account_id,
        reasonCode: fields.reason_code,
      },
      'admin_api',
    );
    return json(200, { event: eventView(event) });
  },
});

export const requestIncidentDeletion = adminRoute({
  id: 'incidents.deletion-request',
  method: 'POST',
  path: '/admin/api/incidents/:id/deletion',
  limit: CLASS,
  gate: adminApi,
  params: incidentId,
  summary: 'Delete any incident and everything in it. Again answers the first decision.',
  ...DELETION_REQUEST,
  async reply({ deps, request, who, params: { id } }) {
    const form = await readDeletionForm(request, deps);
    const subject = { incidentId: id, ownerAccountId: undefined };
    const deletion = await requestDeletion(deps, adminOrigin(who, CLASS), subject, 'admin_request', form);
    return json(202, { deletion: deletionView(deletion) });
  },
});

export const readIncidentDeletion = adminRoute({
  id: 'incidents.deletion',
  method: 'GET',
  path: '/admin/api/incidents/:id/deletion',
  limit: CLASS,
  gate: adminApi,
  params: incidentId,
  summary: 'How far the deletion of an incident is, also when it is done.',
  answers: { 200: { description: 'The decision.', schema: DeletionAnswer } },
  faults: ['incident_not_found', 'incident_deletion_not_found'],
  async reply({ deps, params: { id } }) {
    const deletion = await readDeletion(deps, { incidentId: id, ownerAccountId: undefined });
    return json(200, { deletion: deletionView(deletion) });
  },
});

export const incidentRoutes = [unowned, reassign, requestIncidentDeletion, readIncidentDeletion];
