/** Wrapped keys: brought under a grant that allows them, and given out while all that they hang on is in force. */
import assert from 'node:assert/strict';
import { accountId, NOW } from './account-room.ts';
import { begin, incidentId, open, outcomes, owned, setState, streamId } from './incident-room.ts';
import {
  addContactKey,
  addGrant,
  addWrapped,
  by,
  contactId,
  endContactKey,
  givenOut,
  grantId,
  keyId,
  replaceContactKey,
  revokeGrant,
  revokeWrapped,
  type SharingIt,
  type SharingUnderTest,
  wrap,
  wrappedId,
} from './sharing-room.ts';

/** Incident 1 with stream 1, contact 1 with key 1, and grant 1 of the whole incident. */
async function granted(subject: SharingUnderTest, wish: Parameters<typeof addGrant>[3] = {}): Promise<void> {
  await begin(subject, 1);
  await open(subject, 1, 1);
  await addContactKey(subject, 1);
  await addGrant(subject, 1, 1, wish);
}

export function wrapping(it: SharingIt): void {
  it('gives a wrapped key back as it was given, with the contact of its grant', async (subject) => {
    await granted(subject);
    const made = await addWrapped(subject, 1, 1, { streamId: streamId(1), publicMetadata: '{"a":1}' });
    assert.deepEqual(made, {
      id: wrappedId(1),
      ownerAccountId: accountId(1),
      incidentId: incidentId(1),
      streamId: streamId(1),
      grantId: grantId(1),
      contactId: contactId(1),
      contactKeyId: keyId(1),
      contactKeyVersion: 1,
      mediaKeyId: 'media key 1',
      wrappingAlgorithm: 'age-v1',
      wrappingAlgorithmVersion: '1',
      ciphertext: 'YWdl',
      publicMetadata: '{"a":1}',
      state: 'active',
      createdAt: NOW,
      updatedAt: NOW,
    });
    assert.deepEqual(await subject.wrappedKeys.find(accountId(1), wrappedId(1), NOW), made);
    assert.deepEqual(await subject.wrappedKeys.list(owned(1), NOW, undefined, 9), [made]);
    assert.equal(await subject.wrappedKeys.find(accountId(2), wrappedId(1), NOW), undefined);
    assert.equal(await subject.wrappedKeys.list(owned(1, 2), NOW, undefined, 9), 'incident_not_found');
    const [entry] = (await subject.audited()).filter(({ action }) => action === 'wrapped_key_create');
    assert.deepEqual(
      [entry?.outcome, entry?.incidentId, entry?.subjectId],
      ['ok', incidentId(1), wrappedId(1)],
    );
  });

  it('lists those of one incident page by page', async (subject) => {
    await granted(subject);
    for (const n of [3, 1, 2]) await addWrapped(subject, n, 1);
    const ids = async (after: string | undefined, limit: number) => {
      const found = await subject.wrappedKeys.list(owned(1), NOW, after, limit);
      return typeof found === 'string' ? found : found.map(({ id }) => id);
    };
    assert.deepEqual(await ids(undefined, 2), [wrappedId(1), wrappedId(2)]);
    assert.deepEqual(await ids(wrappedId(2), 2), [wrappedId(3)]);
    await revokeWrapped(subject, 1);
    assert.deepEqual(
      await ids(undefined, 2),
      [wrappedId(2), wrappedId(3)],
      'a page is full of what is there',
    );
  });

  it('allows keys of any stream or none where the grant is of the whole incident', async (subject) => {
    await granted(subject);
    await open(subject, 2, 1);
    await addWrapped(subject, 1, 1);
    await addWrapped(subject, 2, 1, { streamId: streamId(1) });
    await addWrapped(subject, 3, 1, { streamId: streamId(2) });
    assert.deepEqual(await givenOut(subject, 1), [1, 2, 3]);
  });

  it('allows keys of that stream alone where the grant is of one', async (subject) => {
    await granted(subject, { streamId: streamId(1) });
    await open(subject, 2, 1);
    await addWrapped(subject, 1, 1, { streamId: streamId(1) });
    for (const wish of [{}, { streamId: streamId(2) }])
      assert.equal(await wrap(subject, 2, 1, wish), 'wrapped_key_grant_not_authorized');
    assert.deepEqual(await outcomes(subject, 'wrapped_key_create'), ['ok', 'conflict', 'conflict']);
  });

  it('refuses what the grant does not cover: revoked, expired to the millisecond, or of metadata alone', async (subject) => {
    await granted(subject, { expiresAt: NOW + 10 });
    await addGrant(subject, 2, 1, { dataClass: 'metadata' });
    await addGrant(subject, 3, 1, { dataClass: 'ciphertext' });
    await addGrant(subject, 4, 1);
    await revokeGrant(subject, 4);
    const refused = 'wrapped_key_grant_not_authorized';
    assert.equal(await wrap(subject, 1, 1, { createdAt: NOW + 10 }), refused);
    await addWrapped(subject, 1, 1, { createdAt: NOW + 9 });
    assert.equal(await wrap(subject, 2, 1, { grantId: grantId(2) }), refused);
    await addWrapped(subject, 3, 1, { grantId: grantId(3) });
    assert.equal(await wrap(subject, 4, 1, { grantId: grantId(4) }), refused);
  });

  it('needs a stream and a grant of that incident, and the contact key still active', async (subject) => {
    await granted(subject);
    await begin(subject, 2);
    await open(subject, 2, 2);
    await addGrant(subject, 2, 2);
    const missing = 'wrapped_key_dependency_not_found';
    for (const wish of [
      { grantId: grantId(2) },
      { grantId: grantId(9) },
      { grantId: '' },
      { streamId: streamId(2) },
      { streamId: streamId(9) },
      { streamId: '' },
    ])
      assert.equal(await wrap(subject, 1, 1, wish), missing, JSON.stringify(wish));
    assert.equal(await wrap(subject, 1, 1, {}, 2), 'incident_not_found');
    await replaceContactKey(subject, 1, 2);
    assert.equal(await wrap(subject, 1, 1), missing);
    assert.deepEqual(await outcomes(subject, 'wrapped_key_create'), []);
  });

  it('keeps one for each stream, grant and media key, and counts a revoked one too', async (subject) => {
    await granted(subject);
    await addGrant(subject, 2, 1);
    const same = { mediaKeyId: 'the media key' };
    await addWrapped(subject, 1, 1, same);
    assert.equal(await wrap(subject, 2, 1, same), 'wrapped_key_duplicate');
    await addWrapped(subject, 3, 1, { ...same, streamId: streamId(1) });
    assert.equal(await wrap(subject, 4, 1, { ...same, streamId: streamId(1) }), 'wrapped_key_duplicate');
    await addWrapped(subject, 5, 1, { ...same, grantId: grantId(2) });
    await addWrapped(subject, 6, 1, { mediaKeyId: 'another' });
    await revokeWrapped(subject, 1);
    assert.equal(await wrap(subject, 7, 1, same), 'wrapped_key_duplicate');
    assert.deepEqual(await givenOut(subject, 1), [3, 5, 6]);
  });

  it('is refused while the incident is being deleted, and read until it is gone', async (subject) => {
    await granted(subject);
    await addWrapped(subject, 1, 1);
    await setState(subject, 1, 'deletion_pending');
    assert.equal(await wrap(subject, 2, 1), 'incident_deleting');
    assert.deepEqual(await givenOut(subject, 1), [1]);
    assert.deepEqual((await outcomes(subject, 'wrapped_key_create')).toSorted(), ['conflict', 'ok']);
    await setState(subject, 1, 'deleted');
    assert.equal(await subject.wrappedKeys.list(owned(1), NOW, undefined, 9), 'incident_not_found');
    assert.equal(await subject.wrappedKeys.find(accountId(1), wrappedId(1), NOW), undefined);
    assert.equal(await revokeWrapped(subject, 1), undefined);
  });

  const stops: Readonly<Record<string, (subject: SharingUnderTest) => Promise<unknown>>> = {
    'is revoked itself': (subject) => revokeWrapped(subject, 1),
    'has its grant revoked': (subject) => revokeGrant(subject, 1),
    'has its contact key revoked': (subject) => endContactKey(subject, 1, 'revoked'),
    'has its contact key lost': (subject) => endContactKey(subject, 1, 'lost'),
    'has its contact key replaced': (subject) => replaceContactKey(subject, 1, 3),
    'has another version of its contact key beside it': (subject) =>
      addContactKey(subject, 3, { contactId: contactId(1) }),
    'has its contact key unverified': ({ contactKeys }) =>
      contactKeys.change(
        accountId(1),
        keyId(1),
        { state: 'pending_verification' },
        NOW,
        by('contact_key_change', keyId(1)),
      ),
  };
  for (const [what, stop] of Object.entries(stops)) {
    it(`is given out by no reading from the moment on that it ${what}, and can still be revoked`, async (subject) => {
      await granted(subject);
      await addContactKey(subject, 2);
      await addGrant(subject, 2, 1, { contactId: contactId(2) });
      await addWrapped(subject, 1, 1);
      await addWrapped(subject, 2, 1, { grantId: grantId(2) });
      assert.deepEqual(await givenOut(subject, 1), [1, 2]);
      await stop(subject);
      assert.deepEqual(await givenOut(subject, 1), [2], 'the other contact keeps theirs');
      assert.equal((await revokeWrapped(subject, 1))?.state, 'revoked');
    });
  }

  it('is given out until its grant expires, to the millisecond', async (subject) => {
    await granted(subject, { expiresAt: NOW + 10 });
    await addWrapped(subject, 1, 1);
    assert.deepEqual(await givenOut(subject, 1, NOW + 9), [1]);
    assert.deepEqual(await givenOut(subject, 1, NOW + 10), []);
    assert.equal((await revokeWrapped(subject, 1, NOW + 20))?.revokedAt, NOW + 20);
  });

  it('is given out again when its contact key is verified again, and never after an end', async (subject) => {
    await granted(subject);
    await addWrapped(subject, 1, 1);
    const verify = (state: 'active' | 'pending_verification') =>
      subject.contactKeys.change(accountId(1), keyId(1), { state }, NOW, by('contact_key_change', keyId(1)));
    await verify('pending_verification');
    assert.deepEqual(await givenOut(subject, 1), []);
    await verify('active');
    assert.deepEqual(await givenOut(subject, 1), [1]);
  });

  it('is revoked once by its owner alone, and says so again', async (subject) => {
    await granted(subject);
    await addWrapped(subject, 1, 1);
    assert.equal(await revokeWrapped(subject, 1, NOW, 2), undefined);
    assert.equal(await revokeWrapped(subject, 9), undefined);
    assert.deepEqual(await outcomes(subject, 'wrapped_key_revoke'), []);
    const revoked = await revokeWrapped(subject, 1, NOW + 5);
    assert.deepEqual([revoked?.state, revoked?.revokedAt, revoked?.updatedAt], ['revoked', NOW + 5, NOW + 5]);
    assert.deepEqual(await revokeWrapped(subject, 1, NOW + 9), revoked);
    const entries = (await subject.audited()).filter(({ action }) => action === 'wrapped_key_revoke');
    assert.deepEqual(
      entries.map(({ outcome, incidentId: incident }) => [outcome, incident]),
      [['ok', incidentId(1)]],
    );
  });

  it('goes with its account and not with the incident, as its grant does', async (subject) => {
    const { wrappedKeys, grants } = subject;
    await granted(subject);
    await addWrapped(subject, 1, 1);
    const to = async (owner: string | null) => {
      const sql = 'UPDATE incidents SET owner_account_id = ? WHERE id = ?';
      await subject.db.batch([{ sql, args: [owner, incidentId(1)] }], 'write');
    };
    for (const owner of [null, accountId(2)]) {
      await to(owner);
      for (const account of [1, 2]) {
        assert.equal(await wrappedKeys.find(accountId(account), wrappedId(1), NOW), undefined);
        assert.equal(await grants.find(accountId(account), grantId(1)), undefined);
        assert.equal(await revokeWrapped(subject, 1, NOW, account), undefined);
        assert.equal(await revokeGrant(subject, 1, NOW, account), undefined);
      }
    }
    assert.deepEqual(await wrappedKeys.list(owned(1, 2), NOW, undefined, 9), []);
    assert.deepEqual(await grants.list(owned(1, 2), undefined, 9), []);
    assert.equal(await wrap(subject, 2, 1, {}, 2), 'wrapped_key_dependency_not_found');
    await to(accountId(1));
    assert.deepEqual(await givenOut(subject, 1), [1]);
  });
}
