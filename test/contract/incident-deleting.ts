/** The decision to delete: made once, by the owner or the operator. */
import assert from 'node:assert/strict';
import { accountId, NOW } from './account-room.ts';
import {
  about,
  addChunk,
  begin,
  deletionId,
  deletionOf,
  type IncidentIt,
  incidentId,
  open,
  outcomes,
  owned,
  remove,
  rows,
  setState,
} from './incident-room.ts';

export function deleting(it: IncidentIt): void {
  it('decides with the number of chunks, and moves the incident', async (subject) => {
    await begin(subject, 1);
    await begin(subject, 2);
    await open(subject, 1, 1);
    await open(subject, 2, 2);
    for (const index of [1, 2]) await addChunk(subject, index, { incident: 1, stream: 1, index });
    await addChunk(subject, 3, { incident: 1, index: 1 });
    await addChunk(subject, 4, { incident: 2, stream: 2, index: 1 });
    const asked = { allowOpen: true, reasonCode: 'no_longer-needed', requestedAt: NOW + 5 };
    const decision = await remove(subject, 1, 1, asked);
    assert.deepEqual(decision, {
      ...deletionOf(1, 1, asked),
      ...{ state: 'deletion_pending', itemCount: 3, updatedAt: NOW + 5 },
    });
    assert.deepEqual(await subject.deletion.find(incidentId(1), accountId(1)), decision);
    const incident = await subject.incidents.find(owned(1));
    assert.deepEqual([incident?.deletionState, incident?.updatedAt], ['deletion_pending', NOW + 5]);
    assert.equal((await subject.incidents.find(owned(2)))?.deletionState, 'active');
    assert.deepEqual(await rows(subject, 'SELECT count(*) FROM chunks'), [[4]], 'the bytes go afterwards');
  });

  it('answers a repetition with the first decision, in any state of it, and writes no row', async (subject) => {
    const { deletion } = subject;
    await begin(subject, 1);
    const first = await remove(subject, 1, 1, { allowOpen: true, reasonCode: 'first' });
    for (const state of ['deletion_pending', 'deleting', 'deletion_failed', 'deleted']) {
      await setState(subject, 1, state);
      assert.deepEqual(await remove(subject, 2, 1, { reasonCode: 'second' }), first);
      assert.deepEqual(await deletion.find(incidentId(1), accountId(1)), first);
    }
    const operator = { source: 'admin_request', actorAccountId: accountId(2) } as const;
    const entry = about('incident_delete', 1);
    assert.deepEqual(await deletion.request(deletionOf(3, 1, operator), undefined, entry), first);
    assert.deepEqual(await outcomes(subject, 'incident_delete'), ['ok']);
  });

  it('deletes an open incident only when that is allowed', async (subject) => {
    const { deletion, incidents } = subject;
    await begin(subject, 1);
    assert.equal(await remove(subject, 1, 1), 'incident_deletion_invalid_state');
    assert.equal((await incidents.find(owned(1)))?.deletionState, 'active');
    assert.equal(await deletion.find(incidentId(1), accountId(1)), 'incident_deletion_not_found');
    await incidents.close(owned(1), NOW, about('incident_close', 1));
    assert.equal(((await remove(subject, 2, 1)) as { id: string }).id, deletionId(2));
    assert.deepEqual(await outcomes(subject, 'incident_delete'), ['conflict', 'ok']);
  });

  it('takes no decision of somebody else, nor about what is not there', async (subject) => {
    const { deletion } = subject;
    await begin(subject, 1);
    const ask = (n: number, incident: number, owner: string | undefined) =>
      deletion.request(
        deletionOf(n, incident, { allowOpen: true }),
        owner,
        about('incident_delete', incident),
      );
    assert.equal(await ask(1, 1, accountId(2)), 'incident_not_found');
    assert.equal(await ask(1, 9, accountId(1)), 'incident_not_found');
    assert.equal(await ask(1, 9, undefined), 'incident_not_found');
    assert.equal(await deletion.find(incidentId(9), undefined), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'incident_delete'), []);
    await ask(1, 1, accountId(1));
    assert.equal(await ask(2, 1, accountId(2)), 'incident_not_found');
    assert.equal(await deletion.find(incidentId(1), accountId(2)), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'incident_delete'), ['ok']);
  });

  it('lets the operator delete what anybody owns, and what nobody does', async (subject) => {
    const { deletion } = subject;
    const asked = { source: 'admin_request', actorAccountId: accountId(2), allowOpen: true } as const;
    for (const n of [1, 2]) {
      await begin(subject, n);
      if (n === 2) await subject.db.batch([{ sql: 'UPDATE incidents SET owner_account_id = NULL' }], 'write');
      const entry = about('incident_delete', n);
      const decision = await deletion.request(deletionOf(n, n, asked), undefined, entry);
      assert.ok(typeof decision !== 'string' && decision.source === 'admin_request');
      assert.deepEqual(await deletion.find(incidentId(n), undefined), decision);
    }
    assert.equal(await deletion.find(incidentId(2), accountId(1)), 'incident_not_found');
  });

  it('has nothing to say of a deleted incident whose decision is gone', async (subject) => {
    await begin(subject, 1);
    await setState(subject, 1, 'deleted');
    assert.equal(await subject.deletion.find(incidentId(1), accountId(1)), 'incident_not_found');
    assert.equal(await remove(subject, 1, 1, { allowOpen: true }), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'incident_delete'), []);
  });
}
