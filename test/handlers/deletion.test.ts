/** The decision to delete an incident, through the main door. That the bytes go is the worker's business. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers, ask, post } from '../support/ask.ts';
import {
  auditOf,
  inEvidence,
  keepChunk,
  newIncident,
  newStream,
  newViewerToken,
  outcomesOf,
  ownerIn,
  setDeletionState,
} from '../support/evidence.ts';

const at = (incident: string) => `/v1/incidents/${incident}/deletion`;
const OPEN = { allow_open: true };

describe('asking for the deletion of an incident', () => {
  it('answers the decision, which can be read from then on', () =>
    inEvidence({}, async (house, as, owner) => {
      const incidentId = await newIncident(house, as);
      const streamId = await newStream(house, as, incidentId);
      for (const index of [1, 2]) await keepChunk(house, owner, { incidentId, streamId, index });
      answers(await post(house, `/v1/incidents/${incidentId}/close`, as), 200);
      answers(await ask(house, at(incidentId), { as }), 404, 'incident_deletion_not_found');
      house.clock.advance(1000);
      const reason = { reason_code: 'no_longer.needed:2026-1' };
      const answer = answers(await post(house, at(incidentId), as, reason), 202);
      const { decision_id, ...rest } = answer.body.deletion;
      assert.match(decision_id, /^del_[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
      const now = new Date(house.clock.now()).toISOString();
      assert.deepEqual(rest, {
        incident_id: incidentId,
        source: 'account_request',
        ...reason,
        actor_account_id: owner.person.account.id,
        allow_open: false,
        state: 'deletion_pending',
        item_count: 2,
        requested_at: now,
        updated_at: now,
      });
      assert.deepEqual(answers(await ask(house, at(incidentId), { as }), 200).body, answer.body);
      const { incident } = (await ask(house, `/v1/incidents/${incidentId}`, { as })).body;
      assert.deepEqual([incident.deletion_state, incident.updated_at], ['deletion_pending', now]);
      assert.deepEqual(await auditOf(house, 'incident_delete'), [
        { outcome: 'ok', incidentId, subjectId: decision_id },
      ]);
    }));

  it('is refused for an open incident, unless that is meant too', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      for (const body of [{}, { allow_open: false }, { allow_open: null }, { reason_code: 'mistake' }])
        answers(await post(house, at(incident), as, body), 409, 'incident_deletion_invalid_state');
      answers(await ask(house, at(incident), { method: 'POST', as }), 409, 'incident_deletion_invalid_state');
      answers(await ask(house, at(incident), { as }), 404, 'incident_deletion_not_found');
      assert.equal(
        (await ask(house, `/v1/incidents/${incident}`, { as })).body.incident.deletion_state,
        'active',
      );
      const { deletion } = answers(await post(house, at(incident), as, OPEN), 202).body;
      assert.equal(deletion.allow_open, true);
      assert.deepEqual(await outcomesOf(house, 'incident_delete'), [...Array(5).fill('conflict'), 'ok']);
    }));

  it('again answers the first decision, whatever is said the second time', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const first = answers(await post(house, at(incident), as, { ...OPEN, reason_code: 'first' }), 202);
      house.clock.advance(1000);
      for (const body of [{}, OPEN, { reason_code: 'second' }, { allow_open: false }])
        assert.equal(answers(await post(house, at(incident), as, body), 202).text, first.text);
      assert.equal((await auditOf(house, 'incident_delete')).length, 1);
      for (const state of ['deleting', 'deletion_failed', 'deleted'] as const) {
        await setDeletionState(house, incident, state);
        assert.equal(answers(await post(house, at(incident), as), 202).text, first.text);
        assert.equal(answers(await ask(house, at(incident), { as }), 200).text, first.text);
      }
    }));

  it('decides once, however many ask at the same time', () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const all = await Promise.all(
        Array.from({ length: 8 }, (_, i) => post(house, at(incident), as, { ...OPEN, reason_code: `r${i}` })),
      );
      assert.equal(new Set(all.map((answer) => answers(answer, 202).text)).size, 1);
      assert.equal((await auditOf(house, 'incident_delete')).length, 1);
    }));

  it('takes a reason of 64 letters, digits and four signs', () =>
    inEvidence({}, async (house, as) => {
      const begin = () => newIncident(house, as);
      for (const reason_code of ['x', 'A-Za-z0-9_.:-', 'r'.repeat(64)]) {
        const { deletion } = answers(
          await post(house, at(await begin()), as, { ...OPEN, reason_code }),
          202,
        ).body;
        assert.equal(deletion.reason_code, reason_code);
      }
      for (const reason_code of [undefined, null, '']) {
        const { deletion } = answers(
          await post(house, at(await begin()), as, { ...OPEN, reason_code }),
          202,
        ).body;
        assert.equal('reason_code' in deletion, false);
      }
      const incident = await begin();
      for (const reason_code of [
        'r'.repeat(65),
        ' ',
        'a b',
        'a\n',
        'a/b',
        '\u00e4',
        'a\0',
        'a,b',
        1,
        {},
        ['a'],
        true,
      ])
        answers(await post(house, at(incident), as, { ...OPEN, reason_code }), 400, 'invalid_reason_code');
      for (const body of [
        { allow_open: 'true' },
        { allow_open: 1 },
        { source: 'admin_request' },
        { force: true },
      ])
        answers(await post(house, at(incident), as, body), 400, 'invalid_json');
      answers(await ask(house, at(incident), { as }), 404, 'incident_deletion_not_found');
    }));

  it('stops everything that would add to the incident, and lets it be read', () =>
    inEvidence({}, async (house, as, owner) => {
      const incidentId = await newIncident(house, as);
      const streamId = await newStream(house, as, incidentId);
      await keepChunk(house, owner, { incidentId, streamId });
      const { tokenId } = await newViewerToken(house, as, incidentId);
      answers(await post(house, at(incidentId), as, OPEN), 202);
      const below = `/v1/incidents/${incidentId}`;
      for (const [path, body] of [
        [`${below}/close`, {}],
        [`${below}/checkins`, {}],
        [`${below}/streams`, { media_type: 'audio' }],
        [`${below}/streams/${streamId}/complete`, { expected_chunk_count: 1 }],
        [`${below}/streams/${streamId}/fail`, {}],
        [`${below}/incident-tokens`, {}],
      ] as const)
        answers(await post(house, path, as, body), 409, 'incident_deleting');
      for (const path of [
        below,
        `${below}/streams`,
        `${below}/streams/${streamId}`,
        `${below}/incident-tokens`,
        `${below}/incident-tokens/${tokenId}`,
        `${below}/deletion`,
      ])
        answers(await ask(house, path, { as }), 200);
    }));

  it("decides nothing about somebody else's, whoever asks", () =>
    inEvidence({}, async (house, as) => {
      const incident = await newIncident(house, as);
      const admin = await ownerIn(house, 'an-admin', 'admin');
      answers(await post(house, at(incident), admin.as, OPEN), 404, 'incident_not_found');
      answers(await post(house, at(incident), as, OPEN), 202);
      answers(await ask(house, at(incident), { as: admin.as }), 404, 'incident_not_found');
      answers(await post(house, at(incident), admin.as, OPEN), 404, 'incident_not_found');
    }));
});
