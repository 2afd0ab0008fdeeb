/** Incidents at the private door: those that nobody owns, deletions, and how little of one is shown. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { carryOutDeletions } from '../../src/core/deletion-worker.ts';
import { type Answer, answers, ask, post, type Session } from '../support/ask.ts';
import {
  auditOf,
  disown,
  inEvidence,
  keepChunk,
  newIncident,
  newStream,
  newViewerToken,
  type Owner,
  outcomesOf,
  ownerIn,
} from '../support/evidence.ts';
import type { House, HouseOptions } from '../support/house.ts';
import { tableOf } from '../support/rows.ts';
import { addUnowned, UNOWNED, UNOWNED_TOKEN } from '../support/unowned.ts';
import { adminAt, type Page, type Visitor } from './admin-visitor.ts';

/** Words that only an owner may meet. */
const WORDS = { client_label: 'label-canary', notes: 'notes-canary' };
const PLACE = { latitude: 52.520008, longitude: 13.404954 };
const SECRET_WORDS = ['label-canary', 'notes-canary', 'stream-canary', 'link-canary', '52.52', '13.40'];

interface Scene {
  readonly house: House;
  readonly owner: Owner;
  readonly boss: Session;
  /** At the dashboard. */
  readonly who: Visitor;
}

const inScene = (options: HouseOptions, use: (scene: Scene) => Promise<void>) =>
  inEvidence(options, async (house, _, owner) => {
    const { as: boss } = await ownerIn(house, 'a-boss', 'admin');
    const { who } = await adminAt(house, 'ada', 'inside');
    await use({ house, owner, boss, who });
  });

/** An incident full of words. */
async function recorded({ house, owner }: Scene, chunks = 2): Promise<{ incidentId: string; token: string }> {
  const incidentId = await newIncident(house, owner.as, { ...WORDS, incident_mode: 'emergency' });
  const streamId = await newStream(house, owner.as, incidentId, { label: 'stream-canary' });
  for (let index = 1; index <= chunks; index += 1)
    await keepChunk(house, owner, { incidentId, streamId, index });
  answers(await post(house, `/v1/incidents/${incidentId}/checkins`, owner.as, PLACE), 201);
  const { token } = await newViewerToken(house, owner.as, incidentId, { label: 'link-canary' });
  return { incidentId, token };
}

const office = ({ house, boss }: Scene, path: string, body?: unknown): Promise<Answer> =>
  ask(house, `/admin/api/incidents/${path}`, {
    door: 'admin',
    as: boss,
    ...(body !== undefined && { body }),
  });

/** Nothing that was shown or written down has any of the words. */
async function silent({ house }: Scene, shown: readonly (Answer | Page)[]): Promise<void> {
  const all = JSON.stringify([
    shown.map(({ text }) => text),
    house.log,
    await tableOf(house, 'audit'),
    await tableOf(house, 'log_leaves'),
    await tableOf(house, 'reassignments'),
    await tableOf(house, 'deletions'),
  ]);
  for (const word of SECRET_WORDS) assert.ok(!all.includes(word), word);
}

const NOBODY = `inc_${'0'.repeat(26)}`;
const ACCOUNT = `acct_${'0'.repeat(26)}`;

