/** Opens what the settings say holds the bytes of chunks, and refuses at start what would fail later. */
import { randomBytes } from 'node:crypto';
import type { BlobSettings } from '../src/core/settings-types.ts';
import { libsqlBlobs } from '../src/store/blobs/libsql.ts';
import { withObjects } from '../src/store/blobs/object-blobs.ts';
import { ObjectError } from '../src/store/blobs/objects.ts';
import { type S3Objects, s3Objects } from '../src/store/blobs/s3.ts';
import { checkS3 } from '../src/store/blobs/s3-check.ts';
import type { Db } from '../src/store/db.ts';
import { objectsNamed } from '../src/store/libsql/objects-named.ts';
import type { S3Place } from '../src/store/s3-place.ts';
import type { Blobs, Bytes } from '../src/store/store.ts';
import { nodeDigest } from './digest.ts';
import { StartError } from './listener.ts';

export interface OpenedBlobs {
  readonly blobs: Blobs;
  /** Sentences for the operator. */
  readonly warnings: readonly string[];
}

export interface BlobsPlan {
  readonly settings: BlobSettings;
  /** Most bytes that may lie staged at one time, over all uploads. */
  readonly stagingQuotaBytes: number;
  readonly stagingLifetimeMs: number;
  /** Whether an object store is tried out before it is used. */
  readonly check: boolean;
}

/** How many of the newest objects have to be missing before the bucket is taken for another one. */
const SAMPLED = 3;

const random = (length: number): Bytes => new Uint8Array(randomBytes(length));

/** @throws StartError with a sentence that says what to do */
export async function openBlobs(db: Db, plan: BlobsPlan): Promise<OpenedBlobs> {
  const { settings, check, ...staging } = plan;
  const inDatabase = libsqlBlobs(db, staging);
  const named = await objectsNamed(db, SAMPLED);
  const { s3: where, backend } = settings;
  if (where === undefined) {
    if (!named.any) return { blobs: inDatabase, warnings: [] };
    throw new StartError(
      'Chunks lie in an object store, or are still to be removed there, and no store is named. Set SAFE_S3_ENDPOINT ' +
        'and the other SAFE_S3_ settings; sallyport blobs migrate --to libsql moves chunks into the database.',
    );
  }
  const s3 = s3Objects({ ...where, now: () => Date.now() });
  const warnings = check ? await tryOut(s3, where, named.newest) : [];
  const blobs = withObjects(db, inDatabase, s3, {
    places: backend === 's3',
    now: () => Date.now(),
    random,
    digest: nodeDigest,
  });
  return { blobs, warnings };
}

/** @returns sentences for the operator */
async function tryOut(s3: S3Objects, where: S3Place, newest: readonly string[]): Promise<string[]> {
  const warnings: string[] = [];
  try {
    const { conditional, versioned } = await checkS3(s3, { random, digest: nodeDigest });
    if (!conditional) {
      warnings.push(
        'The object store does not know If-None-Match: one more request is made before each chunk is put there.',
      );
    }
    if (versioned) {
      warnings.push(
        'The bucket keeps older versions: what is deleted stays there. Turn versioning off (docs/blobs.md).',
      );
    }
    await requireSame(s3, newest, where);
    return warnings;
  } catch (thrown) {
    if (thrown instanceof ObjectError) throw new StartError(problemOf(thrown, where));
    throw thrown;
  }
}

/** That it is the bucket that the database speaks of. One object can get lost; not all of the newest. */
async function requireSame(s3: S3Objects, newest: readonly string[], { bucket }: S3Place): Promise<void> {
  for (const key of newest) if ((await s3.size(key)) !== undefined) return;
  if (newest.length === 0) return;
  throw new StartError(
    `None of the newest chunks is in the bucket ${bucket}: it is another one than before, or its objects are gone. ` +
      'Check SAFE_S3_ENDPOINT, SAFE_S3_BUCKET and SAFE_S3_PREFIX.',
  );
}

/** What to do about it. The store's own code is a word of at most 80 letters, and no secret. */
function problemOf({ kind, code, message }: ObjectError, where: S3Place): string {
  const host = new URL(where.endpoint).host;
  const store = `The object store at ${host}`;
  switch (code) {
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'ExpiredToken':
    case 'InvalidToken':
    case 'Unauthorized':
    case 'HTTP401':
      return `${store} does not take the credentials (${code}). Check SAFE_S3_ACCESS_KEY_ID, SAFE_S3_SECRET_ACCESS_KEY and SAFE_S3_SESSION_TOKEN.`;
    case 'NoSuchBucket':
      return `${store} has no bucket ${where.bucket}. Make it, or check SAFE_S3_BUCKET.`;
    case 'RequestTimeTooSkewed':
      return `${store} says that the clock of this machine is wrong (${code}). Set it.`;
    case 'Unfit':
      return `${store} is not compatible enough: ${message}.`;
  }
  if (kind === 'busy')
    return `${store} cannot be reached (${code ?? 'no answer'}). Check that it runs, and SAFE_S3_ENDPOINT.`;
  if (kind === 'full') return `${store} has no room (${code}). Make room there, or raise its quota.`;
  return `${store} does not let these credentials write, read, list and remove objects in ${where.bucket} (${code ?? message}). Check their rights, SAFE_S3_REGION and SAFE_S3_FORCE_PATH_STYLE.`;
}
