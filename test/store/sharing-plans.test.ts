/** What the verbs of sharing cost: one batch each, and a look into an index wherever a table can grow. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Store } from '../../src/store/store.ts';
import { accountId, NOW } from '../contract/account-room.ts';
import { addAccount, owned, streamId } from '../contract/incident-room.ts';
import {
  by,
  contactId,
  contactKeyOf,
  grant,
  grantId,
  keyId,
  recipientKeyOf,
  recordId,
  replaceContactKey,
  revokeGrant,
  revokeWrapped,
  wrap,
  wrappedId,
} from '../contract/sharing-room.ts';
import { costly, watch } from '../support/plans.ts';

type Verb = (store: Store) => Promise<unknown>;

/** Lists, and the search that each must be: its order comes from the index, so that no page sorts the rest. */
const LISTS: Readonly<Record<string, readonly [search: string, Verb]>> = {
  'the keys of contacts': [
    'SEARCH contact_keys USING INDEX contact_keys_by_owner (owner_account_id=? AND id>?)',
    ({ contactKeys }) => contactKeys.list(accountId(1), keyId(1), 9),
  ],
  'the keys of an account': [
    'SEARCH recipient_keys USING INDEX recipient_keys_by_owner (owner_account_id=? AND id>?)',
    ({ recipientKeys }) => recipientKeys.list(accountId(1), recordId(1), 9),
  ],
  'the grants of an incident': [
    'SEARCH sharing_grants USING INDEX sharing_grants_by_incident (incident_id=? AND id>?)',
    ({ grants }) => grants.list(owned(1), grantId(1), 9),
  ],
  'the wrapped keys of an incident': [
    'SEARCH t USING INDEX wrapped_keys_by_incident (incident_id=? AND id>?)',
    ({ wrappedKeys }) => wrappedKeys.list(owned(1), NOW, wrappedId(1), 9),
  ],
};

for (const [what, [search, verb]] of Object.entries(LISTS)) {
  it(`${what} are read in one batch from the index that has their order`, async () => {
    const { modes, plans } = await watch(verb);
    assert.deepEqual(modes, ['read']);
    assert.ok(plans.includes(search), plans.join('\n'));
    assert.deepEqual(costly(plans), []);
  });
}

const FINDS: Readonly<Record<string, Verb>> = {
  'a key of a contact': ({ contactKeys }) => contactKeys.find(accountId(1), keyId(1)),
  'a key of an account': ({ recipientKeys }) => recipientKeys.find(accountId(1), recordId(1)),
  'a grant': ({ grants }) => grants.find(accountId(1), grantId(1)),
  'a wrapped key': ({ wrappedKeys }) => wrappedKeys.find(accountId(1), wrappedId(1), NOW),
};

for (const [what, verb] of Object.entries(FINDS)) {
  it(`${what} is found in one batch by its id`, async () => {
    const { modes, plans } = await watch(verb);
    assert.deepEqual(modes, ['read']);
    const lines = plans.filter((line) => !/^CORRELATED SCALAR SUBQUERY/.test(line));
    assert.ok(lines.length > 0);
    for (const line of lines) assert.match(line, /^SEARCH \w+ USING INDEX sqlite_autoindex_\w+ \(id=\?\)$/);
  });
}

const key = ({ freshContactId: _, ...rest }: ReturnType<typeof contactKeyOf>) => rest;
const entry = by('contact_key_change', keyId(1));

const CHANGES: Readonly<Record<string, Verb>> = {
  'a next key of a contact': ({ contactKeys }) =>
    contactKeys.create({ ...key(contactKeyOf(1)), freshContactId: '', contactId: contactId(1) }, entry),
  'the replacement of a key of a contact': (store) => replaceContactKey(store, 1, 2),
  'a change of a key of a contact': ({ contactKeys }) =>
    contactKeys.change(accountId(1), keyId(1), { displayLabel: 'x', state: 'active' }, NOW, entry),
  'the end of a key of a contact': ({ contactKeys }) =>
    contactKeys.end(accountId(1), keyId(1), 'lost', NOW, entry),
  'the replacement of a key of an account': ({ recipientKeys }) =>
    recipientKeys.replace(accountId(1), recordId(1), recipientKeyOf(2), entry),
  'a change of a key of an account': ({ recipientKeys }) =>
    recipientKeys.change(accountId(1), recordId(1), { state: 'pending_verification' }, NOW, entry),
  'the end of a key of an account': ({ recipientKeys }) =>
    recipientKeys.end(accountId(1), recordId(1), 'revoked', NOW, entry),
  'a grant of an incident': (store) => grant(store, 1, 1),
  'a grant of a stream for a key that it names': (store) =>
    grant(store, 1, 1, { streamId: streamId(1), contactKeyId: keyId(1) }),
  'the end of a grant': (store) => revokeGrant(store, 1),
  'a wrapped key': (store) => wrap(store, 1, 1, { streamId: streamId(1) }),
  'the end of a wrapped key': (store) => revokeWrapped(store, 1),
};

for (const [what, verb] of Object.entries(CHANGES)) {
  it(`${what} is one batch that scans and sorts no table`, async () => {
    const { modes, plans } = await watch(verb);
    assert.deepEqual(modes, ['write']);
    assert.ok(plans.some((line) => line.startsWith('SEARCH')));
    assert.deepEqual(costly(plans), []);
  });
}

const FIRST: Readonly<Record<string, Verb>> = {
  'a first key of a contact': ({ contactKeys }) => contactKeys.create(contactKeyOf(1), entry),
  'a first key of an account': ({ recipientKeys }) => recipientKeys.create(recipientKeyOf(1), entry),
};

for (const [what, verb] of Object.entries(FIRST)) {
  it(`${what} is one batch that scans and sorts no table`, async () => {
    // The one batch before it makes the account that a key must have.
    const { modes, plans } = await watch(async (store) => {
      await addAccount(store, 1);
      await verb(store);
    });
    assert.deepEqual(modes, ['write', 'write']);
    assert.deepEqual(costly(plans), []);
  });
}

it('a wrapped key is held against those that are there by the one index that keeps them apart', async () => {
  const { plans } = await watch((store) => wrap(store, 1, 1, { streamId: streamId(1) }));
  const looks = plans.filter((line) => line.includes(' wrapped_keys '));
  assert.ok(
    looks.some((line) => line.includes('wrapped_keys_once')),
    looks.join('\n'),
  );
});
