/** The whole store on libSQL: the rooms put together. */
import type { Db } from '../db.ts';
import type { Store } from '../store.ts';
import { accountStore } from './accounts.ts';
import { auditStore } from './audit.ts';
import { listingStore } from './listing.ts';
import { pasteStore } from './pastes.ts';
import { secretKeyStore } from './secret-key.ts';

/** @see Store */
export function libsqlStore(db: Db): Store {
  return {
    pastes: pasteStore(db),
    accounts: accountStore(db),
    audit: auditStore(db),
    listing: listingStore(db),
    secretKey: secretKeyStore(db),
  };
}
