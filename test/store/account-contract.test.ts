/** The account contract on every database that Sallyport runs on. */
import { it } from 'node:test';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { accountContract } from '../contract/account-store.ts';
import { auditedFromNow, emptying, onEveryDatabase } from '../support/store-contract.ts';

// Everything of an account goes with it.
const EMPTY = emptying(['accounts', 'login_failures']);

onEveryDatabase('accounts', EMPTY, (fresh) => {
  const factory = async () => {
    const { db, second } = await fresh();
    const store = libsqlStore(db);
    const { accounts, audit } = store;
    return { accounts, audit, db, other: second && libsqlStore(second), audited: auditedFromNow(store) };
  };
  for (const { name, run } of accountContract(factory)) it(name, run);
});
