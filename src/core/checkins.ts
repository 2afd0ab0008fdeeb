/** Check-ins: what a device says about itself while an incident lasts. Nobody is told; they are kept. */
import type { LiveSession } from '../store/accounts.ts';
import type { Checkin } from '../store/incidents.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { newId } from './ids.ts';
import { ownedBy } from './owned.ts';
import { textOf } from './text-fields.ts';

/** What a device reports, unchecked. */
export interface CheckinForm {
  readonly batteryPercent: unknown;
  readonly network: unknown;
  readonly latitude: unknown;
  readonly longitude: unknown;
  readonly accuracyMeters: unknown;
}

const invalid = () => new Fault('invalid_checkin');

/** A number from `least` to `most`; JSON's 1e999 is infinite and no number here. */
function numberOf(value: unknown, least: number, most: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < least || value > most) throw invalid();
  return value;
}

/**
 * Keeps a check-in, also after the incident was closed: who checks in may have more to say than what was recorded.
 * @throws Fault `invalid_checkin`, `incident_not_found`, `incident_deleting`
 */
export async function addCheckin(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  incidentId: string,
  form: CheckinForm,
): Promise<Checkin> {
  const batteryPercent = numberOf(form.batteryPercent, 0, 100);
  if (batteryPercent !== undefined && !Number.isInteger(batteryPercent)) throw invalid();
  const network = textOf(form.network, { fault: 'invalid_checkin', mostBytes: 64 });
  const latitude = numberOf(form.latitude, -90, 90);
  const longitude = numberOf(form.longitude, -180, 180);
  if ((latitude === undefined) !== (longitude === undefined)) throw invalid();
  const accuracyMeters = numberOf(form.accuracyMeters, 0, Number.MAX_VALUE);
  const owned = ownedBy(live, incidentId);
  const checkin: Checkin = {
    id: newId('cin', deps),
    incidentId,
    createdAt: deps.now(),
    ...(batteryPercent !== undefined && { batteryPercent }),
    ...(network !== undefined && { network }),
    ...(latitude !== undefined && { latitude }),
    ...(longitude !== undefined && { longitude }),
    ...(accuracyMeters !== undefined && { accuracyMeters }),
  };
  const audit = auditEntry(deps, origin, 'checkin_create', 'ok', { incidentId, subjectId: checkin.id });
  const added = await deps.store.checkins.add(owned, checkin, live.session.id, audit);
  if (added !== 'added') throw new Fault(added);
  return checkin;
}
