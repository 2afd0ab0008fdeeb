/** The contract of chunks in an object store, on every store that Sallyport speaks to. */
import { randomBytes } from 'node:crypto';
import { after, before, it } from 'node:test';
import { nodeDigest } from '../../runtime/digest.ts';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import { withObjects } from '../../src/store/blobs/object-blobs.ts';
import { ObjectError, type Objects } from '../../src/store/blobs/objects.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { listed } from '../contract/objects.ts';
import { placedContract } from '../contract/placed-chunks.ts';
import { HOUR, NOW } from '../contract/room.ts';
import { onObjectStores } from '../support/object-stores.ts';

const EMPTY = ['chunks', 'streams', 'incident_media', 'incidents', 'accounts', 'segments', 'loose_blobs'].map(
  (table) => ({ sql: `DELETE FROM ${table}` }),
);

function contract(open: () => Objects): void {
  let db: Db;
  before(async () => {
    db = await openEmbedded({ path: ':memory:' });
    await migrate(db, migrations, NOW);
  });
  after(() => db.close());
  const make = async () => {
    await db.batch(EMPTY, 'write');
    const objects = open();
    for (const [key] of await listed(objects)) await objects.remove(key);
    const clock = { now: NOW };
    const inner = libsqlBlobs(db, { stagingQuotaBytes: 64 * 1024 * 1024, stagingLifetimeMs: HOUR });
    let stuck: string | undefined;
    const denying: Objects = {
      ...objects,
      async remove(key) {
        if (key === stuck) throw new ObjectError('denied', 'this one stays', 'AccessDenied');
        await objects.remove(key);
      },
    };
    const blobs = withObjects(db, inner, denying, {
      places: true,
      now: () => clock.now,
      random: (length) => new Uint8Array(randomBytes(length)),
      digest: nodeDigest,
    });
    return {
      db,
      store: libsqlStore(db),
      blobs,
      objects,
      clock,
      other: undefined,
      audited: async () => [],
      refuseToRemove(key: string | undefined) {
        stuck = key;
      },
    };
  };
  for (const { name, run } of placedContract(make)) it(name, run);
}

onObjectStores({ what: 'chunks', prefix: 'p' }, contract);