describe('incidents that nobody owns', () => {
  it('are listed with counts and states, and with nothing of what is in them', () =>
    inScene({}, async (scene) => {
      const { house } = scene;
      answers(await office(scene, 'unowned'), 200);
      const { incidentId, token } = await recorded(scene);
      await recorded(scene);
      assert.deepEqual((await office(scene, 'unowned')).body, { incidents: [] });
      await disown(house, incidentId);
      const answer = answers(await office(scene, 'unowned'), 200);
      const [{ created_at, updated_at, ...rest }, ...more] = answer.body.incidents;
      assert.deepEqual(more, []);
      assert.deepEqual(rest, {
        incident_id: incidentId,
        status: 'open',
        deletion_state: 'active',
        stream_count: 1,
        chunk_count: 2,
        checkin_count: 1,
        incident_token_count: 1,
        has_active_viewer_tokens: true,
        incident_mode: 'emergency',
      });
      assert.ok(created_at <= updated_at);
      answers(await ask(house, `/i/${token}/data`), 200);
      await silent(scene, [answer]);
    }));

  it('are as many as was asked for, and no more than 500', () =>
    inScene({}, async (scene) => {
      const ids: string[] = [];
      for (let n = 0; n < 3; n += 1) {
        scene.house.clock.advance(1);
        ids.push(await newIncident(scene.house, scene.owner.as));
        await disown(scene.house, ids[n] ?? '');
      }
      const listed = async (query: string) =>
        answers(await office(scene, `unowned${query}`), 200).body.incidents.map(
          ({ incident_id }: { incident_id: string }) => incident_id,
        );
      assert.deepEqual(await listed(''), ids);
      assert.deepEqual(await listed('?limit=2'), ids.slice(0, 2));
      for (const limit of ['500', '501', '9999999999', '9'.repeat(400)])
        assert.deepEqual(await listed(`?limit=${limit}`), ids);
      for (const limit of ['0', '-1', 'x', '', '1.5', '1e2', `-${'9'.repeat(20)}`])
        answers(await office(scene, `unowned?limit=${limit}`), 400, 'invalid_limit');
    }));

  it('are given to an account once, which then has them like its own', () =>
    inScene({}, async (scene) => {
      const { house, owner, boss } = scene;
      const { incidentId, token } = await recorded(scene);
      await disown(house, incidentId);
      answers(await ask(house, `/v1/incidents/${incidentId}`, { as: owner.as }), 404, 'incident_not_found');
      const next = await ownerIn(house, 'a-next-owner');
      const body = {
        action: 'assign_owner',
        new_owner_account_id: next.person.account.id,
        reason_code: 'owner_verified',
      };
      house.clock.advance(1000);
      const answer = answers(await office(scene, `${incidentId}/reassignment`, body), 200);
      const { id, actor_account_id: actor, ...event } = answer.body.event;
      assert.match(id, /^lra_[0-9A-HJKMNP-TV-Z]{26}$/);
      const now = new Date(house.clock.now()).toISOString();
      assert.deepEqual(event, {
        incident_id: incidentId,
        ...body,
        source: 'admin_api',
        created_at: now,
        completed_at: now,
      });
      const account = answers(await ask(house, '/v1/account', { as: boss }), 200).body.account;
      assert.equal(actor, account.id);
      const { incident } = answers(
        await ask(house, `/v1/incidents/${incidentId}`, { as: next.as }),
        200,
      ).body;
      assert.deepEqual([incident.client_label, incident.deletion_state], ['label-canary', 'active']);
      answers(await ask(house, `/i/${token}/data`), 200);
      assert.deepEqual(await auditOf(house, 'incident_reassign'), [
        { outcome: 'ok', incidentId, subjectId: id },
      ]);
      answers(await office(scene, `${incidentId}/reassignment`, body), 409, 'incident_not_eligible');
      assert.deepEqual(await outcomesOf(house, 'incident_reassign'), ['conflict', 'ok']);
      assert.equal((await tableOf(house, 'reassignments')).length, 1);
      await silent(scene, [answer]);
    }));

  it('are kept without an owner, which changes nothing', () =>
    inScene({}, async (scene) => {
      const { house } = scene;
      const { incidentId } = await recorded(scene);
      await disown(house, incidentId);
      const before = await tableOf(house, 'incidents');
      const body = { action: 'keep_unowned', reason_code: 'unknown_owner' };
      for (let again = 0; again < 2; again += 1) {
        const { event } = answers(await office(scene, `${incidentId}/reassignment`, body), 200).body;
        assert.equal('new_owner_account_id' in event, false);
      }
      assert.deepEqual(await tableOf(house, 'incidents'), before);
      assert.equal((await office(scene, 'unowned')).body.incidents.length, 1);
    }));

  it('are reviewed, given away and deleted where they are legacy ones', () =>
    inScene({}, async (scene) => {
      const { house, owner } = scene;
      await addUnowned(house.db);
      const [listed] = answers(await office(scene, 'unowned'), 200).body.incidents;
      assert.deepEqual(
        [listed.incident_id, listed.stream_count, listed.chunk_count, listed.has_active_viewer_tokens],
        [UNOWNED, 0, 1, true],
      );
      const link = answers(await ask(house, `/i/${UNOWNED_TOKEN}/data`), 200);
      assert.equal(link.body.incident.id, UNOWNED);
      const mine = () => ask(house, `/v1/incidents/${UNOWNED}`, { as: owner.as });
      answers(await mine(), 404, 'incident_not_found');
      const to = { action: 'assign_owner', new_owner_account_id: owner.person.account.id };
      const body = { ...to, reason_code: 'owner_request' };
      answers(await office(scene, `${UNOWNED}/reassignment`, body), 200);
      assert.equal(answers(await mine(), 200).body.incident.status, 'closed');
      assert.equal(answers(await ask(house, `/i/${UNOWNED_TOKEN}/data`), 200).body.incident.id, UNOWNED);
      answers(await office(scene, `${UNOWNED}/deletion`, {}), 202);
      await carryOutDeletions(house.deps, { leaseMs: 0 });
      for (const table of ['chunks', 'segments', 'checkins', 'viewer_tokens', 'loose_blobs'])
        assert.deepEqual(await tableOf(house, table), [], table);
    }));

  it('are decided about in one of the two ways, for one of the reasons, or not at all', () =>
    inScene({}, async (scene) => {
      const { house, owner } = scene;
      const { incidentId } = await recorded(scene);
      const mine = await newIncident(house, owner.as);
      await disown(house, incidentId);
      const to = owner.person.account.id;
      const reason_code = 'operator_review';
      const cases: readonly (readonly [object, number, string])[] = [
        [{ reason_code }, 400, 'invalid_action'],
        [{ action: 'ASSIGN_OWNER', reason_code }, 400, 'invalid_action'],
        [{ action: 'assign_owner', new_owner_account_id: to }, 400, 'invalid_reason_code'],
        [{ action: 'keep_unowned', reason_code: 'because' }, 400, 'invalid_reason_code'],
        [{ action: 'keep_unowned', reason_code: ['operator_review'] }, 400, 'invalid_reason_code'],
        [{ action: 'assign_owner', reason_code }, 400, 'missing_new_owner_account_id'],
        [
          { action: 'assign_owner', reason_code, new_owner_account_id: '' },
          400,
          'missing_new_owner_account_id',
        ],
        [
          { action: 'keep_unowned', reason_code, new_owner_account_id: to },
          400,
          'unexpected_new_owner_account_id',
        ],
        [{ action: 'assign_owner', reason_code, new_owner_account_id: ACCOUNT }, 404, 'account_not_found'],
        [{ action: 'assign_owner', reason_code, new_owner_account_id: 'an-owner' }, 404, 'account_not_found'],
        [{ action: 'assign_owner', reason_code, new_owner_account_id: 7 }, 404, 'account_not_found'],
        [{ action: 'keep_unowned', reason_code, note: 'free text' }, 400, 'invalid_json'],
      ];
      for (const [body, status, code] of cases)
        answers(await office(scene, `${incidentId}/reassignment`, body), status, code);
      const keep = { action: 'keep_unowned', reason_code };
      for (const id of [NOBODY, 'inc_1', 'x'.repeat(300)])
        answers(await office(scene, `${id}/reassignment`, keep), 404, 'incident_not_found');
      answers(await office(scene, `${mine}/reassignment`, keep), 409, 'incident_not_eligible');
      answers(await office(scene, `${incidentId}/deletion`, { allow_open: true }), 202);
      answers(await office(scene, `${incidentId}/reassignment`, keep), 409, 'incident_not_eligible');
      assert.deepEqual(await tableOf(house, 'reassignments'), []);
    }));
});

