/** Grants: for an active key of a contact and for what is there, revoked once. */
import assert from 'node:assert/strict';
import { accountId, NOW } from './account-room.ts';
import { begin, incidentId, open, outcomes, owned, setState, streamId } from './incident-room.ts';
import {
  addContactKey,
  addGrant,
  contactId,
  endContactKey,
  grant,
  grantId,
  keyId,
  replaceContactKey,
  revokeGrant,
  type SharingIt,
} from './sharing-room.ts';

const NOT_THERE = 'sharing_grant_dependency_not_found';

export function granting(it: SharingIt): void {
  it('gives a grant back with the key that it is for', async (subject) => {
    await begin(subject, 1);
    await open(subject, 1, 1);
    await addContactKey(subject, 1);
    const wish = { streamId: streamId(1), dataClass: 'ciphertext', expiresAt: NOW + 1 } as const;
    const made = await addGrant(subject, 1, 1, wish);
    assert.deepEqual(made, {
      id: grantId(1),
      ownerAccountId: accountId(1),
      incidentId: incidentId(1),
      streamId: streamId(1),
      contactId: contactId(1),
      contactKeyId: keyId(1),
      contactKeyVersion: 1,
      dataClass: 'ciphertext',
      state: 'active',
      createdAt: NOW,
      updatedAt: NOW,
      expiresAt: NOW + 1,
    });
    assert.deepEqual(await subject.grants.find(accountId(1), grantId(1)), made);
    assert.equal(await subject.grants.find(accountId(2), grantId(1)), undefined);
    const [entry] = (await subject.audited()).filter(({ action }) => action === 'sharing_grant_create');
    assert.deepEqual(
      [entry?.outcome, entry?.incidentId, entry?.subjectId],
      ['ok', incidentId(1), grantId(1)],
    );
  });

  it('lists those of one incident page by page, expired and revoked ones too', async (subject) => {
    for (const n of [1, 2]) await begin(subject, n);
    await addContactKey(subject, 1);
    await addGrant(subject, 2, 1, { expiresAt: NOW - 9 });
    await addGrant(subject, 1, 1);
    await addGrant(subject, 3, 2);
    await revokeGrant(subject, 1);
    const ids = async (after: string | undefined, limit: number) => {
      const found = await subject.grants.list(owned(1), after, limit);
      return typeof found === 'string' ? found : found.map(({ id }) => id);
    };
    assert.deepEqual(await ids(undefined, 9), [grantId(1), grantId(2)]);
    assert.deepEqual(await ids(grantId(1), 9), [grantId(2)]);
    assert.deepEqual(await ids(undefined, 1), [grantId(1)]);
    assert.equal(await subject.grants.list(owned(1, 2), undefined, 9), 'incident_not_found');
    assert.equal(await subject.grants.list(owned(9), undefined, 9), 'incident_not_found');
  });

  it('takes the newest active key of the contact where none is named', async (subject) => {
    await begin(subject, 1);
    await addContactKey(subject, 1);
    await replaceContactKey(subject, 1, 2);
    const made = await addGrant(subject, 1, 1);
    assert.deepEqual([made.contactKeyId, made.contactKeyVersion], [keyId(2), 2]);
    const named = await addGrant(subject, 2, 1, { contactKeyId: keyId(2) });
    assert.equal(named.contactKeyId, keyId(2));
    assert.equal(await grant(subject, 3, 1, { contactKeyId: keyId(1) }), NOT_THERE);
  });

  it('is for a key of that contact that is active, and for a stream of that incident', async (subject) => {
    for (const n of [1, 2]) await begin(subject, n);
    await open(subject, 1, 1);
    await open(subject, 2, 2);
    await addContactKey(subject, 1);
    await addContactKey(subject, 2);
    await addContactKey(subject, 3, { state: 'pending_verification' });
    await addContactKey(subject, 4, {}, 2);
    for (const wish of [
      { contactId: contactId(9) },
      { contactId: contactId(3) },
      { contactId: contactId(3), contactKeyId: keyId(3) },
      { contactId: contactId(4) },
      { contactId: contactId(4), contactKeyId: keyId(4) },
      { contactKeyId: keyId(2) },
      { contactKeyId: keyId(9) },
      { contactId: '' },
      { contactKeyId: '' },
      { streamId: streamId(2) },
      { streamId: streamId(9) },
      { streamId: '' },
    ])
      assert.equal(await grant(subject, 1, 1, wish), NOT_THERE, JSON.stringify(wish));
    for (const as of ['revoked', 'lost'] as const) {
      const n = as === 'lost' ? 1 : 2;
      await endContactKey(subject, n, as);
      assert.equal(await grant(subject, 1, 1, { contactId: contactId(n) }), NOT_THERE);
    }
    assert.deepEqual(await outcomes(subject, 'sharing_grant_create'), []);
  });

  it('grants nothing of what is not theirs or is being deleted', async (subject) => {
    await begin(subject, 1);
    await addContactKey(subject, 1);
    await addContactKey(subject, 2, {}, 2);
    assert.equal(await grant(subject, 1, 1, { contactId: contactId(2) }, 2), 'incident_not_found');
    assert.equal(await grant(subject, 1, 9), 'incident_not_found');
    assert.deepEqual(await outcomes(subject, 'sharing_grant_create'), []);
    await addGrant(subject, 1, 1);
    for (const state of ['deletion_pending', 'deleting', 'deletion_failed']) {
      await setState(subject, 1, state);
      assert.equal(await grant(subject, 2, 1), 'incident_deleting');
      assert.equal((await subject.grants.list(owned(1), undefined, 9)).length, 1);
      assert.ok(await subject.grants.find(accountId(1), grantId(1)), 'reading goes on');
    }
    assert.deepEqual((await outcomes(subject, 'sharing_grant_create')).toSorted(), [
      'conflict',
      'conflict',
      'conflict',
      'ok',
    ]);
    await setState(subject, 1, 'deleted');
    assert.equal(await subject.grants.list(owned(1), undefined, 9), 'incident_not_found');
    assert.equal(await subject.grants.find(accountId(1), grantId(1)), undefined);
    assert.equal(await revokeGrant(subject, 1), undefined);
  });

  it('is revoked once, also when it has expired or its incident is being deleted, and says so again', async (subject) => {
    await begin(subject, 1);
    await addContactKey(subject, 1);
    await addGrant(subject, 1, 1, { expiresAt: NOW - 1 });
    await setState(subject, 1, 'deleting');
    const revoked = await revokeGrant(subject, 1, NOW + 5);
    assert.deepEqual(
      [revoked?.state, revoked?.revokedAt, revoked?.revokedByAccountId, revoked?.updatedAt],
      ['revoked', NOW + 5, accountId(1), NOW + 5],
    );
    assert.deepEqual(await revokeGrant(subject, 1, NOW + 9), revoked);
    const entries = (await subject.audited()).filter(({ action }) => action === 'sharing_grant_revoke');
    assert.deepEqual(
      entries.map(({ outcome, incidentId: incident, subjectId }) => [outcome, incident, subjectId]),
      [['ok', incidentId(1), grantId(1)]],
    );
  });

  it('is revoked by nobody else, and the try leaves no row', async (subject) => {
    await begin(subject, 1);
    await addContactKey(subject, 1);
    const made = await addGrant(subject, 1, 1);
    assert.equal(await revokeGrant(subject, 1, NOW, 2), undefined);
    assert.equal(await revokeGrant(subject, 9), undefined);
    assert.deepEqual(await subject.grants.find(accountId(1), grantId(1)), made);
    assert.deepEqual(await outcomes(subject, 'sharing_grant_revoke'), []);
  });
}
