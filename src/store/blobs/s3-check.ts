/** What has to be true of an S3-compatible store before anything is entrusted to it, found out by trying. */
import type { Bytes } from '../store.ts';
import { ObjectError } from './objects.ts';
import type { S3Objects } from './s3.ts';

export interface S3Findings {
  /** It minds `If-None-Match: *` when it puts. */
  readonly conditional: boolean;
  /** It keeps what is removed as an older version, which no request of ours reaches. */
  readonly versioned: boolean;
}

export interface S3CheckTools {
  random(length: number): Bytes;
  digest(): { update(bytes: Uint8Array): void; finish(): Promise<Bytes> };
}

const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const unfit = (what: string): ObjectError => new ObjectError('internal', what, 'Unfit');
const same = (a: Uint8Array, b: Uint8Array): boolean => hexOf(a) === hexOf(b);

async function partOf(s3: S3Objects, key: string, start: number, end: number): Promise<Uint8Array> {
  const pieces: number[] = [];
  for await (const piece of s3.read(key, start, end)) pieces.push(...piece);
  return Uint8Array.from(pieces);
}

/**
 * Writes, reads, lists and removes an object of its own under `probe/`. Where the store does not mind `If-None-Match`,
 * `s3` looks before it puts from then on.
 * @throws ObjectError with what cannot be done, `internal` with the code `Unfit` where an answer is wrong
 */
export async function checkS3(s3: S3Objects, { random, digest }: S3CheckTools): Promise<S3Findings> {
  const key = `probe/${hexOf(random(16))}`;
  const [first, second] = [random(64), random(64)];
  const hashOf = async (bytes: Bytes) => {
    const hash = digest();
    hash.update(bytes);
    return hexOf(await hash.finish());
  };
  try {
    const { conditional, headers } = await putTwice();
    s3.conditional = conditional;
    const held = conditional ? first : second;
    if (!same(await partOf(s3, key, 16, 48), held.subarray(16, 48))) throw unfit('a part was read wrong');
    const { objects } = await s3.list(key, undefined);
    if (objects[0]?.key !== key || objects[0].size !== held.length)
      throw unfit('it did not list what it has');
    await s3.remove(key);
    if ((await s3.size(key)) !== undefined) throw unfit('what was removed is still there');
    const version = headers.get('x-amz-version-id');
    return { conditional, versioned: version !== null && version !== 'null' };
  } catch (thrown) {
    await s3.remove(key).catch(() => {});
    throw thrown;
  }

  async function putTwice(): Promise<{ conditional: boolean; headers: Headers }> {
    try {
      const { headers } = await s3.putOnce(key, first, await hashOf(first));
      const { outcome } = await s3.putOnce(key, second, await hashOf(second));
      return { conditional: outcome === 'exists', headers };
    } catch (thrown) {
      // Some stores say that they do not know the header, in place of ignoring it.
      if (!(thrown instanceof ObjectError) || thrown.code !== 'NotImplemented') throw thrown;
      s3.conditional = false;
      await s3.put(key, { bytes: second, size: second.length, sha256: await hashOf(second) });
      return { conditional: false, headers: new Headers() };
    }
  }
}
