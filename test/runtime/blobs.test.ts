/** Opening an object store at start: what is refused, in which words, and what is only said. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { openBlobs } from '../../runtime/blobs.ts';
import { StartError } from '../../runtime/listener.ts';
import { parseSettings } from '../../src/core/settings.ts';
import type { BlobSettings } from '../../src/core/settings-types.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { NOW } from '../contract/room.ts';
import { hasWorkerd } from '../support/edge.ts';
import { startR2 } from '../support/r2.ts';
import { type S3Server, startS3 } from '../support/s3.ts';

function settingsOf(env: Readonly<Record<string, string>>): BlobSettings {
  const parsed = parseSettings({ env });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.settings.blobs;
}

describe('an object store at start', () => {
  let s3: S3Server;
  let db: Db;
  before(async () => {
    s3 = await startS3();
    db = await openEmbedded({ path: ':memory:' });
    await migrate(db, migrations, NOW);
  });
  after(async () => {
    await db.close();
    await s3.close();
  });
  beforeEach(() => {
    s3.trouble = () => 'none';
    s3.conditional = true;
  });

  const open = (env: Readonly<Record<string, string>>, check = true) =>
    openBlobs(db, { settings: settingsOf(env), stagingQuotaBytes: 1, stagingLifetimeMs: 1, check });
  const withS3 = (wish: Readonly<Record<string, string>> = {}) => open({ ...s3.settings, ...wish });
  const refusing = (said: RegExp) => (thrown: unknown) => {
    assert.ok(thrown instanceof StartError);
    assert.match(thrown.message, said);
    assert.ok(!thrown.message.includes('S3RVER'));
    return true;
  };

  it('is opened when it does what it has to, without a warning', async () => {
    const { blobs, warnings } = await withS3();
    assert.deepEqual([blobs.objects?.places, warnings], [true, []]);
    const emptied = await withS3({ SAFE_BLOB_BACKEND: 'libsql' });
    assert.equal(emptied.blobs.objects?.places, false, 'a store that is named as well is read and emptied');
    assert.equal((await open({})).blobs.objects, undefined);
  });

  it('is refused with words about what to mend', async () => {
    await assert.rejects(
      withS3({ SAFE_S3_ACCESS_KEY_ID: 'SOMEBODYELSE' }),
      refusing(/does not take the credentials \(InvalidAccessKeyId\). Check SAFE_S3_ACCESS_KEY_ID/),
    );
    await assert.rejects(withS3({ SAFE_S3_BUCKET: 'another' }), refusing(/has no bucket another/));
    for (const [status, code, said] of [
      [403, 'AccessDenied', /does not let these credentials write, read, list and remove .*AccessDenied/],
      [403, 'RequestTimeTooSkewed', /the clock of this machine is wrong/],
      [400, 'ExpiredToken', /does not take the credentials/],
      [301, 'PermanentRedirect', /SAFE_S3_REGION/],
      [507, 'XMinioStorageFull', /has no room/],
      [503, 'SlowDown', /cannot be reached \(SlowDown\)/],
    ] as const) {
      s3.trouble = () => ({ status, code });
      await assert.rejects(withS3(), refusing(said));
    }
  });

  it('is refused when its secret is wrong', {
    skip: hasWorkerd ? false : 'npm has no workerd for this platform',
  }, async () => {
    const r2 = await startR2();
    try {
      await open(r2.settings);
      const wrong = { ...r2.settings, SAFE_S3_SECRET_ACCESS_KEY: 'c3'.repeat(32) };
      await assert.rejects(open(wrong), refusing(/does not take the credentials \(SignatureDoesNotMatch\)/));
    } finally {
      await r2.close();
    }
  });

  it('is refused when it is away or silent, and not asked by commands that do not need it', async () => {
    s3.trouble = () => 'silence';
    await assert.rejects(withS3({ SAFE_S3_TIMEOUT: '200ms' }), refusing(/cannot be reached/));
    await s3.away();
    await assert.rejects(withS3(), refusing(/cannot be reached/));
    await open(s3.settings, false);
    await s3.back();
  });

  it('is used all the same when it does not know If-None-Match, or keeps versions, which is said', async () => {
    s3.conditional = false;
    assert.match((await withS3()).warnings.join(), /does not know If-None-Match/);
    s3.conditional = true;
    s3.extraHeaders = { 'x-amz-version-id': 'L4kqtJlcpXroDTDmpUMLUo' };
    assert.match((await withS3()).warnings.join(), /older versions/);
    s3.extraHeaders = {};
  });

  it('has to be named for as long as anything lies there, and be the same one', async () => {
    const loose = (state: string) => [
      { sql: `INSERT INTO loose_blobs (blob, state, bytes, erase_at) VALUES ('obj:a', '${state}', 0, 0)` },
    ];
    await db.batch(loose('erasing'), 'write');
    await assert.rejects(open({}), refusing(/no store is named.*sallyport blobs migrate --to libsql/));
    await db.batch([{ sql: 'DELETE FROM loose_blobs' }], 'write');
    await open({});
  });
});
