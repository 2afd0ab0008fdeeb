/** Where the bytes of chunks lie, for a Worker: a bucket that is bound to it, a store over HTTP, or the database. */
import type { Settings } from '../../src/core/settings-types.ts';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import { withObjects } from '../../src/store/blobs/object-blobs.ts';
import type { Objects } from '../../src/store/blobs/objects.ts';
import { type R2Bucket, r2Objects } from '../../src/store/blobs/r2.ts';
import { s3Objects } from '../../src/store/blobs/s3.ts';
import type { Db } from '../../src/store/db.ts';
import { objectsNamed } from '../../src/store/libsql/objects-named.ts';
import type { Blobs, Bytes } from '../../src/store/store.ts';
import { edgeDigest } from './digest.ts';
import { Misfit } from './misfit.ts';

/** Bytes of an upload that nobody continues are swept, by home, after so long. */
const STAGING_LIFETIME_MS = 15 * 60_000;
/** How long a bucket that is bound may keep silent. */
const BUCKET_TIMEOUT_MS = 15_000;

type Env = Readonly<Record<string, unknown>>;

/** The bucket that is bound as `BLOBS`. @throws Misfit where something else is */
export function bucketOf({ BLOBS: bound }: Env): R2Bucket | undefined {
  if (bound === undefined) return undefined;
  if (typeof bound === 'object' && bound !== null && 'put' in bound && 'list' in bound)
    return bound as R2Bucket;
  throw new Misfit('The binding BLOBS is no R2 bucket.');
}

export interface EdgeBlobsPorts {
  readonly env: Env;
  now(): number;
  random(length: number): Bytes;
  sized(stream: ReadableStream<Bytes>, length: number): ReadableStream<Bytes>;
}

/** Stores are not tried out here, as home does at its start: that would be six requests for each isolate. */
export async function edgeBlobs(
  db: Db,
  { blobs, uploads }: Settings,
  { env, now, random, sized }: EdgeBlobsPorts,
): Promise<Blobs> {
  const { stagingQuotaBytes } = uploads;
  const inDatabase = libsqlBlobs(db, { stagingQuotaBytes, stagingLifetimeMs: STAGING_LIFETIME_MS });
  const bucket = bucketOf(env);
  let objects: Objects | undefined;
  if (bucket !== undefined) {
    objects = r2Objects(bucket, { prefix: blobs.prefix, timeoutMs: BUCKET_TIMEOUT_MS, sized });
  } else if (blobs.s3 !== undefined) {
    objects = s3Objects({ ...blobs.s3, now, sized });
  }
  if (objects === undefined) {
    if (!(await objectsNamed(db, 1)).any) return inDatabase;
    throw new Misfit(
      'Chunks lie in an object store. Bind its bucket as BLOBS, or set SAFE_S3_ENDPOINT and the other SAFE_S3_ ' +
        'settings, as home has them.',
    );
  }
  // What is bound is used, unless it is said to be there for what lies in it already.
  const places = bucket === undefined ? blobs.backend === 's3' : env.SAFE_BLOB_BACKEND !== 'libsql';
  return withObjects(db, inDatabase, objects, { places, now, random, digest: edgeDigest });
}
