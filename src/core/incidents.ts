/** Incidents: beginning one, reading one's own, and ending it. */
import type { LiveSession } from '../store/accounts.ts';
import type { Incident, IncidentModes, NewIncident } from '../store/incidents.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { newId } from './ids.ts';
import { orRefused, ownedBy, standing } from './owned.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { textOf, wordOf } from './text-fields.ts';

export const INCIDENT_MODES = ['emergency', 'interaction_record', 'safety_check', 'evidence_note'] as const;
export const CAPTURE_PROFILES = [
  'audio_video_location',
  'audio_location',
  'location_checkin',
  'note_or_attachment',
  'custom',
] as const;
export const ESCALATION_POLICIES = [
  'none',
  'trusted_contacts_on_start',
  'trusted_contacts_on_missed_checkin',
  'urgent_trusted_contact_alert',
] as const;
export const SHARING_STATES = [
  'private',
  'trusted_contact_access',
  'public_link_created',
  'legal_export_created',
  'revoked_or_expired',
] as const;

/** What a client says of a new incident, unchecked. */
export interface IncidentForm {
  readonly clientLabel: unknown;
  readonly notes: unknown;
  readonly incidentMode: unknown;
  readonly captureProfile: unknown;
  readonly escalationPolicy: unknown;
  readonly sharingState: unknown;
}

/** The client's labels. They are kept and answered, and nothing follows from them. */
function modesOf(form: IncidentForm): IncidentModes {
  const incidentMode = wordOf(form.incidentMode, INCIDENT_MODES, 'invalid_incident_mode');
  const captureProfile = wordOf(form.captureProfile, CAPTURE_PROFILES, 'invalid_capture_profile');
  const escalationPolicy = wordOf(form.escalationPolicy, ESCALATION_POLICIES, 'invalid_escalation_policy');
  const sharingState = wordOf(form.sharingState, SHARING_STATES, 'invalid_sharing_state');
  return {
    ...(incidentMode !== undefined && { incidentMode }),
    ...(captureProfile !== undefined && { captureProfile }),
    ...(escalationPolicy !== undefined && { escalationPolicy }),
    ...(sharingState !== undefined && { sharingState }),
  };
}

/**
 * Begins an incident, which is the account's from then on.
 * @throws Fault `invalid_client_label`, `invalid_notes`, `invalid_incident_mode`, `invalid_capture_profile`,
 *   `invalid_escalation_policy`, `invalid_sharing_state`
 */
export async function createIncident(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  form: IncidentForm,
): Promise<NewIncident> {
  const clientLabel = textOf(form.clientLabel, { fault: 'invalid_client_label', mostBytes: 200 });
  const notes = textOf(form.notes, { fault: 'invalid_notes', mostBytes: 8192, lines: true });
  const incident: NewIncident = {
    id: newId('inc', deps),
    ownerAccountId: live.account.id,
    createdAt: deps.now(),
    ...(clientLabel !== undefined && { clientLabel }),
    ...(notes !== undefined && { notes }),
    ...modesOf(form),
  };
  const audit = auditEntry(deps, origin, 'incident_create', 'ok', { incidentId: incident.id });
  await deps.store.incidents.create(incident, audit);
  return incident;
}

/** The account's incidents, newest-updated first. @throws Fault `invalid_cursor`, `invalid_limit` */
export async function listIncidents(deps: Deps, live: LiveSession, raw: RawPaging): Promise<Page<Incident>> {
  return pageOf(pagingOf(raw, 'inc'), (after, limit) =>
    deps.store.incidents.list(live.account.id, after, limit),
  );
}

/** One's own, also while it is being deleted. @throws Fault `incident_not_found` */
export async function readIncident(deps: Deps, live: LiveSession, incidentId: string): Promise<Incident> {
  return standing(deps, ownedBy(live, incidentId));
}

/**
 * Ends an incident: nothing is uploaded to it any more. Again is harmless.
 * @throws Fault `incident_not_found`, `incident_deleting`
 */
export async function closeIncident(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  incidentId: string,
): Promise<Incident> {
  const owned = ownedBy(live, incidentId);
  const audit = auditEntry(deps, origin, 'incident_close', 'ok', { incidentId });
  return orRefused(await deps.store.incidents.close(owned, deps.now(), audit));
}
