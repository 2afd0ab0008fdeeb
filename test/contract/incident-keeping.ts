/** Incidents and check-ins: begun, found, listed, closed, and seen by their owner alone. */
import assert from 'node:assert/strict';
import type { Incident } from '../../src/store/incidents.ts';
import { accountId, NOW } from './account-room.ts';
import {
  about,
  begin,
  checkinOf,
  type IncidentIt,
  incidentId,
  outcomes,
  owned,
  rows,
  setState,
} from './incident-room.ts';

const WHOLE: Omit<Incident, 'id' | 'status' | 'deletionState' | 'updatedAt'> & { ownerAccountId: string } = {
  ownerAccountId: accountId(1),
  createdAt: NOW,
  clientLabel: 'a label',
  notes: 'some notes, “quoted”',
  incidentMode: 'emergency',
  captureProfile: 'audio_video_location',
  escalationPolicy: 'none',
  sharingState: 'private',
};

/** Numbers of the incidents of account 1 as they are listed. */
const numbers = (incidents: readonly Incident[]) => incidents.map(({ id }) => Number(id.slice(4)));

export function keeping(it: IncidentIt): void {
  it('gives an incident back as it was begun', async (subject) => {
    await begin(subject, 1, WHOLE);
    const begun = { status: 'open', deletionState: 'active', updatedAt: NOW };
    assert.deepEqual(await subject.incidents.find(owned(1)), { id: incidentId(1), ...WHOLE, ...begun });
    await begin(subject, 2);
    assert.deepEqual(await subject.incidents.find(owned(2)), {
      ...{ id: incidentId(2), ownerAccountId: accountId(1), createdAt: NOW },
      ...begun,
    });
    assert.deepEqual(
      (await subject.audited()).map(({ action, incidentId: incident }) => [action, incident]),
      [1, 2].map((n) => ['incident_create', incidentId(n)]),
    );
  });

  it('shows an incident to its owner alone, also while it is being deleted, and to nobody once it is', async (subject) => {
    await begin(subject, 1);
    assert.equal(await subject.incidents.find(owned(1, 2)), undefined);
    assert.equal(await subject.incidents.find(owned(9)), undefined);
    for (const state of ['deletion_pending', 'deleting', 'deletion_failed']) {
      await setState(subject, 1, state);
      assert.equal((await subject.incidents.find(owned(1)))?.deletionState, state);
      assert.equal((await subject.incidents.list(accountId(1), undefined, 9)).length, 1);
    }
    await setState(subject, 1, 'deleted');
    assert.equal(await subject.incidents.find(owned(1)), undefined);
    assert.deepEqual(await subject.incidents.list(accountId(1), undefined, 9), []);
  });

  it('shows an incident that nobody owns to no account', async (subject) => {
    await begin(subject, 1);
    await subject.db.batch([{ sql: 'UPDATE incidents SET owner_account_id = NULL' }], 'write');
    assert.equal(await subject.incidents.find(owned(1)), undefined);
    assert.deepEqual(await subject.incidents.list(accountId(1), undefined, 9), []);
    assert.equal(
      await subject.incidents.close(owned(1), NOW, about('incident_close', 1)),
      'incident_not_found',
    );
  });

  it('lists the newest-updated first, those of one time by id, page by page', async (subject) => {
    const { incidents } = subject;
    for (const [n, at] of [3, 1, 2, 2, 2].entries()) await begin(subject, n, { createdAt: NOW + at });
    await begin(subject, 9, { ownerAccountId: accountId(2) });
    const order = [0, 4, 3, 2, 1];
    assert.deepEqual(numbers(await incidents.list(accountId(1), undefined, 9)), order);
    const paged: number[] = [];
    for (let after: string | undefined; ; ) {
      const page = await incidents.list(accountId(1), after, 2);
      paged.push(...numbers(page));
      after = page.at(-1)?.id;
      if (after === undefined) break;
    }
    assert.deepEqual(paged, order);
    await incidents.close(owned(1), NOW + 50, about('incident_close', 1));
    assert.deepEqual(numbers(await incidents.list(accountId(1), undefined, 2)), [1, 0]);
  });

  it('lists nothing after an incident that is not theirs or not there', async (subject) => {
    await begin(subject, 1);
    await begin(subject, 2, { ownerAccountId: accountId(2), createdAt: NOW + 1 });
    for (const after of [incidentId(2), incidentId(9), '']) {
      assert.deepEqual(await subject.incidents.list(accountId(1), after, 9), []);
    }
  });

  it('goes on after an incident that was deleted meanwhile', async (subject) => {
    for (const n of [1, 2, 3]) await begin(subject, n);
    await setState(subject, 2, 'deleted');
    assert.deepEqual(numbers(await subject.incidents.list(accountId(1), incidentId(2), 9)), [1]);
  });

  it('closes an incident once, and says so again without a row', async (subject) => {
    const { incidents } = subject;
    await begin(subject, 1, WHOLE);
    const close = (now: number) => incidents.close(owned(1), now, about('incident_close', 1));
    const closed = await close(NOW + 5);
    assert.deepEqual(closed, {
      ...{ id: incidentId(1), ...WHOLE, deletionState: 'active' },
      ...{ status: 'closed', updatedAt: NOW + 5 },
    });
    assert.deepEqual(await close(NOW + 9), closed);
    assert.deepEqual(await outcomes(subject, 'incident_close'), ['ok']);
  });

  it('refuses to close what is being deleted, and what is not theirs without a row', async (subject) => {
    const { incidents } = subject;
    await begin(subject, 1);
    assert.equal(await incidents.close(owned(1, 2), NOW, about('incident_close', 1)), 'incident_not_found');
    assert.equal(await incidents.close(owned(9), NOW, about('incident_close', 9)), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'incident_close'), []);
    await setState(subject, 1, 'deletion_pending');
    assert.equal(await incidents.close(owned(1), NOW, about('incident_close', 1)), 'incident_deleting');
    assert.equal((await incidents.find(owned(1)))?.status, 'open');
    await setState(subject, 1, 'deleted');
    assert.equal(await incidents.close(owned(1), NOW, about('incident_close', 1)), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'incident_close'), ['conflict']);
  });

  it('keeps a check-in with who wrote it, and leaves the incident as it was', async (subject) => {
    const { checkins, incidents } = subject;
    await begin(subject, 1);
    const said = { batteryPercent: 0, network: 'wifi', latitude: -90, longitude: 12.5, accuracyMeters: 0 };
    const add = (n: number, wish = {}) =>
      checkins.add(
        owned(1),
        checkinOf(n, 1, { createdAt: NOW + 7, ...wish }),
        'ses_1',
        about('checkin_create', 1),
      );
    assert.equal(await add(1, said), 'added');
    await incidents.close(owned(1), NOW, about('incident_close', 1));
    assert.equal(await add(2), 'added');
    assert.deepEqual(
      await rows(
        subject,
        `SELECT incident_id, account_id, session_id, created_at, battery_percent, network, latitude, longitude,
          accuracy_meters FROM checkins ORDER BY id`,
      ),
      [Object.values(said), [null, null, null, null, null]].map((values) => [
        ...[incidentId(1), accountId(1), 'ses_1', NOW + 7],
        ...values,
      ]),
    );
    assert.equal((await incidents.find(owned(1)))?.updatedAt, NOW);
    assert.deepEqual(await outcomes(subject, 'checkin_create'), ['ok', 'ok']);
  });

  it('takes no check-in for what is being deleted, nor for what is not theirs', async (subject) => {
    const { checkins } = subject;
    await begin(subject, 1);
    const add = (incident: number, of: number) =>
      checkins.add(owned(incident, of), checkinOf(1, incident), 'ses_1', about('checkin_create', incident));
    assert.equal(await add(1, 2), 'incident_not_found');
    assert.equal(await add(9, 1), 'incident_not_found');
    await setState(subject, 1, 'deleting');
    assert.equal(await add(1, 1), 'incident_deleting');
    await setState(subject, 1, 'deleted');
    assert.equal(await add(1, 1), 'incident_not_found');
    assert.deepEqual(await rows(subject, 'SELECT count(*) FROM checkins'), [[0]]);
    assert.deepEqual(await outcomes(subject, 'checkin_create'), ['conflict']);
  });
}
