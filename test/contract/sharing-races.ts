/** Verbs of sharing that only one may win, asked for at the same time. */
import assert from 'node:assert/strict';
import { accountId, NOW } from './account-room.ts';
import { begin, incidentId, outcomes, owned, remove, rows } from './incident-room.ts';
import {
  addContactKey,
  addGrant,
  addRecipientKey,
  addWrapped,
  both,
  by,
  contactId,
  endContactKey,
  givenOut,
  grant,
  grantId,
  keyId,
  recipientKeyOf,
  recordId,
  replaceContactKey,
  revokeGrant,
  type SharingIt,
  type SharingStores,
  wrap,
} from './sharing-room.ts';

const rounds = Array.from({ length: 8 }, (_, round) => round + 1);

export function racing(it: SharingIt): void {
  it('makes one next version when two replace a key', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await addContactKey(subject, n);
      const answers = await Promise.all([
        replaceContactKey(here, n, 100 + n),
        replaceContactKey(there, n, 200 + n),
      ]);
      const [next, ...others] = answers.filter((answer) => typeof answer !== 'string');
      assert.ok(next?.version === 2 && others.length === 0);
      assert.ok(answers.includes('invalid_contact_key_state'));
      assert.equal((await subject.contactKeys.find(accountId(1), keyId(n)))?.replacedById, next.id);
    }
    const written = await outcomes(subject, 'contact_key_create');
    assert.equal(written.filter((outcome) => outcome === 'ok').length, 2 * rounds.length);
  });

  it('makes one next version when two replace a key of the account, and one of two with the same name', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await addRecipientKey(subject, n);
      const replace = ({ recipientKeys }: SharingStores, next: number) => {
        const { recipientId: _, recipientType: __, ...key } = recipientKeyOf(next);
        return recipientKeys.replace(
          accountId(1),
          recordId(n),
          key,
          by('recipient_key_create', recordId(next)),
        );
      };
      const replaced = await Promise.all([replace(here, 100 + n), replace(there, 200 + n)]);
      const made = replaced.filter((answer) => typeof answer !== 'string');
      assert.deepEqual(
        made.map(({ version }) => version),
        [2],
      );
      const create = ({ recipientKeys }: SharingStores, next: number) =>
        recipientKeys.create(
          recipientKeyOf(next, 1, { keyId: `the key ${n}` }),
          by('recipient_key_create', recordId(next)),
        );
      const created = await Promise.all([create(here, 300 + n), create(there, 400 + n)]);
      assert.equal(created.filter((answer) => answer === 'account_recipient_key_duplicate').length, 1);
    }
  });

  it('counts two new versions of one contact apart, and only the last is in use', async (subject) => {
    const [here, there] = both(subject);
    await addContactKey(subject, 1);
    for (const n of rounds) {
      const wish = { contactId: contactId(1) };
      await Promise.all([addContactKey(here, 100 + n, wish), addContactKey(there, 200 + n, wish)]);
    }
    const keys = await subject.contactKeys.list(accountId(1), undefined, 99);
    const versions = keys.map(({ version }) => version).toSorted((a, b) => a - b);
    assert.deepEqual(
      versions,
      Array.from({ length: 1 + 2 * rounds.length }, (_, i) => i + 1),
    );
    const live = keys.filter(({ state }) => state === 'active');
    assert.deepEqual(
      live.map(({ version }) => version),
      [versions.length],
    );
  });

  it('keeps one of two equal wrapped keys', async (subject) => {
    const [here, there] = both(subject);
    await begin(subject, 1);
    await addContactKey(subject, 1);
    await addGrant(subject, 1, 1);
    for (const n of rounds) {
      const same = { mediaKeyId: `the media key ${n}` };
      const answers = await Promise.all([wrap(here, 100 + n, 1, same), wrap(there, 200 + n, 1, same)]);
      assert.equal(answers.filter((answer) => answer === 'wrapped_key_duplicate').length, 1);
    }
    assert.deepEqual(await rows(subject, 'SELECT count(*) FROM wrapped_keys'), [[rounds.length]]);
    const written = await outcomes(subject, 'wrapped_key_create');
    assert.deepEqual(
      ['ok', 'conflict'].map((word) => written.filter((outcome) => outcome === word).length),
      [rounds.length, rounds.length],
    );
  });

  it('gives nothing out after a key was lost or a grant revoked, whoever came first', async (subject) => {
    const [here, there] = both(subject);
    for (const n of rounds) {
      await begin(subject, n);
      await addContactKey(subject, n);
      await addGrant(subject, n, n, { contactId: contactId(n) });
      const stop = () => (n % 2 === 0 ? endContactKey(there, n, 'lost') : revokeGrant(there, n));
      const bring = () => wrap(here, n, n, { grantId: grantId(n) });
      const [wrapped] = await Promise.all(n % 4 < 2 ? [bring(), stop()] : [stop(), bring()].toReversed());
      assert.ok(
        typeof wrapped === 'object' ||
          wrapped === 'wrapped_key_dependency_not_found' ||
          wrapped === 'wrapped_key_grant_not_authorized',
        String(wrapped),
      );
      assert.deepEqual(await givenOut(subject, n), []);
    }
  });

  it('grants and wraps nothing after the decision to delete', async (subject) => {
    const [here, there] = both(subject);
    await addContactKey(subject, 1);
    for (const n of rounds) {
      await begin(subject, n);
      await addGrant(subject, 100 + n, n);
      await addWrapped(subject, 100 + n, n, { grantId: grantId(100 + n) });
      const [granted, wrapped] = await Promise.all([
        grant(here, 200 + n, n),
        wrap(there, 200 + n, n, { grantId: grantId(100 + n) }),
        remove(here, n, n, { allowOpen: true }),
      ]);
      const count = async (table: string) =>
        (await rows(subject, `SELECT count(*) FROM ${table} WHERE incident_id = '${incidentId(n)}'`))[0]?.[0];
      for (const [answer, table] of [
        [granted, 'sharing_grants'],
        [wrapped, 'wrapped_keys'],
      ] as const) {
        assert.ok(typeof answer === 'object' || answer === 'incident_deleting');
        assert.equal(await count(table), typeof answer === 'object' ? 2 : 1);
      }
      assert.equal(await grant(here, 300 + n, n), 'incident_deleting');
      const kept = await subject.wrappedKeys.list(owned(n), NOW, undefined, 9);
      assert.ok(typeof kept !== 'string' && kept.length >= 1);
    }
  });
}
