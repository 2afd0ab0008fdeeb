/** A real R2 bucket in workerd, as its own binding has it and over its interface for S3 clients. */
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { type R2Bucket, r2Objects } from '../../src/store/blobs/r2.ts';
import { s3Objects } from '../../src/store/blobs/s3.ts';

export const R2_BUCKET = 'evidence';
const ACCESS_KEY_ID = 'a1'.repeat(16);
const SECRET_ACCESS_KEY = 'b2'.repeat(32);

/** What a Worker beside the bucket is made of; its bindings are texts. */
export interface R2Worker {
  readonly options: Readonly<Record<string, unknown>>;
}

export interface R2Server {
  /** Where the Worker answers. */
  readonly url: string;
  readonly bucket: R2Bucket;
  /** Settings of a server that keeps its chunks here, over the S3 interface. */
  readonly settings: Readonly<Record<string, string>>;
  binding(prefix?: string): ReturnType<typeof r2Objects>;
  overS3(prefix?: string): ReturnType<typeof s3Objects>;
  close(): Promise<void>;
}

/** @param worker what runs beside the bucket, which it has as `BLOBS`; nothing of interest unless given */
export async function startR2(worker: Readonly<Record<string, unknown>> = {}): Promise<R2Server> {
  // What miniflare would fetch from Cloudflare, and tell it.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';
  const options = {
    modules: true,
    script: 'export default { fetch: () => new Response(null, { status: 404 }) }',
    compatibilityDate: '2026-10-01',
    compatibilityFlags: ['no_nodejs_compat', 'no_nodejs_compat_v2'],
    host: '127.0.0.1',
    port: 0,
    cf: false,
    ...worker,
    r2Buckets: {
      BLOBS: {
        id: R2_BUCKET,
        s3Credentials: { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET_ACCESS_KEY },
      },
    },
  };
  const miniflare = new Miniflare(convertV4MiniflareOptions(options as never));
  const url = String(await miniflare.ready).replace(/\/$/, '');
  const endpoint = `${url}/cdn-cgi/local/r2/s3`;
  const bucket = (await miniflare.getR2Bucket('BLOBS')) as unknown as R2Bucket;
  return {
    url,
    bucket,
    settings: {
      SAFE_BLOB_BACKEND: 's3',
      SAFE_S3_ENDPOINT: endpoint,
      SAFE_S3_REGION: 'auto',
      SAFE_S3_BUCKET: R2_BUCKET,
      SAFE_S3_ACCESS_KEY_ID: ACCESS_KEY_ID,
      SAFE_S3_SECRET_ACCESS_KEY: SECRET_ACCESS_KEY,
    },
    binding: (prefix = '') => r2Objects(bucket, { prefix, timeoutMs: 15_000, sized: (stream) => stream }),
    overS3: (prefix = '') =>
      s3Objects({
        endpoint,
        region: 'auto',
        bucket: R2_BUCKET,
        prefix,
        accessKeyId: ACCESS_KEY_ID,
        secretAccessKey: SECRET_ACCESS_KEY,
        sessionToken: undefined,
        forcePathStyle: true,
        timeoutMs: 15_000,
        now: Date.now,
      }),
    close: () => miniflare.dispose(),
  };
}
