/** Check-ins beside a recording: that the device is there, and what it was told to say about itself. */

import { Failure } from '../../shared/failure.ts';
import type { Happening } from './events.ts';
import type { Login } from './login.ts';
import { decimal, type Given, milliseconds, type Option, wholeNumber } from './options.ts';
import { refusalIn } from './service.ts';

export const CHECKIN_OPTIONS: readonly Option[] = [
  { name: 'checkin-every', value: 'TIME', help: 'check in at once and then this often: 30s, 5m' },
  { name: 'battery', value: 'PERCENT', help: 'say this about the battery, 0 to 100' },
  { name: 'network', value: 'NAME', help: 'say this about the network: wifi, lte' },
  { name: 'latitude', value: 'DEGREES', help: 'say that the device is here' },
  { name: 'longitude', value: 'DEGREES', help: 'with --latitude' },
  { name: 'accuracy', value: 'METRES', help: 'with --latitude' },
];

export interface CheckinPlan {
  readonly everyMs: number;
  /** What is sent. The server can read it. */
  readonly said: Readonly<Record<string, number | string>>;
}

/** The plan in the options, or undefined for no check-ins. Throws usage failures. */
export function checkinPlan(given: Given): CheckinPlan | undefined {
  const everyMs = milliseconds(given, 'checkin-every');
  if (everyMs === undefined) return undefined;
  const said: Readonly<Record<string, number | string | undefined>> = {
    device_battery_percent: wholeNumber(given, 'battery', 0, 100),
    device_network: given.value('network'),
    latitude: decimal(given, 'latitude', -90, 90),
    longitude: decimal(given, 'longitude', -180, 180),
    accuracy_meters: decimal(given, 'accuracy', 0, 1e7),
  };
  const present = Object.entries(said).filter(
    (entry): entry is [string, number | string] => entry[1] !== undefined,
  );
  return { everyMs, said: Object.fromEntries(present) };
}

/** Checks in until the returned function is called. One that fails is told and not repeated: the next says more. */
export function checkInRepeatedly(
  login: Login,
  incidentId: string,
  { everyMs, said }: CheckinPlan,
  tell: (happening: Happening) => void,
): () => void {
  let under = false;
  const once = async (): Promise<void> => {
    if (under) return;
    under = true;
    try {
      const path = `v1/incidents/${incidentId}/checkins`;
      const reply = await login.once({ method: 'POST', path, json: said });
      if (reply.status === 201) tell({ event: 'checked_in' });
      else tell({ event: 'checkin_failed', reason: refusalIn(reply).message });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      tell({ event: 'checkin_failed', reason: error.message });
    } finally {
      under = false;
    }
  };
  void once();
  const timer = setInterval(() => void once(), everyMs);
  return () => clearInterval(timer);
}
