/** Incidents as they look on the wire. */
import * as v from 'valibot';
import {
  CAPTURE_PROFILES,
  ESCALATION_POLICIES,
  INCIDENT_MODES,
  SHARING_STATES,
} from '../../core/incidents.ts';
import type { Incident, IncidentModes } from '../../store/incidents.ts';
import { timestamp } from '../kit/time.ts';

const time = v.pipe(v.string(), v.isoTimestamp());

/** Members of the client's labels, in requests and answers. */
export const MODES = {
  incident_mode: v.optional(v.picklist(INCIDENT_MODES)),
  capture_profile: v.optional(v.picklist(CAPTURE_PROFILES)),
  escalation_policy: v.optional(v.picklist(ESCALATION_POLICIES)),
  sharing_state: v.optional(v.picklist(SHARING_STATES)),
};
// In answers a label is text: a list that grows must not make an older answer a wrong one.
const modes = {
  incident_mode: v.optional(v.string()),
  capture_profile: v.optional(v.string()),
  escalation_policy: v.optional(v.string()),
  sharing_state: v.optional(v.string()),
};
const status = v.picklist(['open', 'closed']);
const deletionState = v.picklist(['active', 'deletion_pending', 'deleting', 'deletion_failed', 'deleted']);
const common = {
  id: v.string(),
  created_at: time,
  updated_at: time,
  status,
  client_label: v.optional(v.string()),
  ...modes,
  deletion_state: deletionState,
};

export const CreatedIncidentView = v.strictObject({
  incident_id: v.string(),
  status: v.literal('open'),
  ...modes,
});
export const IncidentSummary = v.strictObject(common);
export const IncidentView = v.strictObject({
  ...common,
  owner_account_id: v.string(),
  notes: v.optional(v.string()),
});

export function modesView(given: IncidentModes) {
  return {
    ...(given.incidentMode !== undefined && { incident_mode: given.incidentMode }),
    ...(given.captureProfile !== undefined && { capture_profile: given.captureProfile }),
    ...(given.escalationPolicy !== undefined && { escalation_policy: given.escalationPolicy }),
    ...(given.sharingState !== undefined && { sharing_state: given.sharingState }),
  };
}

/** What a list shows: no notes, no owner. */
export function incidentSummary(incident: Incident): v.InferOutput<typeof IncidentSummary> {
  return {
    id: incident.id,
    created_at: timestamp(incident.createdAt),
    updated_at: timestamp(incident.updatedAt),
    status: incident.status,
    ...(incident.clientLabel !== undefined && { client_label: incident.clientLabel }),
    ...modesView(incident),
    deletion_state: incident.deletionState,
  };
}

/** All of an incident, for its owner. */
export function incidentView(incident: Incident, ownerAccountId: string): v.InferOutput<typeof IncidentView> {
  return {
    ...incidentSummary(incident),
    owner_account_id: ownerAccountId,
    ...(incident.notes !== undefined && { notes: incident.notes }),
  };
}
