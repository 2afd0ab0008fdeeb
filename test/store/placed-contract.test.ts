/** The contract of chunks in an object store, on every store that Sallyport speaks to. */
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
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
import { hasWorkerd } from '../support/edge.ts';
import { type R2Server, startR2 } from '../support/r2.ts';
import { type S3Server, startS3 } from '../support/s3.ts';

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

describe('chunks on an S3 server', () => {
  let s3: S3Server;
  before(async () => {
    s3 = await startS3();
  });
  after(() => s3.close());
  describe('that minds If-None-Match', () => contract(() => s3.client({ prefix: 'p' })));
  describe('that ignores it', () =>
    contract(() => {
      s3.conditional = false;
      const client = s3.client();
      client.conditional = false;
      return client;
    }));
});

describe('chunks in R2', {
  skip: hasWorkerd ? false : 'npm has no workerd for this platform',
}, () => {
  let r2: R2Server;
  before(async () => {
    r2 = await startR2();
  });
  after(() => r2.close());
  describe('by its binding', () => contract(() => r2.binding()));
  describe('over its interface for S3 clients', () => contract(() => r2.overS3()));
});
