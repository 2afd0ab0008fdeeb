/** The contract of object stores on every one that Sallyport speaks to. */
import { after, before, describe, it } from 'node:test';
import type { Objects } from '../../src/store/blobs/objects.ts';
import { listed, objectsContract } from '../contract/objects.ts';
import { hasWorkerd } from '../support/edge.ts';
import { type R2Server, startR2 } from '../support/r2.ts';
import { type S3Server, startS3 } from '../support/s3.ts';

async function emptied(objects: Objects): Promise<Objects> {
  for (const [key] of await listed(objects)) await objects.remove(key);
  return objects;
}

function contract(open: () => Objects): void {
  for (const { name, run } of objectsContract(() => emptied(open()))) it(name, run);
}

describe('objects on an S3 server', () => {
  let s3: S3Server;
  before(async () => {
    s3 = await startS3();
  });
  after(() => s3.close());
  describe('that minds If-None-Match', () => contract(() => s3.client({ prefix: 'of ours/a+b' })));
  describe('that ignores it', () =>
    contract(() => {
      s3.conditional = false;
      const client = s3.client();
      client.conditional = false;
      return client;
    }));
});

describe('objects in R2', {
  skip: hasWorkerd ? false : 'npm has no workerd for this platform',
}, () => {
  let r2: R2Server;
  before(async () => {
    r2 = await startR2();
  });
  after(() => r2.close());
  describe('by its binding', () => contract(() => r2.binding('home')));
  describe('over its interface for S3 clients', () => contract(() => r2.overS3('home')));
});
