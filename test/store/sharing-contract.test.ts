/** The sharing contract on every database that Sallyport runs on. */
import { it } from 'node:test';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { addAccount } from '../contract/incident-room.ts';
import { sharingContract } from '../contract/sharing-store.ts';
import { auditedFromNow, emptying, onEveryDatabase } from '../support/store-contract.ts';

const EMPTY = emptying([
  ...['wrapped_keys', 'sharing_grants', 'contact_keys', 'recipient_keys'],
  ...['streams', 'deletions', 'incidents', 'accounts'],
]);

onEveryDatabase('sharing', EMPTY, (fresh) => {
  const factory = async () => {
    const { db, second } = await fresh();
    const store = libsqlStore(db);
    for (const n of [1, 2]) await addAccount(store, n);
    return { ...store, db, other: second && libsqlStore(second), audited: auditedFromNow(store) };
  };
  for (const { name, run } of sharingContract(factory)) it(name, run);
});