describe('deletions by an admin', () => {
  it('are decided for any incident, owned or not, and carried out like the owner’s', () =>
    inScene({}, async (scene) => {
      const { house, owner } = scene;
      const [mine, nobodys] = [await recorded(scene), await recorded(scene)];
      await disown(house, nobodys.incidentId);
      const shown: Answer[] = [];
      for (const { incidentId, token } of [mine, nobodys]) {
        answers(await office(scene, `${incidentId}/deletion`), 404, 'incident_deletion_not_found');
        answers(await office(scene, `${incidentId}/deletion`, {}), 409, 'incident_deletion_invalid_state');
        answers(
          await office(scene, `${incidentId}/deletion`, { reason_code: 'no way' }),
          400,
          'invalid_reason_code',
        );
        const body = { allow_open: true, reason_code: 'court-order' };
        const first = answers(await office(scene, `${incidentId}/deletion`, body), 202);
        const { deletion } = first.body;
        assert.deepEqual(
          [deletion.source, deletion.reason_code, deletion.item_count, deletion.state],
          ['admin_request', 'court-order', 2, 'deletion_pending'],
        );
        assert.equal(answers(await office(scene, `${incidentId}/deletion`, {}), 202).text, first.text);
        answers(await ask(house, `/i/${token}/data`), 404, 'incident_token_invalid');
        shown.push(first);
      }
      await carryOutDeletions(house.deps, { leaseMs: 0 });
      for (const { incidentId } of [mine, nobodys]) {
        const { deletion } = answers(await office(scene, `${incidentId}/deletion`), 200).body;
        assert.deepEqual([deletion.state, deletion.item_count], ['deleted', 2]);
      }
      const theirs = `/v1/incidents/${mine.incidentId}/deletion`;
      assert.equal((await ask(house, theirs, { as: owner.as })).body.deletion.source, 'admin_request');
      assert.equal((await auditOf(house, 'incident_delete')).length, 4, 'two of them refused');
      for (const id of [NOBODY, 'inc_1']) {
        answers(await office(scene, `${id}/deletion`), 404, 'incident_not_found');
        answers(await office(scene, `${id}/deletion`, { allow_open: true }), 404, 'incident_not_found');
      }
      await silent(scene, shown);
    }));

  it('are for admins alone', () =>
    inScene({}, async (scene) => {
      const { house, owner } = scene;
      const { incidentId } = await recorded(scene);
      for (const [path, body] of [
        ['unowned', undefined],
        [`${incidentId}/deletion`, undefined],
        [`${incidentId}/deletion`, { allow_open: true }],
        [`${incidentId}/reassignment`, { action: 'keep_unowned', reason_code: 'unknown_owner' }],
      ] as const)
        answers(await office({ ...scene, boss: owner.as }, path, body), 403, 'forbidden');
      assert.deepEqual(await tableOf(house, 'deletions'), []);
    }));
});

