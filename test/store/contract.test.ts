/** The store and blob contracts on every database that Sallyport runs on. */
import { describe, it } from 'node:test';
import { blobsContract } from '../contract/blobs.ts';
import type { StoresFactory } from '../contract/room.ts';
import { storeContract } from '../contract/store.ts';
import { emptying, onEveryDatabase, storesOn } from '../support/store-contract.ts';

const EMPTY = [
  // The blobs after the pastes, whose triggers name them.
  ...emptying(['pastes', 'segments', 'loose_blobs', 'paste_replays', 'spent_work']),
  ...emptying(['recent_contents', 'paste_guesses']),
  { sql: 'UPDATE totals SET created = 0' },
];
const LOOSE = `SELECT
  (SELECT count(*) FROM segments WHERE NOT EXISTS (SELECT 1 FROM pastes WHERE pastes.blob = segments.blob)),
  (SELECT count(*) FROM loose_blobs)`;

onEveryDatabase('the stores', EMPTY, (fresh) => {
  const factory: StoresFactory = async (options) => {
    const { db, second } = await fresh();
    return {
      ...storesOn(db, options),
      other: second && (async () => storesOn(second, options)),
      async loose() {
        const [segments, names] = (await db.batch([{ sql: LOOSE }], 'read'))[0]?.rows[0] ?? [];
        return { segments: Number(segments), names: Number(names) };
      },
      close: async () => {},
    };
  };
  describe('pastes', () => {
    for (const { name, run } of storeContract(factory)) it(name, run);
  });
  describe('blobs', () => {
    for (const { name, run } of blobsContract(factory)) it(name, run);
  });
});
