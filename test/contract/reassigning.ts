/** Incidents without an owner as the operator sees them, and the one decision that there is about each. */
import assert from 'node:assert/strict';
import type { Reassignment } from '../../src/store/operator-incidents.ts';
import { accountId, audit, NOW } from './account-room.ts';
import {
  about,
  addChunk,
  begin,
  both,
  checkinOf,
  type IncidentIt,
  type IncidentsUnderTest,
  incidentId,
  open,
  outcomes,
  owned,
  remove,
  rows,
  setState,
  tokenOf,
} from './incident-room.ts';

/** Events cannot be removed, so that every one here has a number, and every case incidents, of its own. */
let events = 0;
let taken = 1000;
const fresh = (): number => ++taken;

function eventOf(incident: number, wish: Partial<Reassignment> = {}): Reassignment {
  events += 1;
  return {
    id: `lra_${String(events).padStart(26, '0')}`,
    incidentId: incidentId(incident),
    action: 'assign_owner',
    ...(wish.action !== 'keep_unowned' && { newOwnerAccountId: accountId(2) }),
    actorAccountId: accountId(1),
    reasonCode: 'owner_verified',
    source: 'admin_api',
    createdAt: NOW + 5,
    completedAt: NOW + 5,
    ...wish,
  };
}

const decide = (stores: Pick<IncidentsUnderTest, 'reassignments'>, event: Reassignment) =>
  stores.reassignments.decide(
    event,
    audit('incident_reassign', { actorKind: 'admin', incidentId: event.incidentId, subjectId: event.id }),
  );

/** Begins an incident and takes its owner away. */
async function unowned(subject: IncidentsUnderTest, n: number): Promise<void> {
  await begin(subject, n, { clientLabel: 'a label', notes: 'a note' });
  const sql = 'UPDATE incidents SET owner_account_id = NULL WHERE id = ?';
  await subject.db.batch([{ sql, args: [incidentId(n)] }], 'write');
}

