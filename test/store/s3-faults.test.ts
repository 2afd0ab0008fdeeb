/** An S3 server behind a network that loses answers, falls silent, breaks and refuses. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { nodeDigest } from '../../runtime/digest.ts';
import { ObjectError } from '../../src/store/blobs/objects.ts';
import { checkS3 } from '../../src/store/blobs/s3-check.ts';
import { bodyOf, readAll } from '../contract/objects.ts';
import { bytesOf } from '../contract/room.ts';
import { BUCKET, type S3Server, startS3, type Trouble } from '../support/s3.ts';

const tools = { random: (length: number) => new Uint8Array(randomBytes(length)), digest: nodeDigest };
const refused = (kind: string, code?: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof ObjectError);
  assert.equal(thrown.kind, kind);
  if (code !== undefined) assert.equal(thrown.code, code);
  assert.ok(!String(thrown.message).includes('S3RVER'), 'a message holds no key');
  return true;
};

describe('an S3 server in trouble', () => {
  let s3: S3Server;
  before(async () => {
    s3 = await startS3();
  });
  after(() => s3.close());
  beforeEach(() => {
    s3.trouble = () => 'none';
    s3.conditional = true;
    s3.asked.length = 0;
  });

  /** These happen to the first requests of a method, in order. */
  function happening(method: string, ...troubles: Trouble[]): void {
    s3.trouble = (request) => (request.method === method ? (troubles.shift() ?? 'none') : 'none');
  }
  const asked = (method: string) => s3.asked.filter((line) => line.startsWith(`${method} `)).length;

  it('a put whose answer got lost is tried again, and finds what it had put', async () => {
    happening('PUT', 'lost answer');
    assert.equal(await s3.client().put('lost', bodyOf(bytesOf(1000))), 'exists');
    assert.deepEqual(await readAll(s3.client(), 'lost'), Buffer.from(bytesOf(1000)));
  });

  it('so does one to a store that ignores If-None-Match, by looking first', async () => {
    s3.conditional = false;
    const client = s3.client();
    client.conditional = false;
    happening('PUT', 'lost answer');
    assert.equal(await client.put('lost-too', bodyOf(bytesOf(1000))), 'exists');
    assert.equal(asked('PUT'), 1);
  });

  it('a put in pieces is read from the start each time', async () => {
    const bytes = bytesOf(300_000);
    let opened = 0;
    const pieces = async function* () {
      opened += 1;
      for (let at = 0; at < bytes.length; at += 100_000) yield bytes.slice(at, at + 100_000);
    };
    happening('PUT', { status: 503, code: 'SlowDown' }, { status: 500, code: 'InternalError' });
    assert.equal(await s3.client().put('pieces', { ...bodyOf(bytes), bytes: pieces }), 'stored');
    assert.equal(opened, 3);
    assert.equal(Buffer.compare(await readAll(s3.client(), 'pieces'), bytes), 0);
  });

  for (const method of ['PUT', 'GET', 'DELETE'])
    it(`a ${method} is tried three times and no more`, async () => {
      s3.trouble = (request) => (request.method === method ? { status: 503, code: 'SlowDown' } : 'none');
      const client = s3.client();
      const asking = {
        PUT: () => client.put('busy', bodyOf(bytesOf(10))),
        GET: () => readAll(client, 'busy'),
        DELETE: () => client.remove('busy'),
      }[method];
      await assert.rejects(asking?.() ?? Promise.resolve(), refused('busy', 'SlowDown'));
      assert.equal(asked(method), 3);
    });

  it('a refusal of the credentials is shown once, and not again', async () => {
    for (const [status, code] of [
      [403, 'AccessDenied'],
      [403, 'InvalidAccessKeyId'],
      [403, 'RequestTimeTooSkewed'],
      [400, 'ExpiredToken'],
      [301, 'PermanentRedirect'],
      [404, 'NoSuchBucket'],
    ] as const) {
      s3.asked.length = 0;
      s3.trouble = () => ({ status, code });
      await assert.rejects(s3.client().put('denied', bodyOf(bytesOf(10))), refused('denied', code));
      await assert.rejects(s3.client().list('', undefined), refused('denied', code));
      await assert.rejects(readAll(s3.client(), 'denied'), refused('denied', code));
      assert.equal(s3.asked.length, 3);
    }
  });

  it('a store without room is full, and one that makes no sense is told from one that is away', async () => {
    happening('PUT', { status: 507, code: 'XMinioStorageFull' });
    await assert.rejects(s3.client().put('full', bodyOf(bytesOf(10))), refused('full'));
    happening('GET', { status: 200, code: 'WhatIsThis' });
    await assert.rejects(s3.client().list('', undefined), refused('internal'));
    happening('DELETE', { status: 418, code: 'x'.repeat(2_000_000) });
    await assert.rejects(s3.client().remove('teapot'), refused('internal', 'HTTP418'));
  });

  it('a store that keeps silent is given up after the time that was set', async () => {
    s3.trouble = () => 'silence';
    const client = s3.client({ timeoutMs: 150 });
    await assert.rejects(client.put('silent', bodyOf(bytesOf(10))), refused('busy'));
    await assert.rejects(readAll(client, 'silent'), refused('busy'));
    await assert.rejects(client.remove('silent'), refused('busy'));
    await assert.rejects(client.list('', undefined), refused('busy'));
  });

  it('a store that is away is told so at once, and is used again when it is back', async () => {
    await s3.away();
    await assert.rejects(s3.client().put('away', bodyOf(bytesOf(10))), refused('busy'));
    await s3.back();
    assert.equal(await s3.client().put('away', bodyOf(bytesOf(10))), 'stored');
  });

  it('a read that breaks off in the middle goes on where it was', async () => {
    const bytes = bytesOf(400_000);
    await s3.client().put('broken', bodyOf(bytes.slice()));
    s3.asked.length = 0;
    let breaks = 2;
    s3.breakAfter = () => (breaks-- > 0 ? 70_000 : undefined);
    try {
      assert.equal(
        Buffer.compare(await readAll(s3.client(), 'broken', 5, 399_999), bytes.subarray(5, 399_999)),
        0,
      );
    } finally {
      s3.breakAfter = () => undefined;
    }
    assert.ok(asked('GET') >= 3, s3.asked.join());
  });

  it('whoever stops reading lets go of the connection', async () => {
    await s3.client().put('large', bodyOf(bytesOf(3_000_000)));
    for await (const piece of s3.client().read('large', 0, 3_000_000)) {
      assert.ok(piece.length > 0);
      break;
    }
    assert.equal(await s3.client().size('large'), 3_000_000);
  });

  it('the check at start finds a store that does not know If-None-Match, and one that says so', async () => {
    s3.conditional = false;
    const ignoring = s3.client();
    assert.deepEqual(await checkS3(ignoring, tools), { conditional: false, versioned: false });
    assert.equal(ignoring.conditional, false);
    happening('PUT', { status: 501, code: 'NotImplemented' });
    const refusing = s3.client();
    assert.deepEqual(await checkS3(refusing, tools), { conditional: false, versioned: false });
    s3.conditional = true;
    assert.deepEqual(await checkS3(s3.client(), tools), { conditional: true, versioned: false });
    assert.deepEqual(
      (await s3.keys()).filter((key) => key.startsWith('probe/')),
      [],
    );
  });

  it('the check at start needs every right', async () => {
    for (const method of ['PUT', 'GET', 'HEAD', 'DELETE']) {
      s3.trouble = (request) => (request.method === method ? { status: 403, code: 'AccessDenied' } : 'none');
      await assert.rejects(checkS3(s3.client(), tools), refused('denied'), method);
    }
    s3.trouble = ({ key }) => (key === '' ? { status: 403, code: 'AccessDenied' } : 'none');
    await assert.rejects(checkS3(s3.client(), tools), refused('denied'), `listing ${BUCKET}`);
  });
});
