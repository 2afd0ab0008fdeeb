/** What time alone decides: which incidents are due, which links and tombstones are forgotten. */
import assert from 'node:assert/strict';
import { accountId, audit, DAY, NOW } from './account-room.ts';
import {
  about,
  begin,
  deletionOf,
  type IncidentIt,
  type IncidentsUnderTest,
  incidentId,
  outcomes,
  owned,
  remove,
  rows,
  setState,
  tokenId,
  tokenOf,
} from './incident-room.ts';
import { doomed } from './letting-go.ts';

const close = ({ incidents }: IncidentsUnderTest, n: number, at: number) =>
  incidents.close(owned(n), at, about('incident_close', n));
const prune = (n?: number) =>
  audit('retention_prune', {
    actorKind: 'worker',
    listener: 'local',
    ...(n !== undefined && { incidentId: incidentId(n) }),
  });

/** A decision about incident `n` that ended at `at`, as the worker leaves it. */
async function ended(subject: IncidentsUnderTest, n: number, at: number): Promise<void> {
  await begin(subject, n);
  await remove(subject, n, n, { allowOpen: true });
  await setState(subject, n, 'deleted');
  const sql = `UPDATE deletions SET state = 'deleted', completed_at = ? WHERE incident_id = ?`;
  await subject.db.batch([{ sql, args: [at, incidentId(n)] }], 'write');
}

const nothing = { count: 0, ids: [] };

export function retaining(it: IncidentIt): void {
  it('finds closed incidents that have not changed since, oldest first, and never open ones', async (subject) => {
    const { retention } = subject;
    for (const n of [1, 2, 3, 4, 5]) await begin(subject, n);
    await close(subject, 1, NOW + 30);
    await close(subject, 2, NOW + 10);
    await close(subject, 3, NOW + 20);
    await close(subject, 4, NOW + 5);
    await remove(subject, 4, 4);
    assert.deepEqual(await retention.closedIncidents(NOW + DAY, 9), [2, 3, 1].map(incidentId));
    assert.deepEqual(await retention.closedIncidents(NOW + DAY, 2), [2, 3].map(incidentId));
    assert.deepEqual(await retention.closedIncidents(NOW + 20, 9), [2, 3].map(incidentId));
    assert.deepEqual(await retention.closedIncidents(NOW + 9, 9), []);
  });

  it('decides only about an incident that has not changed since it was found', async (subject) => {
    const { deletion } = subject;
    await begin(subject, 1);
    await close(subject, 1, NOW + 10);
    const ask = (unchangedSince: number) =>
      deletion.request(
        deletionOf(1, 1, { source: 'retention_policy', unchangedSince }),
        undefined,
        about('incident_delete', 1),
      );
    assert.equal(await ask(NOW + 9), 'incident_deletion_invalid_state');
    const decision = await ask(NOW + 10);
    assert.ok(typeof decision !== 'string' && decision.source === 'retention_policy');
    assert.deepEqual(await outcomes(subject, 'incident_delete'), ['conflict', 'ok']);
  });

  it('forgets links that expired or were revoked long enough ago, and no others', async (subject) => {
    const { retention, viewerTokens } = subject;
    await begin(subject, 1);
    const wishes = [
      {},
      { expiresAt: NOW + 10 },
      { expiresAt: NOW + 11 },
      { expiresAt: NOW + DAY },
      { expiresAt: NOW + 5 },
    ];
    for (const [at, wish] of wishes.entries())
      await viewerTokens.create(owned(1), tokenOf(at + 1, 1, wish), about('viewer_token_create', 1));
    const revoke = (n: number, at: number) =>
      viewerTokens.revoke(tokenId(n), accountId(1), at, about('viewer_token_revoke', 1));
    await revoke(4, NOW + 10);
    await revoke(1, NOW + 11);
    assert.equal(await retention.pruneTokens(NOW + 10, 1, prune()), 2, 'one that expired, one revoked');
    assert.equal(await retention.pruneTokens(NOW + 10, 9, prune()), 1);
    assert.deepEqual(await rows(subject, 'SELECT id FROM viewer_tokens ORDER BY id'), [
      [tokenId(1)],
      [tokenId(3)],
    ]);
    assert.equal(await retention.pruneTokens(NOW + 10, 9, prune()), 0);
    assert.deepEqual(await outcomes(subject, 'retention_prune'), ['ok', 'ok'], 'none for nothing');
  });

  it('forgets deletions that ended long enough ago, with the tombstone', async (subject) => {
    const { retention } = subject;
    await ended(subject, 1, NOW + 20);
    await ended(subject, 2, NOW + 10);
    await ended(subject, 3, NOW + DAY);
    assert.deepEqual(await retention.tombstones(NOW + 20, 9), [2, 1].map(incidentId));
    assert.deepEqual(await retention.tombstones(NOW + 20, 1), [incidentId(2)]);
    assert.equal(await retention.pruneTombstone(incidentId(1), NOW + 20, prune(1)), true);
    assert.equal(await retention.pruneTombstone(incidentId(1), NOW + 20, prune(1)), false, 'once');
    assert.equal(await retention.pruneTombstone(incidentId(3), NOW + 20, prune(3)), false, 'too early');
    assert.deepEqual(await rows(subject, 'SELECT id FROM incidents ORDER BY id'), [
      [incidentId(2)],
      [incidentId(3)],
    ]);
    assert.deepEqual(await rows(subject, 'SELECT count(*) FROM deletions'), [[2]]);
    const written = (await subject.audited()).filter(({ action }) => action === 'retention_prune');
    assert.deepEqual(
      written.map((entry) => entry.incidentId),
      [incidentId(1)],
    );
  });

  it('forgets no deletion of which anything is left', async (subject) => {
    const { retention } = subject;
    await doomed(subject, 1);
    const sql = `UPDATE deletions SET state = 'deleted', completed_at = 1`;
    await subject.db.batch([{ sql }], 'write');
    await setState(subject, 1, 'deleted');
    assert.equal(await retention.pruneTombstone(incidentId(1), NOW, prune(1)), false);
    await ended(subject, 2, 1);
    await setState(subject, 2, 'deleting');
    assert.equal(await retention.pruneTombstone(incidentId(2), NOW, prune(2)), false);
    assert.deepEqual(await rows(subject, 'SELECT count(*) FROM deletions'), [[2]]);
    assert.deepEqual(await outcomes(subject, 'retention_prune'), []);
  });

  it('tells beforehand what it would take, and takes nothing', async (subject) => {
    const { retention, viewerTokens } = subject;
    await begin(subject, 1);
    await viewerTokens.create(owned(1), tokenOf(1, 1, { expiresAt: NOW }), about('viewer_token_create', 1));
    await close(subject, 1, NOW);
    await ended(subject, 2, NOW);
    const due = { closedIncidents: NOW, tokens: NOW, tombstones: NOW };
    const expected = {
      closedIncidents: { count: 1, ids: [incidentId(1)] },
      tokens: { count: 1, ids: [tokenId(1)] },
      tombstones: { count: 1, ids: [incidentId(2)] },
    };
    for (let again = 0; again < 2; again += 1) assert.deepEqual(await retention.preview(due, 9), expected);
    const off = { closedIncidents: undefined, tokens: undefined, tombstones: undefined };
    assert.deepEqual(await retention.preview(off, 9), {
      closedIncidents: nothing,
      tokens: nothing,
      tombstones: nothing,
    });
    assert.deepEqual(await retention.preview({ ...off, tokens: NOW - 1 }, 9), {
      closedIncidents: nothing,
      tokens: nothing,
      tombstones: nothing,
    });
  });
}
