/** Keys of contacts: versions that replace one another, and ends that are final. */
import assert from 'node:assert/strict';
import type { KeyState } from '../../src/store/sharing.ts';
import { accountId, hashOf, NOW } from './account-room.ts';
import { outcomes } from './incident-room.ts';
import {
  addContactKey,
  by,
  contactId,
  contactKeyOf,
  endContactKey,
  keyId,
  replaceContactKey,
  type SharingIt,
  type SharingUnderTest,
} from './sharing-room.ts';

const states = async ({ contactKeys }: SharingUnderTest): Promise<KeyState[]> =>
  (await contactKeys.list(accountId(1), undefined, 99)).map(({ state }) => state);

const change = (
  { contactKeys }: SharingUnderTest,
  n: number,
  wish: Parameters<typeof contactKeys.change>[2],
  now = NOW + 5,
  of = 1,
) => contactKeys.change(accountId(of), keyId(n), wish, now, by('contact_key_change', keyId(n)));

export function contacting(it: SharingIt): void {
  it('gives a key of a new contact back as it was given, and to its account alone', async (subject) => {
    const { contactKeys } = subject;
    const wish = {
      displayLabel: 'mum',
      recipientAccountId: accountId(7),
      state: 'pending_verification',
    } as const;
    const made = await addContactKey(subject, 1, wish);
    assert.deepEqual(made, {
      id: keyId(1),
      ownerAccountId: accountId(1),
      contactId: contactId(1),
      recipientAccountId: accountId(7),
      version: 1,
      displayLabel: 'mum',
      wrappingAlgorithm: 'age-v1',
      publicKey: 'age1key1',
      fingerprint: hashOf(1),
      state: 'pending_verification',
      createdAt: NOW,
      updatedAt: NOW,
    });
    assert.deepEqual(await contactKeys.find(accountId(1), keyId(1)), made);
    assert.equal(await contactKeys.find(accountId(2), keyId(1)), undefined);
    assert.equal(await contactKeys.find(accountId(1), keyId(2)), undefined);
    assert.deepEqual(await contactKeys.list(accountId(2), undefined, 9), []);
    assert.deepEqual(await outcomes(subject, 'contact_key_create'), ['ok']);
  });

  it('lists keys page by page in the order of their ids', async (subject) => {
    const { contactKeys } = subject;
    for (const n of [3, 1, 2]) await addContactKey(subject, n);
    await addContactKey(subject, 4, {}, 2);
    const ids = async (after: string | undefined, limit: number) =>
      (await contactKeys.list(accountId(1), after, limit)).map(({ id }) => id);
    assert.deepEqual(await ids(undefined, 9), [keyId(1), keyId(2), keyId(3)]);
    assert.deepEqual(await ids(keyId(1), 1), [keyId(2)]);
    assert.deepEqual(await ids(keyId(3), 9), []);
  });

  it('counts versions within a contact, each replacing the one before', async (subject) => {
    const { contactKeys } = subject;
    await addContactKey(subject, 1);
    const second = await addContactKey(subject, 2, { contactId: contactId(1), createdAt: NOW + 2 });
    assert.deepEqual([second.version, second.contactId, second.state], [2, contactId(1), 'active']);
    const first = await contactKeys.find(accountId(1), keyId(1));
    assert.deepEqual(
      [first?.state, first?.replacedAt, first?.replacedById, first?.updatedAt],
      ['replaced', NOW + 2, keyId(2), NOW + 2],
    );
    const third = await replaceContactKey(subject, 2, 3);
    assert.ok(typeof third !== 'string');
    assert.deepEqual([third.version, third.contactId], [3, contactId(1)]);
    assert.deepEqual(await states(subject), ['replaced', 'replaced', 'active']);
    assert.equal((await contactKeys.find(accountId(1), keyId(1)))?.replacedById, keyId(2), 'ends are final');
  });

  it('knows a contact whose keys have all ended, and adds to it', async (subject) => {
    await addContactKey(subject, 1);
    await endContactKey(subject, 1, 'lost');
    const next = await addContactKey(subject, 2, { contactId: contactId(1) });
    assert.equal(next.version, 2);
    assert.deepEqual(await states(subject), ['lost', 'active']);
  });

  it('knows no contact of somebody else', async (subject) => {
    const { contactKeys } = subject;
    await addContactKey(subject, 1);
    for (const [n, of] of [
      [1, 2],
      [9, 1],
    ] as const) {
      const wish = { id: keyId(5), contactId: contactId(n) };
      const answer = await contactKeys.create(contactKeyOf(5, of, wish), by('contact_key_create', keyId(5)));
      assert.equal(answer, 'contact_not_found');
    }
    assert.deepEqual(await states(subject), ['active']);
    assert.deepEqual(await outcomes(subject, 'contact_key_create'), ['ok']);
  });

  it('changes a label and whether a key is verified, either way, and nothing that was not named', async (subject) => {
    await addContactKey(subject, 1, { displayLabel: 'mum', state: 'pending_verification' });
    const active = await change(subject, 1, { state: 'active' });
    assert.ok(typeof active !== 'string');
    assert.deepEqual([active.state, active.displayLabel, active.updatedAt], ['active', 'mum', NOW + 5]);
    const renamed = await change(subject, 1, { displayLabel: 'mother' });
    assert.ok(typeof renamed !== 'string');
    assert.deepEqual([renamed.state, renamed.displayLabel], ['active', 'mother']);
    const bare = await change(subject, 1, { displayLabel: null, state: 'pending_verification' });
    assert.ok(typeof bare !== 'string');
    assert.deepEqual([bare.state, 'displayLabel' in bare], ['pending_verification', false]);
    assert.deepEqual(await outcomes(subject, 'contact_key_change'), ['ok', 'ok', 'ok']);
  });

  it('leaves no trace of a change after which everything is as before', async (subject) => {
    const made = await addContactKey(subject, 1, { displayLabel: 'mum' });
    for (const wish of [{}, { displayLabel: 'mum' }, { state: 'active' as const }])
      assert.deepEqual(await change(subject, 1, wish), made);
    assert.deepEqual(await outcomes(subject, 'contact_key_change'), []);
  });

  it('ends a key once, and says so again to whoever ends it in the same way', async (subject) => {
    for (const [n, as, other] of [
      [1, 'revoked', 'lost'],
      [2, 'lost', 'revoked'],
    ] as const) {
      await addContactKey(subject, n);
      const ended = await endContactKey(subject, n, as, NOW + 3);
      assert.ok(typeof ended !== 'string');
      assert.equal(ended.state, as);
      assert.deepEqual([ended.revokedAt ?? ended.lostAt, ended.updatedAt], [NOW + 3, NOW + 3]);
      assert.deepEqual(await endContactKey(subject, n, as, NOW + 9), ended);
      assert.equal(await endContactKey(subject, n, other), 'invalid_contact_key_state');
      assert.equal(await replaceContactKey(subject, n, 8), 'invalid_contact_key_state');
      assert.equal(await change(subject, n, { displayLabel: 'x' }), 'invalid_contact_key_state');
      assert.equal(await change(subject, n, {}), 'invalid_contact_key_state');
      assert.deepEqual(await subject.contactKeys.find(accountId(1), keyId(n)), ended);
    }
    assert.deepEqual(await outcomes(subject, 'contact_key_end'), ['ok', 'conflict', 'ok', 'conflict']);
  });

  it('neither ends nor changes what was replaced', async (subject) => {
    await addContactKey(subject, 1);
    await replaceContactKey(subject, 1, 2);
    for (const as of ['revoked', 'lost'] as const)
      assert.equal(await endContactKey(subject, 1, as), 'invalid_contact_key_state');
    assert.equal(await change(subject, 1, { state: 'active' }), 'invalid_contact_key_state');
    assert.equal(await replaceContactKey(subject, 1, 3), 'invalid_contact_key_state');
    assert.deepEqual(await states(subject), ['replaced', 'active']);
  });

  it('finds no key of somebody else to change, end or replace, and writes no row of the try', async (subject) => {
    const { contactKeys } = subject;
    const made = await addContactKey(subject, 1);
    const before = (await subject.audited()).length;
    const missing = 'contact_public_key_not_found';
    assert.equal(await change(subject, 1, { displayLabel: 'x' }, NOW, 2), missing);
    assert.equal(await replaceContactKey(subject, 1, 2, 2), missing);
    assert.equal(
      await contactKeys.end(accountId(2), keyId(1), 'lost', NOW, by('contact_key_end', keyId(1))),
      missing,
    );
    assert.equal(await change(subject, 9, {}), missing);
    assert.equal((await subject.audited()).length, before);
    assert.deepEqual(await contactKeys.find(accountId(1), keyId(1)), made);
  });
}
