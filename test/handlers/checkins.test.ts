/** Check-ins through the main door. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, ask, post } from '../support/ask.ts';
import { auditOf, inEvidence, newIncident, outcomesOf, setDeletionState } from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { liveSessionOf } from '../support/people.ts';

const at = (id: string) => `/v1/incidents/${id}/checkins`;
const FULL = {
  device_battery_percent: 42,
  device_network: 'wifi',
  latitude: 48.2082,
  longitude: -16.3738,
  accuracy_meters: 3.5,
};

async function rows(house: House): Promise<readonly unknown[][]> {
  const sql = `SELECT incident_id, account_id, session_id, battery_percent, network, latitude, longitude,
    accuracy_meters FROM checkins ORDER BY id`;
  const [found] = await house.db.batch([{ sql, args: [] }], 'read');
  return (found?.rows ?? []).map((row) => [...row]);
}

describe('a check-in', () => {
  it('answers what was given, with an id and its time', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      const { id: checkin, ...rest } = answers(await post(house, at(id), as, FULL), 201).body;
      assert.match(checkin, /^cin_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      assert.deepEqual(rest, {
        incident_id: id,
        created_at: new Date(house.clock.now()).toISOString(),
        ...FULL,
      });
    }));

  it('keeps who wrote it, and shows nobody', () =>
    inEvidence({}, async (house, as, { person }) => {
      const id = await newIncident(house, as);
      const answer = answers(await post(house, at(id), as, FULL), 201);
      const { session } = await liveSessionOf(house, as.token);
      assert.deepEqual(await rows(house), [
        [id, person.account.id, session.id, 42, 'wifi', 48.2082, -16.3738, 3.5],
      ]);
      assert.ok(!answer.text.includes(session.id) && !answer.text.includes(person.account.id));
      assert.deepEqual(await auditOf(house, 'checkin_create'), [
        { outcome: 'ok', incidentId: id, subjectId: answer.body.id },
      ]);
    }));

  it('needs nothing: that somebody is there is enough', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      for (const body of ['', '{}', '{"latitude":null,"longitude":null,"device_network":" "}']) {
        const answer = await ask(house, at(id), { method: 'POST', as, body });
        assert.deepEqual(Object.keys(answers(answer, 201).body), ['id', 'incident_id', 'created_at']);
      }
    }));

  it('takes every value up to its bounds', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      const place = (latitude: number, longitude: number) => ({ latitude, longitude });
      for (const given of [
        { device_battery_percent: 0 },
        { device_battery_percent: 100 },
        { device_network: 'x'.repeat(64) },
        { device_network: '\u00e4'.repeat(32) },
        place(90, 180),
        place(-90, -180),
        place(0, 0),
        place(1e-300, 179.999999999999),
        { accuracy_meters: 0 },
        { accuracy_meters: 1e300 },
      ]) {
        const {
          id: _,
          incident_id,
          created_at,
          ...rest
        } = answers(await post(house, at(id), as, given), 201).body;
        assert.deepEqual(rest, given);
      }
      const zero = await ask(house, at(id), {
        as,
        body: '{"latitude":-0,"longitude":-0.0,"accuracy_meters":-0}',
      });
      assert.match(answers(zero, 201).text, /"latitude":0,"longitude":0,"accuracy_meters":0}/);
    }));

  it('refuses every value beyond them, and keeps nothing', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      for (const body of [
        '{"device_battery_percent":-1}',
        '{"device_battery_percent":101}',
        '{"device_battery_percent":50.5}',
        '{"device_battery_percent":"50"}',
        '{"device_battery_percent":true}',
        '{"device_battery_percent":1e999}',
        `{"device_network":"${'x'.repeat(65)}"}`,
        `{"device_network":"${'\u00e4'.repeat(33)}"}`,
        '{"device_network":5}',
        '{"device_network":"a\\u0000b"}',
        '{"device_network":"a\\nb"}',
        '{"device_network":"\\ud800"}',
        '{"latitude":1}',
        '{"longitude":1}',
        '{"latitude":1,"longitude":null}',
        '{"latitude":90.0000001,"longitude":0}',
        '{"latitude":-90.0000001,"longitude":0}',
        '{"latitude":0,"longitude":180.0000001}',
        '{"latitude":0,"longitude":-181}',
        '{"latitude":1e999,"longitude":0}',
        '{"latitude":0,"longitude":-1e999}',
        '{"latitude":"48","longitude":"16"}',
        '{"latitude":[48],"longitude":[16]}',
        '{"accuracy_meters":-0.001}',
        '{"accuracy_meters":1e999}',
        '{"accuracy_meters":{}}',
      ])
        answers(await ask(house, at(id), { as, body }), 400, 'invalid_checkin');
      for (const body of [
        '{"latitude":NaN,"longitude":1}',
        '{"created_at":"2026-01-01T00:00:00Z"}',
        '{"x":1}',
      ])
        answers(await ask(house, at(id), { as, body }), 400, 'invalid_json');
      assert.deepEqual(await rows(house), []);
      assert.deepEqual(await auditOf(house, 'checkin_create'), []);
    }));

  it('works after the incident was closed, and leaves its time of change alone', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      const closed = answers(await post(house, `/v1/incidents/${id}/close`, as), 200).body;
      house.clock.advance(1000);
      answers(await post(house, at(id), as, FULL), 201);
      const { incident } = (await ask(house, `/v1/incidents/${id}`, { as })).body;
      assert.equal(incident.updated_at, closed.updated_at);
    }));

  it('is refused while the incident is deleted', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as);
      for (const state of ['deletion_pending', 'deleting', 'deletion_failed'] as const) {
        await setDeletionState(house, id, state);
        answers(await post(house, at(id), as, FULL), 409, 'incident_deleting');
      }
      assert.deepEqual(await rows(house), []);
      assert.deepEqual(await outcomesOf(house, 'checkin_create'), ['conflict', 'conflict', 'conflict']);
    }));

  it('tells nobody', () =>
    inEvidence({}, async (house, as) => {
      const id = await newIncident(house, as, { escalation_policy: 'trusted_contacts_on_missed_checkin' });
      answers(await post(house, at(id), as, FULL), 201);
      await house.settled();
      assert.deepEqual(house.mail, []);
      assert.equal(house.clock.waiting, 0);
    }));
});
