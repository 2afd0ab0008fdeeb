/** Every object store that Sallyport speaks to, each started once for a suite that is run on it. */
import { after, before, describe } from 'node:test';
import type { Objects } from '../../src/store/blobs/objects.ts';
import { hasWorkerd } from './edge.ts';
import { type R2Server, startR2 } from './r2.ts';
import { type S3Server, startS3 } from './s3.ts';

export interface StoresWish {
  /** What the suite is about, such as `chunks`. */
  readonly what: string;
  /** What keys begin with on the S3 server. */
  readonly prefix: string;
  /** What keys begin with in R2. */
  readonly inR2?: string;
}

/** Runs a suite on an S3 server that minds `If-None-Match`, on one that does not, and on R2 by both of its ways. */
export function onObjectStores(
  { what, prefix, inR2 }: StoresWish,
  contract: (open: () => Objects) => void,
): void {
  describe(`${what} on an S3 server`, () => {
    let s3: S3Server;
    before(async () => {
      s3 = await startS3();
    });
    after(() => s3.close());
    describe('that minds If-None-Match', () => contract(() => s3.client({ prefix })));
    describe('that ignores it', () =>
      contract(() => {
        s3.conditional = false;
        const client = s3.client();
        client.conditional = false;
        return client;
      }));
  });

  describe(`${what} in R2`, {
    skip: hasWorkerd ? false : 'npm has no workerd for this platform',
  }, () => {
    let r2: R2Server;
    before(async () => {
      r2 = await startR2();
    });
    after(() => r2.close());
    describe('by its binding', () => contract(() => r2.binding(inR2)));
    describe('over its interface for S3 clients', () => contract(() => r2.overS3(inR2)));
  });
}
