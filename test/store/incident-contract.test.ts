/** The incident contract on every database that Sallyport runs on. */
import { it } from 'node:test';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { addAccount } from '../contract/incident-room.ts';
import { incidentContract } from '../contract/incident-store.ts';
import { auditedFromNow, emptying, onEveryDatabase } from '../support/store-contract.ts';

const EMPTY = emptying([
  ...['wrapped_keys', 'sharing_grants', 'contact_keys', 'uploads', 'chunks', 'streams', 'checkins'],
  ...['viewer_tokens', 'incident_media', 'deletions', 'incidents', 'accounts', 'loose_blobs'],
]);

onEveryDatabase('incidents', EMPTY, (fresh) => {
  const factory = async () => {
    const { db, second } = await fresh();
    const store = libsqlStore(db);
    for (const n of [1, 2]) await addAccount(store, n);
    return { ...store, db, other: second && libsqlStore(second), audited: auditedFromNow(store) };
  };
  for (const { name, run } of incidentContract(factory)) it(name, run);
});
