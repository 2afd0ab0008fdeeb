/** The contract of chunks, uploads, bundles and viewer links on every database that Sallyport runs on. */
import { it } from 'node:test';
import type { ChunksFactory } from '../contract/chunk-room.ts';
import { chunkContract } from '../contract/chunk-store.ts';
import { auditedFromNow, emptying, onEveryDatabase, storesOn } from '../support/store-contract.ts';

// The blobs last, which triggers name.
const EMPTY = emptying([
  ...['uploads', 'deletions', 'viewer_tokens', 'checkins', 'chunks', 'streams', 'incident_media'],
  ...['incidents', 'accounts', 'segments', 'loose_blobs'],
]);

onEveryDatabase('chunks', EMPTY, (fresh) => {
  const factory: ChunksFactory = async (options) => {
    const { db, second } = await fresh();
    const stores = storesOn(db, options);
    const other = second && storesOn(second, options);
    return { ...stores, db, other, audited: auditedFromNow(stores.store) };
  };
  for (const { name, run } of chunkContract(factory)) it(name, run);
});
