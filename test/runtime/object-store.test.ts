/** A whole server that keeps its chunks in an S3 server: what becomes of the bytes, and of a server without them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { answers, ask, post, type Session, throughSockets } from '../support/ask.ts';
import type { BothDoors } from '../support/both-doors.ts';
import { newIncident, newStream, sealedChunk, sha256Hex } from '../support/evidence.ts';
import { download, incidentBundlePath, recording, streamBundlePath } from '../support/recordings.ts';
import { type S3Server, startS3 } from '../support/s3.ts';
import { runServer, startServer, type TestServer } from '../support/server.ts';
import { ownersAt } from '../support/server-owner.ts';
import { begin, patch, pendingChunk } from '../support/uploading.ts';
import { put, putPath, send, upload } from '../support/uploads.ts';

const MIB = 1024 * 1024;
const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_S3_TIMEOUT: '3s',
};

describe('a server with an object store', { timeout: 600_000 }, () => {
  let s3: S3Server;
  let folder: string;
  let server: TestServer;
  let doors: BothDoors;
  let as: Session;
  const settings = () => ({ ...SETTINGS, ...s3.settings, SAFE_S3_PREFIX: 'vault/one' });

  before(async () => {
    s3 = await startS3();
    folder = await mkdtemp(join(tmpdir(), 'sallyport-objects-'));
    server = await startServer({ folder, settings: settings() });
    const made = await ownersAt(server);
    doors = made.doors;
    as = made.owners[0] as Session;
  });
  after(async () => {
    await server?.stop();
    await s3?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const keysOf = async (incidentId: string) =>
    (await s3.keys()).filter((key) => key.startsWith(`vault/one/incidents/${incidentId}/`));

  it('chunks of every size, in every form, are objects, and come back in bundles and in parts', async () => {
    const incidentId = await newIncident(doors, as);
    const media = [Buffer.from('one'), Buffer.alloc(3 * MIB, 2), Buffer.alloc(MIB, 3)];
    const made = await recording(doors, as, incidentId, { media });
    assert.equal((await keysOf(incidentId)).length, 3);
    for (const [at, sealed] of made.sealed.entries()) {
      const path = putPath({ ...made, index: at + 1 });
      const whole = await send(doors, path, { as });
      assert.equal(sha256Hex(whole.bytes), sha256Hex(sealed));
      const part = await send(doors, path, { as, headers: { range: 'bytes=5-77' } });
      assert.equal(part.status, 206);
      assert.ok(Buffer.from(part.bytes).equals(Buffer.from(sealed.subarray(5, 78))));
    }
    for (const path of [streamBundlePath(made), incidentBundlePath(incidentId)]) {
      const bundle = await download(doors, path, as);
      assert.deepEqual(
        [bundle.status, bundle.headers.get('content-length')],
        [200, String(bundle.bytes.length)],
      );
      for (const sealed of made.sealed) assert.ok(Buffer.from(bundle.bytes).includes(sealed));
      const middle = Math.floor(bundle.bytes.length / 2);
      const etag = bundle.headers.get('etag') ?? '';
      const rest = await download(doors, path, as, { range: `bytes=${middle}-`, 'if-range': etag });
      // A checkpoint that was made meanwhile makes it another bundle.
      if (rest.status === 206)
        assert.ok(Buffer.from(rest.bytes).equals(Buffer.from(bundle.bytes.subarray(middle))));
    }
  });

  it('an upload in pieces becomes an object, and asking again gets the same answer', async () => {
    const pending = await pendingChunk(doors, as, { size: 2 * MIB + 100 });
    const location = await begin(pending);
    const half = MIB + 7;
    const began = await patch(pending, location, 0, '?0', pending.bytes.subarray(0, half));
    assert.ok(began.status < 300, began.text);
    const ended = await patch(pending, location, half, '?1', pending.bytes.subarray(half));
    assert.ok(ended.status < 300, ended.text);
    const there = await send(doors, pending.path, { as });
    assert.equal(sha256Hex(there.bytes), sha256Hex(pending.bytes));
    const [key] = await keysOf(pending.incidentId);
    assert.ok(key);
  });

  it('a repeated upload and a refused one send nothing to the store', async () => {
    const incidentId = await newIncident(doors, as);
    const streamId = await newStream(doors, as, incidentId);
    const spec = { incidentId, streamId };
    const bytes = await sealedChunk(spec);
    assert.equal((await put(doors, as, spec, { bytes, key: 'once' })).status, 201);
    const puts = () => s3.asked.filter((line) => line.startsWith('PUT ')).length;
    const before = puts();
    assert.equal((await put(doors, as, spec, { bytes, key: 'once' })).status, 200);
    const other = await sealedChunk({ ...spec, media: Buffer.from('other') });
    assert.equal((await put(doors, as, spec, { bytes: other })).status, 409);
    assert.equal(puts(), before);
    assert.equal((await keysOf(incidentId)).length, 1);
  });

  it('a missing object is noticed before a bundle or the end of a stream', async () => {
    const incidentId = await newIncident(doors, as);
    const made = await recording(doors, as, incidentId, { end: 'none' });
    const [, key = ''] = await keysOf(incidentId);
    await s3.client().remove(key);
    const path = `/v1/incidents/${incidentId}/streams/${made.streamId}`;
    const ending = await post(doors, `${path}/complete`, as, { expected_chunk_count: 3 });
    answers(ending, 409, 'stream_chunk_file_missing');
  });

  it('a store that is away is 503 with Retry-After, other things work, and it is used again when it is back', async () => {
    const incidentId = await newIncident(doors, as);
    const streamId = await newStream(doors, as, incidentId);
    const large = { incidentId, streamId, index: 1, media: Buffer.alloc(2 * MIB) };
    const bytes = await sealedChunk(large);
    const pending = await pendingChunk(doors, as, { size: MIB + 5 });
    const location = await begin(pending);
    await s3.away();
    const { length } = pending.bytes;
    const late = await patch(pending, location, 0, '?1', pending.bytes);
    assert.deepEqual([late.status, late.code], [503, 'storage_unavailable']);
    for (const sending of [put, upload]) {
      const answer = await sending(doors, as, large, { bytes, key: 'again', filename: '' });
      assert.deepEqual([answer.status, answer.body.error.code], [503, 'storage_unavailable']);
      assert.ok(Number(answer.headers.get('retry-after')) >= 1);
    }
    answers(await ask(doors, `/v1/incidents/${incidentId}`, { as }), 200);
    await s3.back();
    assert.equal((await put(doors, as, large, { bytes, key: 'again' })).status, 201);
    // All of it is there; only its end has to be asked for again.
    const ended = await patch(pending, location, length, '?1');
    assert.ok(ended.status < 300, ended.text);
    assert.equal(sha256Hex((await send(doors, pending.path, { as })).bytes), sha256Hex(pending.bytes));
    s3.trouble = () => 'silence';
    const second = { ...large, index: 2 };
    const more = await sealedChunk(second);
    const silent = await put(doors, as, second, { bytes: more, key: 'silent' });
    assert.deepEqual([silent.status, silent.body.error.code], [503, 'storage_unavailable']);
    s3.trouble = () => 'none';
    assert.equal((await put(doors, as, second, { bytes: more, key: 'silent' })).status, 201);
    assert.equal(sha256Hex((await send(doors, putPath(second), { as })).bytes), sha256Hex(more));
  });

  it('a deletion is done when the store has removed everything of the incident, and not before', async () => {
    const incidentId = await newIncident(doors, as);
    await recording(doors, as, incidentId);
    // What no list names is taken as well.
    const stray = `vault/one/incidents/${incidentId}/stray`;
    await s3.client().put(stray, { bytes: new Uint8Array(3), size: 3, sha256: sha256Hex(new Uint8Array(3)) });
    s3.trouble = ({ method, key }) =>
      method === 'DELETE' && key.includes(incidentId) ? { status: 403, code: 'AccessDenied' } : 'none';
    answers(await post(doors, `/v1/incidents/${incidentId}/deletion`, as, { allow_open: true }), 202);
    const state = async () =>
      (await ask(doors, `/v1/incidents/${incidentId}/deletion`, { as })).body.deletion.state as string;
    await untilSo(async () => (await state()) === 'deletion_failed');
    assert.equal((await keysOf(incidentId)).length, 4);
    s3.trouble = () => 'none';
    // The next round is a minute away; a start begins with one.
    await restart();
    await untilSo(async () => (await state()) === 'deleted');
    assert.deepEqual(await keysOf(incidentId), []);
  });

  it('nothing of a chunk stays in the database, and a server that cannot reach its chunks does not start', async () => {
    await server.stop();
    const db = await openEmbedded({ path: join(folder, 'data', 'sallyport.db') });
    try {
      const rows = await db.batch([{ sql: 'SELECT count(*) FROM segments' }], 'read');
      assert.deepEqual(rows[0]?.rows, [[0]]);
    } finally {
      await db.close();
    }
    const secret = 'not-the-secret-of-s3';
    const wrong = { SAFE_S3_ACCESS_KEY_ID: 'SOMEBODYELSE', SAFE_S3_SECRET_ACCESS_KEY: secret };
    for (const [wish, said] of [
      [wrong, /does not take the credentials \(InvalidAccessKeyId\)/],
      [{ SAFE_S3_PREFIX: 'vault/two' }, /None of the newest chunks is in the bucket/],
    ] as const) {
      const { code, stderr, stdout } = await runServer({ folder, settings: { ...settings(), ...wish } });
      assert.equal(code, 1);
      assert.match(stderr, said);
      assert.ok(!`${stderr}${stdout}`.includes(secret));
    }
  });

  async function restart(): Promise<void> {
    await server.stop();
    server = await startServer({ folder, settings: settings() });
    // The owner and its session are in the database; the ports are others.
    doors = { ...doors, ...throughSockets(server) };
  }

  async function untilSo(look: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 120_000; Date.now() < deadline; ) if (await look()) return;
    throw new Error('it never came to pass');
  }
});