describe('the sums', () => {
  it('count incidents by state, and their bytes', () =>
    inScene({}, async (scene) => {
      const { house, owner, boss } = scene;
      const [one, two, three] = [await recorded(scene), await recorded(scene, 1), await recorded(scene, 0)];
      answers(await post(house, `/v1/incidents/${two.incidentId}/close`, owner.as), 200);
      await disown(house, one.incidentId);
      answers(await office(scene, `${three.incidentId}/deletion`, { allow_open: true }), 202);
      const bytes = (await tableOf(house, 'chunks')).reduce((sum, row) => sum + Number(row.byte_size), 0);
      const sums = async () =>
        answers(await ask(house, '/admin/api/stats', { door: 'admin', as: boss }), 200).body.incidents;
      const expected = { count: 3, open: 2, closed: 1, unowned: 1, bytes, deleting: 0, deletion_failed: 0 };
      assert.deepEqual(await sums(), { ...expected, deletion_pending: 1, deleted: 0 });
      await carryOutDeletions(house.deps, { leaseMs: 0 });
      assert.deepEqual(await sums(), { ...expected, count: 2, open: 1, deletion_pending: 0, deleted: 1 });
    }));
});

describe('incidents on the dashboard', () => {
  it('say so where there are none', () =>
    inScene({}, async ({ who }) => {
      const page = await who.get('/admin/incidents');
      assert.deepEqual([page.status, page.title], [200, 'Incidents']);
      for (const words of ['Every incident has an owner.', 'No deletion waits.', 'No incident was deleted'])
        assert.ok(page.text.includes(words), words);
    }));

  it('are found by id and shown in numbers, never in words', () =>
    inScene({}, async (scene) => {
      const { who } = scene;
      const { incidentId } = await recorded(scene);
      await who.get('/admin/incidents');
      const found = await who.post('/admin/incidents/find', { incident_id: ` ${incidentId} ` });
      assert.deepEqual([found.status, found.location], [303, `/admin/incidents/${incidentId}`]);
      const page = await who.get(found.location ?? '');
      assert.equal(page.title, 'Incident');
      for (const [name, value] of [
        ['Streams', '1'],
        ['Chunks', '2, '],
        ['Check-ins', '1'],
        ['Links', '1, open now'],
        ['Recording', 'open'],
      ] as const)
        assert.match(page.text, new RegExp(`<dt>${name}</dt>\\s*<dd>${value}`), name);
      await silent(scene, [page]);
      for (const id of ['', 'x', NOBODY, `<script>${incidentId}`]) {
        const missing = await who.post('/admin/incidents/find', { incident_id: id });
        assert.deepEqual([missing.status, missing.alerts], [404, ['There is no incident with this id.']]);
        assert.ok(!missing.text.includes('<script>'));
      }
      assert.equal((await who.get(`/admin/incidents/${NOBODY}`)).title, 'No Such Incident');
      assert.equal((await who.get('/admin/incidents/x')).status, 404);
    }));

  it('are deleted once confirmed, open ones with a warning, and followed to the end', () =>
    inScene({}, async (scene) => {
      const { house, who } = scene;
      const { incidentId } = await recorded(scene);
      const path = `/admin/incidents/${incidentId}`;
      assert.match((await who.get(path)).text, /name="allow_open" value="yes"/);
      const bad = await who.post(`${path}/deletion`, {
        reason_code: 'no way',
        allow_open: 'yes',
        confirm: 'yes',
      });
      assert.equal(bad.status, 400);
      assert.match(bad.alerts.join(), /1 to 64 letters/);
      const refused = await who.post(`${path}/deletion`, { confirm: 'yes' });
      assert.equal(refused.status, 409, 'an open one, without the word for it');
      const asked = await who.post(`${path}/deletion`, { reason_code: 'why-not', allow_open: 'yes' });
      assert.equal(asked.title, 'Delete this incident?');
      assert.match(asked.text, /It is open/);
      assert.deepEqual(await tableOf(house, 'deletions'), [], 'nothing was done yet');
      const done = await who.confirm(`${path}/deletion`, { reason_code: 'why-not', allow_open: 'yes' });
      assert.equal(done.location, `${path}?notice=incident_deletion_requested`);
      const waiting = await who.get(done.location ?? '');
      assert.equal(waiting.notice, 'The incident is being deleted.');
      assert.match(waiting.text, /<dt>Chunks gone<\/dt>\s*<dd>0 of 2/);
      assert.match(waiting.text, /<dt>Reason<\/dt>\s*<dd>why-not/);
      assert.ok(!waiting.text.includes('delete-incident'), 'there is nothing more to ask for');
      assert.ok((await who.get('/admin/incidents')).text.includes(incidentId));
      const stubborn = { ...house.deps.blobs, remove: () => Promise.reject(new RangeError('stuck')) };
      await carryOutDeletions({ ...house.deps, blobs: stubborn }, { leaseMs: 0 });
      const failed = await who.get(path);
      assert.match(failed.text, /<dt>Failures<\/dt>\s*<dd>blob_delete_failed; tried in vain: 1; .* 2</);
      await carryOutDeletions(house.deps, { leaseMs: 0 });
      const ended = await who.get(path);
      assert.match(ended.text, /<dt>Chunks gone<\/dt>\s*<dd>2 of 2/);
      assert.match((await who.get('/admin/incidents')).text, /why-not/);
      await silent(scene, [bad, refused, asked, waiting, failed, ended]);
    }));

  it('are given to an account by name or id, or kept, once confirmed', () =>
    inScene({}, async (scene) => {
      const { house, who, owner } = scene;
      const made = [await recorded(scene), await recorded(scene), await recorded(scene)];
      const [one, two, three] = made.map(({ incidentId }) => incidentId) as [string, string, string];
      for (const { incidentId } of made) await disown(house, incidentId);
      const path = (id: string) => `/admin/incidents/${id}/reassignment`;
      await who.get('/admin/incidents');
      const reason = { reason_code: 'owner_verified' };
      for (const [fields, sentence] of [
        [reason, 'Choose what to do.'],
        [{ action: 'assign_owner', new_owner: 'an-owner' }, 'Choose one of the reasons.'],
        [{ action: 'assign_owner', ...reason }, 'Say which account.'],
        [{ action: 'assign_owner', new_owner: 'nobody-here', ...reason }, 'There is no such account.'],
        [{ action: 'assign_owner', new_owner: ACCOUNT, ...reason }, 'There is no such account.'],
        [
          { action: 'keep_unowned', new_owner: 'an-owner', ...reason },
          'Leave this empty to keep the incident without an owner.',
        ],
      ] as const) {
        const page = await who.post(path(one), { ...fields, confirm: 'yes' });
        assert.deepEqual(page.alerts, [sentence]);
        assert.ok(page.status === 400 || page.status === 404);
      }
      assert.deepEqual(await tableOf(house, 'reassignments'), []);
      const byName = { action: 'assign_owner', new_owner: ' An-Owner ', ...reason };
      const done = await who.confirm(path(one), byName);
      assert.equal(done.location, `/admin/incidents/${one}?notice=incident_reassigned`);
      const byId = { ...byName, new_owner: owner.person.account.id };
      assert.equal((await who.confirm(path(two), byId)).status, 303);
      const keep = { action: 'keep_unowned', new_owner: '', reason_code: 'other_controlled' };
      const kept = await who.confirm(path(three), keep);
      assert.equal(kept.location, `/admin/incidents/${three}?notice=incident_kept_unowned`);
      assert.match((await who.get(`/admin/incidents/${three}`)).text, /Keep it without an owner/);
      const late = await who.post(path(one), { ...byId, confirm: 'yes' });
      assert.deepEqual([late.status, late.notice], [409, 'Incident has an owner, or is not active.']);
      const listed = answers(await ask(house, '/v1/incidents', { as: owner.as }), 200).body.incidents;
      assert.equal(listed.length, 2);
      const events = await tableOf(house, 'reassignments');
      assert.deepEqual(
        events.map(({ source, action }) => `${source} ${action}`),
        ['admin_dashboard assign_owner', 'admin_dashboard assign_owner', 'admin_dashboard keep_unowned'],
      );
      assert.equal((await auditOf(house, 'incident_reassign')).length, 3);
      await silent(scene, [done, kept, late]);
    }));
});
