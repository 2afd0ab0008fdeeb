/** The incident room of the main door. */
import * as v from 'valibot';
import { closeIncident, createIncident, listIncidents, readIncident } from '../../core/incidents.ts';
import { JSON_FAULTS, readOptionalFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { noParams, productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { incidentParams } from './incident-params.ts';
import { incidentRoute } from './incident-route.ts';
import {
  CreatedIncidentView,
  IncidentSummary,
  IncidentView,
  incidentSummary,
  incidentView,
  MODES,
  modesView,
} from './incident-view.ts';
import { originOf } from './origin.ts';

const FIELDS = [
  'client_label',
  'notes',
  'incident_mode',
  'capture_profile',
  'escalation_policy',
  'sharing_state',
] as const;

export const create = productRoute({
  id: 'incidents.create',
  method: 'POST',
  path: '/v1/incidents',
  limit: 'incident_write',
  gate: account,
  params: noParams,
  summary: 'Begin an incident. The server can read its label and notes: leave them empty where that matters.',
  body: {
    description: 'Labels of the client, which have no effect; all of them may be left out.',
    types: [],
    json: v.strictObject({ client_label: v.optional(v.string()), notes: v.optional(v.string()), ...MODES }),
  },
  answers: { 201: { description: 'Begun.', schema: CreatedIncidentView } },
  faults: [
    ...JSON_FAULTS,
    'invalid_client_label',
    'invalid_notes',
    'invalid_incident_mode',
    'invalid_capture_profile',
    'invalid_escalation_policy',
    'invalid_sharing_state',
  ],
  async reply({ deps, request, who }) {
    const fields = await readOptionalFields(request, deps, FIELDS);
    const incident = await createIncident(deps, originOf(who, 'incident_write'), who.live, {
      clientLabel: fields.client_label,
      notes: fields.notes,
      incidentMode: fields.incident_mode,
      captureProfile: fields.capture_profile,
      escalationPolicy: fields.escalation_policy,
      sharingState: fields.sharing_state,
    });
    return json(201, { incident_id: incident.id, status: 'open', ...modesView(incident) });
  },
});

export const list = productRoute({
  id: 'incidents.list',
  method: 'GET',
  path: '/v1/incidents',
  limit: 'incident_read',
  gate: account,
  params: noParams,
  summary: "The account's incidents, newest-updated first; after and limit page through them.",
  answers: {
    200: {
      description: 'A page of incidents.',
      schema: v.strictObject({ incidents: v.array(IncidentSummary) }),
      headers: PAGE_HEADERS,
    },
  },
  faults: [...PAGING_FAULTS],
  async reply({ deps, request, who }) {
    const page = await listIncidents(deps, who.live, pagingIn(request));
    return json(200, { incidents: page.items.map(incidentSummary) }, pageHeaders(request, page));
  },
});

export const read = incidentRoute({
  id: 'incidents.read',
  method: 'GET',
  path: '/v1/incidents/:id',
  limit: 'incident_read',
  gate: account,
  params: incidentParams,
  summary: 'One incident, also while it is being deleted.',
  answers: {
    200: { description: 'The incident.', schema: v.strictObject({ incident: IncidentSummary }) },
  },
  faults: ['incident_not_found'],
  async reply({ deps, who, params: { id } }) {
    return json(200, { incident: incidentSummary(await readIncident(deps, who.live, id)) });
  },
});

export const close = incidentRoute({
  id: 'incidents.close',
  method: 'POST',
  path: '/v1/incidents/:id/close',
  limit: 'incident_write',
  gate: account,
  params: incidentParams,
  summary: 'End an incident: it takes no uploads and no new streams any more. Again is harmless.',
  body: { description: 'Nothing.', types: [], json: v.strictObject({}) },
  answers: { 200: { description: 'Closed.', schema: IncidentView } },
  faults: [...JSON_FAULTS, 'incident_not_found', 'incident_deleting'],
  async reply({ deps, request, who, params: { id } }) {
    await readOptionalFields(request, deps, []);
    const closed = await closeIncident(deps, originOf(who, 'incident_write'), who.live, id);
    return json(200, incidentView(closed, who.live.account.id));
  },
});

export const incidentRoutes = [create, list, read, close];
