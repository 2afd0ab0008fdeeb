/** Keys of the account itself: names that are used once, versions, and no way back from verified. */
import assert from 'node:assert/strict';
import type { NewRecipientKey } from '../../src/store/sharing.ts';
import { accountId, hashOf, NOW } from './account-room.ts';
import { outcomes } from './incident-room.ts';
import {
  addRecipientKey,
  by,
  recipientKeyOf,
  recordId,
  type SharingIt,
  type SharingUnderTest,
} from './sharing-room.ts';

const DUPLICATE = 'account_recipient_key_duplicate';
const FINAL = 'invalid_account_recipient_key_state';
const MISSING = 'account_recipient_key_not_found';

const create = ({ recipientKeys }: SharingUnderTest, n: number, wish: Partial<NewRecipientKey>, of = 1) =>
  recipientKeys.create(recipientKeyOf(n, of, wish), by('recipient_key_create', recordId(n)));

function replace(
  { recipientKeys }: SharingUnderTest,
  old: number,
  n: number,
  wish: Partial<NewRecipientKey> = {},
  of = 1,
) {
  const { recipientId: _, recipientType: __, ...next } = recipientKeyOf(n, of, wish);
  return recipientKeys.replace(accountId(of), recordId(old), next, by('recipient_key_create', recordId(n)));
}

const change = (
  { recipientKeys }: SharingUnderTest,
  n: number,
  wish: Parameters<typeof recipientKeys.change>[2],
  of = 1,
) => recipientKeys.change(accountId(of), recordId(n), wish, NOW + 5, by('recipient_key_change', recordId(n)));

const end = ({ recipientKeys }: SharingUnderTest, n: number, as: 'revoked' | 'lost', now = NOW + 3, of = 1) =>
  recipientKeys.end(accountId(of), recordId(n), as, now, by('recipient_key_end', recordId(n)));

export function receiving(it: SharingIt): void {
  it("gives the account's own key back as it was given, and to that account alone", async (subject) => {
    const { recipientKeys } = subject;
    const made = await addRecipientKey(subject, 1, { displayLabel: 'phone', suiteId: 'mlkem768x25519' });
    assert.deepEqual(made, {
      id: recordId(1),
      ownerAccountId: accountId(1),
      recipientId: 'recipient 1',
      recipientType: 'device',
      keyId: 'key 1',
      version: 1,
      displayLabel: 'phone',
      scheme: 'age-v1',
      suiteId: 'mlkem768x25519',
      publicKey: 'age1key1',
      fingerprint: hashOf(1),
      state: 'active',
      createdAt: NOW,
      updatedAt: NOW,
    });
    assert.deepEqual(await recipientKeys.find(accountId(1), recordId(1)), made);
    assert.equal(await recipientKeys.find(accountId(2), recordId(1)), undefined);
    assert.deepEqual(await recipientKeys.list(accountId(2), undefined, 9), []);
    await addRecipientKey(subject, 2);
    assert.deepEqual(
      (await recipientKeys.list(accountId(1), recordId(1), 9)).map(({ id }) => id),
      [recordId(2)],
    );
  });

  it('takes a name of a recipient or of a key once in an account, also after it ended', async (subject) => {
    await addRecipientKey(subject, 1);
    await end(subject, 1, 'revoked');
    assert.equal(await create(subject, 2, { recipientId: 'recipient 1' }), DUPLICATE);
    assert.equal(await create(subject, 2, { keyId: 'key 1' }), DUPLICATE);
    assert.deepEqual(await outcomes(subject, 'recipient_key_create'), ['ok', 'conflict', 'conflict']);
    await addRecipientKey(subject, 2);
    assert.equal(await replace(subject, 2, 3, { keyId: 'key 1' }), DUPLICATE);
    const others = await create(subject, 4, { recipientId: 'recipient 1', keyId: 'key 1' }, 2);
    assert.ok(typeof others !== 'string', 'what one account uses is free to another');
  });

  it('puts the next version in the place of a key, of the same recipient', async (subject) => {
    await addRecipientKey(subject, 1, { displayLabel: 'phone' });
    const second = await replace(subject, 1, 2, { createdAt: NOW + 2 });
    assert.ok(typeof second !== 'string');
    assert.deepEqual(
      [second.version, second.recipientId, second.recipientType, second.keyId, 'displayLabel' in second],
      [2, 'recipient 1', 'device', 'key 2', false],
    );
    const first = await subject.recipientKeys.find(accountId(1), recordId(1));
    assert.deepEqual(
      [first?.state, first?.replacedAt, first?.replacedById],
      ['replaced', NOW + 2, recordId(2)],
    );
    assert.equal(await replace(subject, 1, 3), FINAL);
    const third = await replace(subject, 2, 3);
    assert.ok(typeof third !== 'string' && third.version === 3);
    assert.equal(await end(subject, 1, 'lost'), FINAL);
  });

  it('makes a pending key active, and an active one pending never again', async (subject) => {
    await addRecipientKey(subject, 1, { state: 'pending_verification' });
    const same = await change(subject, 1, { state: 'pending_verification' });
    assert.ok(typeof same !== 'string' && same.updatedAt === NOW);
    const active = await change(subject, 1, { state: 'active', displayLabel: 'phone' });
    assert.ok(typeof active !== 'string');
    assert.deepEqual([active.state, active.displayLabel, active.updatedAt], ['active', 'phone', NOW + 5]);
    assert.equal(await change(subject, 1, { state: 'pending_verification', displayLabel: 'x' }), FINAL);
    assert.deepEqual(await subject.recipientKeys.find(accountId(1), recordId(1)), active);
    assert.deepEqual(await outcomes(subject, 'recipient_key_change'), ['ok', 'conflict']);
  });

  it('ends a key of the account once, and says so again to whoever ends it in the same way', async (subject) => {
    await addRecipientKey(subject, 1);
    const ended = await end(subject, 1, 'lost');
    assert.ok(typeof ended !== 'string');
    assert.deepEqual([ended.state, ended.lostAt], ['lost', NOW + 3]);
    assert.deepEqual(await end(subject, 1, 'lost', NOW + 9), ended);
    assert.equal(await end(subject, 1, 'revoked'), FINAL);
    assert.equal(await change(subject, 1, { displayLabel: 'x' }), FINAL);
    assert.deepEqual(await outcomes(subject, 'recipient_key_end'), ['ok', 'conflict']);
  });

  it('finds nothing of somebody else to change, end or replace, and writes no row of the try', async (subject) => {
    const made = await addRecipientKey(subject, 1);
    const before = (await subject.audited()).length;
    assert.equal(await change(subject, 1, { displayLabel: 'x' }, 2), MISSING);
    assert.equal(await end(subject, 1, 'lost', NOW, 2), MISSING);
    assert.equal(await replace(subject, 1, 2, {}, 2), MISSING);
    assert.equal(await end(subject, 9, 'lost'), MISSING);
    assert.equal((await subject.audited()).length, before);
    assert.deepEqual(await subject.recipientKeys.find(accountId(1), recordId(1)), made);
  });
}