export function reassigning(it: IncidentIt): void {
  it('lists what nobody owns, in the order of ids, with counts and without words', async (subject) => {
    const { incidentListing, viewerTokens, checkins } = subject;
    const [a, b, c, d, e] = [fresh(), fresh(), fresh(), fresh(), fresh()];
    await begin(subject, a, { incidentMode: 'emergency', sharingState: 'private' });
    await open(subject, a, a);
    await addChunk(subject, a, { incident: a, stream: a, index: 1 }, 30);
    await addChunk(subject, b, { incident: a, index: 1 }, 12);
    await checkins.add(owned(a), checkinOf(a, a), 'ses_1', about('checkin_create', a));
    await viewerTokens.create(
      owned(a),
      tokenOf(a, a, { expiresAt: NOW + 9 }),
      about('viewer_token_create', a),
    );
    await subject.db.batch([{ sql: 'UPDATE incidents SET owner_account_id = NULL' }], 'write');
    for (const n of [b, d]) await unowned(subject, n);
    await begin(subject, c);
    await unowned(subject, e);
    await setState(subject, e, 'deleted');
    const listed = await incidentListing.unowned(undefined, 9, NOW);
    assert.deepEqual(
      listed.map(({ id }) => id),
      [a, b, d].map(incidentId),
    );
    assert.deepEqual(listed[0], {
      id: incidentId(a),
      status: 'open',
      deletionState: 'active',
      createdAt: NOW,
      updatedAt: NOW,
      counts: { streams: 1, chunks: 2, checkins: 1, viewerTokens: 1 },
      hasActiveViewerTokens: true,
      incidentMode: 'emergency',
      sharingState: 'private',
    });
    assert.ok(!JSON.stringify(listed).includes('a label'));
    const late = await incidentListing.unowned(undefined, 1, NOW + 9);
    assert.deepEqual([late.length, late[0]?.hasActiveViewerTokens], [1, false], 'expired by then');
    assert.deepEqual(
      (await incidentListing.unowned(incidentId(a), 9, NOW)).map(({ id }) => id),
      [b, d].map(incidentId),
    );
    const one = await incidentListing.find(incidentId(a), NOW);
    assert.deepEqual([one?.bytes, one?.ownerAccountId, one?.counts.chunks], [42, undefined, 2]);
    assert.equal((await incidentListing.find(incidentId(c), NOW))?.ownerAccountId, accountId(1));
    assert.equal(await incidentListing.find(incidentId(9999), NOW), undefined);
    const sums = await incidentListing.sums();
    assert.deepEqual(
      [sums.count, sums.open, sums.closed, sums.unowned, sums.deleted, sums.bytes],
      [4, 4, 0, 3, 1, 42],
    );
  });

  it('gives an incident an owner, with its bytes, and changes nothing else of it', async (subject) => {
    const n = fresh();
    await unowned(subject, n);
    await addChunk(subject, n, { incident: n, index: 1 }, 77);
    const select = `SELECT * FROM incidents WHERE id = '${incidentId(n)}'`;
    const [before = []] = await rows(subject, select);
    const event = eventOf(n);
    assert.equal(await decide(subject, event), 'decided');
    const [after = []] = await rows(subject, select);
    assert.deepEqual(after, [before[0], accountId(2), ...before.slice(2, -1), NOW + 5]);
    assert.deepEqual(await subject.reassignments.list(incidentId(n), 9), [event]);
    assert.deepEqual(await rows(subject, 'SELECT * FROM account_usage'), [[accountId(2), 77]]);
    assert.deepEqual(await outcomes(subject, 'incident_reassign'), ['ok']);
    assert.equal((await subject.incidents.find(owned(n, 2)))?.notes, 'a note');
  });

  it('keeps an incident without an owner, which changes nothing, as often as that is decided', async (subject) => {
    const n = fresh();
    await unowned(subject, n);
    const select = `SELECT * FROM incidents WHERE id = '${incidentId(n)}'`;
    const before = await rows(subject, select);
    const made = [1, 2].map(() => eventOf(n, { action: 'keep_unowned', reasonCode: 'unknown_owner' }));
    for (const event of made) assert.equal(await decide(subject, event), 'decided');
    assert.deepEqual(await rows(subject, select), before);
    assert.deepEqual(await subject.reassignments.list(incidentId(n), 9), made.toReversed());
    assert.deepEqual(await subject.reassignments.list(incidentId(n), 1), [made[1]]);
  });

  it('decides nothing about an incident that is owned, not active or not there', async (subject) => {
    const [mine, leaving, over] = [fresh(), fresh(), fresh()];
    await begin(subject, mine);
    for (const n of [leaving, over]) await begin(subject, n);
    await remove(subject, leaving, leaving, { allowOpen: true });
    await setState(subject, over, 'deleted');
    const sql = 'UPDATE incidents SET owner_account_id = NULL WHERE id <> ?';
    await subject.db.batch([{ sql, args: [incidentId(mine)] }], 'write');
    for (const n of [mine, leaving, over]) {
      assert.equal(await decide(subject, eventOf(n)), 'incident_not_eligible');
      assert.equal(await decide(subject, eventOf(n, { action: 'keep_unowned' })), 'incident_not_eligible');
      assert.deepEqual(await subject.reassignments.list(incidentId(n), 9), []);
    }
    assert.equal(await decide(subject, eventOf(9999)), 'incident_not_found');
    const nobody = eventOf(leaving, { newOwnerAccountId: accountId(99) });
    assert.equal(await decide(subject, nobody), 'account_not_found');
    assert.deepEqual(await outcomes(subject, 'incident_reassign'), Array(6).fill('conflict'));
  });

  it('has one owner when two are given at once', async (subject) => {
    const [here, there] = both(subject);
    for (let round = 0; round < 8; round += 1) {
      const n = fresh();
      await unowned(subject, n);
      const done = await Promise.all([
        decide(here as IncidentsUnderTest, eventOf(n, { newOwnerAccountId: accountId(1) })),
        decide(there as IncidentsUnderTest, eventOf(n, { newOwnerAccountId: accountId(2) })),
      ]);
      assert.deepEqual(done.toSorted(), ['decided', 'incident_not_eligible']);
      const [event, ...more] = await subject.reassignments.list(incidentId(n), 9);
      assert.deepEqual(more, []);
      const [[owner] = []] = await rows(
        subject,
        `SELECT owner_account_id FROM incidents WHERE id = '${incidentId(n)}'`,
      );
      assert.equal(owner, event?.newOwnerAccountId);
    }
  });

  it('is one event each, which nobody changes or removes', async (subject) => {
    const n = fresh();
    await unowned(subject, n);
    await decide(subject, eventOf(n));
    for (const sql of ['DELETE FROM reassignments', `UPDATE reassignments SET reason_code = 'owner_request'`])
      await assert.rejects(subject.db.batch([{ sql }], 'write'), /append-only/);
  });
}
