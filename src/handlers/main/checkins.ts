/** The check-in room of the main door. */
import * as v from 'valibot';
import { addCheckin } from '../../core/checkins.ts';
import { JSON_FAULTS, readOptionalFields } from '../kit/body.ts';
import { json } from '../kit/reply.ts';
import { account } from '../kit/session.ts';
import { timestamp } from '../kit/time.ts';
import { incidentParams } from './incident-params.ts';
import { incidentRoute } from './incident-route.ts';
import { originOf } from './origin.ts';

const given = {
  device_battery_percent: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100))),
  device_network: v.optional(v.string()),
  latitude: v.optional(v.pipe(v.number(), v.minValue(-90), v.maxValue(90))),
  longitude: v.optional(v.pipe(v.number(), v.minValue(-180), v.maxValue(180))),
  accuracy_meters: v.optional(v.pipe(v.number(), v.minValue(0))),
};

export const create = incidentRoute({
  id: 'checkins.create',
  method: 'POST',
  path: '/v1/incidents/:id/checkins',
  limit: 'incident_write',
  gate: account,
  params: incidentParams,
  summary: 'Say where and how the device is, also after the incident was closed. Nobody is notified.',
  body: {
    description: 'What the device knows; latitude and longitude come together or not at all.',
    types: [],
    json: v.strictObject(given),
  },
  answers: {
    201: {
      description: 'Kept.',
      schema: v.strictObject({
        id: v.string(),
        incident_id: v.string(),
        created_at: v.pipe(v.string(), v.isoTimestamp()),
        ...given,
      }),
    },
  },
  faults: [...JSON_FAULTS, 'invalid_checkin', 'incident_not_found', 'incident_deleting'],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readOptionalFields(request, deps, [
      'device_battery_percent',
      'device_network',
      'latitude',
      'longitude',
      'accuracy_meters',
    ]);
    const checkin = await addCheckin(deps, originOf(who, 'incident_write'), who.live, id, {
      batteryPercent: fields.device_battery_percent,
      network: fields.device_network,
      latitude: fields.latitude,
      longitude: fields.longitude,
      accuracyMeters: fields.accuracy_meters,
    });
    return json(201, {
      id: checkin.id,
      incident_id: checkin.incidentId,
      created_at: timestamp(checkin.createdAt),
      // JSON leaves out what is undefined.
      device_battery_percent: checkin.batteryPercent,
      device_network: checkin.network,
      latitude: checkin.latitude,
      longitude: checkin.longitude,
      accuracy_meters: checkin.accuracyMeters,
    });
  },
});

export const checkinRoutes = [create];
