/** Viewer links: made and revoked by the owner of their incident, and by nobody else. */
import assert from 'node:assert/strict';
import { DbError } from '../../src/store/db.ts';
import { accountId, audit, hashOf, NOW } from './account-room.ts';
import {
  about,
  begin,
  type IncidentIt,
  type IncidentStores,
  incidentId,
  outcomes,
  owned,
  rows,
  setState,
  tokenId,
  tokenOf,
} from './incident-room.ts';

const link = ({ viewerTokens }: IncidentStores, n: number, incident: number, wish = {}, of = 1) =>
  viewerTokens.create(
    owned(incident, of),
    tokenOf(n, incident, wish),
    about('viewer_token_create', incident),
  );
/** The request names the link alone, and so does the entry. */
const revoke = ({ viewerTokens }: IncidentStores, n: number, now = NOW, of = 1) =>
  viewerTokens.revoke(
    tokenId(n),
    accountId(of),
    now,
    audit('viewer_token_revoke', { subjectId: tokenId(n), actorKind: 'account' }),
  );

export function linking(it: IncidentIt): void {
  it('gives a link back without its hash, and lists those of one incident page by page', async (subject) => {
    const { viewerTokens } = subject;
    for (const n of [1, 2]) await begin(subject, n);
    assert.equal(await link(subject, 2, 1, { label: 'mum', expiresAt: NOW - 5 }), 'created');
    assert.equal(await link(subject, 1, 1), 'created');
    assert.equal(await link(subject, 3, 2), 'created');
    const [first, second] = [tokenOf(1, 1), tokenOf(2, 1, { label: 'mum', expiresAt: NOW - 5 })].map(
      ({ tokenHash, ...shown }) => shown,
    );
    assert.deepEqual(await viewerTokens.list(owned(1), undefined, 9), [first, second]);
    assert.deepEqual(await viewerTokens.list(owned(1), tokenId(1), 9), [second]);
    assert.deepEqual(await viewerTokens.list(owned(1), undefined, 1), [first]);
    assert.deepEqual(await viewerTokens.find(owned(1), tokenId(2)), second);
    assert.equal(await viewerTokens.find(owned(2), tokenId(2)), 'incident_token_not_found');
    assert.equal(await viewerTokens.find(owned(1), tokenId(9)), 'incident_token_not_found');
    assert.deepEqual(await rows(subject, 'SELECT token_hash FROM viewer_tokens ORDER BY id'), [
      [hashOf(1)],
      [hashOf(2)],
      [hashOf(3)],
    ]);
  });

  it('links to what was closed, but not to what is being deleted or not theirs', async (subject) => {
    const { viewerTokens, incidents } = subject;
    await begin(subject, 1);
    assert.equal(await link(subject, 1, 1, {}, 2), 'incident_not_found');
    assert.equal(await link(subject, 1, 9), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'viewer_token_create'), []);
    await incidents.close(owned(1), NOW, about('incident_close', 1));
    assert.equal(await link(subject, 1, 1), 'created');
    await setState(subject, 1, 'deletion_pending');
    assert.equal(await link(subject, 2, 1), 'incident_deleting');
    assert.equal(((await viewerTokens.list(owned(1), undefined, 9)) as readonly unknown[]).length, 1);
    assert.equal(await viewerTokens.list(owned(1, 2), undefined, 9), 'incident_not_found');
    assert.equal(await viewerTokens.find(owned(1, 2), tokenId(1)), 'incident_not_found');
    await setState(subject, 1, 'deleted');
    assert.equal(await viewerTokens.list(owned(1), undefined, 9), 'incident_not_found');
    assert.equal(await viewerTokens.find(owned(1), tokenId(1)), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'viewer_token_create'), ['ok', 'conflict']);
  });

  it('keeps no two links under one hash', async (subject) => {
    await begin(subject, 1);
    await link(subject, 1, 1);
    await assert.rejects(
      () => link(subject, 2, 1, { tokenHash: hashOf(1) }),
      (thrown) => thrown instanceof DbError && thrown.kind === 'constraint',
    );
    assert.deepEqual(await outcomes(subject, 'viewer_token_create'), ['ok']);
  });

  it('revokes a link once, and names its incident in the audit', async (subject) => {
    await begin(subject, 1);
    for (const n of [1, 2]) await link(subject, n, 1);
    assert.equal(await revoke(subject, 1, NOW + 5), true);
    assert.equal(await revoke(subject, 1, NOW + 9), false);
    const tokens = await subject.viewerTokens.list(owned(1), undefined, 9);
    assert.ok(typeof tokens !== 'string');
    assert.deepEqual(
      tokens.map(({ revokedAt }) => revokedAt),
      [NOW + 5, undefined],
    );
    const entries = (await subject.audited()).filter(({ action }) => action === 'viewer_token_revoke');
    assert.deepEqual(
      entries.map(({ outcome, incidentId: incident, subjectId }) => [outcome, incident, subjectId]),
      ['ok', 'conflict'].map((outcome) => [outcome, incidentId(1), tokenId(1)]),
    );
  });

  it('revokes no link of somebody else, and none that is not there, without a row', async (subject) => {
    await begin(subject, 1);
    await link(subject, 1, 1);
    assert.equal(await revoke(subject, 1, NOW, 2), false);
    assert.equal(await revoke(subject, 9), false);
    const token = await subject.viewerTokens.find(owned(1), tokenId(1));
    assert.ok(typeof token !== 'string' && token.revokedAt === undefined);
    assert.deepEqual(await outcomes(subject, 'viewer_token_revoke'), []);
  });

  it('revokes a link that has expired or whose incident is being deleted', async (subject) => {
    await begin(subject, 1);
    await link(subject, 1, 1, { expiresAt: NOW - 1 });
    await setState(subject, 1, 'deleting');
    assert.equal(await revoke(subject, 1), true);
    await setState(subject, 1, 'deleted');
    assert.equal(await revoke(subject, 1), false);
    assert.deepEqual(await outcomes(subject, 'viewer_token_revoke'), ['ok']);
  });
}
