/** Moving the bytes of chunks to a real S3 server and back, with everything that can go wrong on the way. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { nodeDigest } from '../../runtime/digest.ts';
import { type MigrationDeps, migrateSome } from '../../src/core/blob-migration.ts';
import { Fault } from '../../src/core/faults.ts';
import { defaultSettings } from '../../src/core/settings.ts';
import { LIFETIME_MS } from '../../src/store/blobs/intents.ts';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import { withObjects } from '../../src/store/blobs/object-blobs.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import type { Blobs } from '../../src/store/store.ts';
import { audit, chunkOf, incidentId, recording, short } from '../contract/chunk-room.ts';
import { bytesOf, HOUR, NOW } from '../contract/room.ts';
import { type S3Server, startS3 } from '../support/s3.ts';

const MIB = 1024 * 1024;
const SIZES = [10, MIB, 2 * MIB + 3, 5000, 1];

describe('moving the bytes of chunks', () => {
  let s3: S3Server;
  let db: Db;
  let now: number;
  const stagingQuotaBytes = 64 * MIB;

  before(async () => {
    s3 = await startS3();
  });
  after(() => s3.close());
  beforeEach(async () => {
    now = NOW;
    s3.trouble = () => 'none';
    for (const key of await s3.keys()) await s3.client().remove(key);
    db = await openEmbedded({ path: ':memory:' });
    await migrate(db, migrations, NOW);
  });
  afterEach(() => db.close());

  function depsFor(places: boolean, quota = stagingQuotaBytes): MigrationDeps {
    const inner = libsqlBlobs(db, { stagingQuotaBytes: quota, stagingLifetimeMs: HOUR });
    const random = (length: number) => new Uint8Array(randomBytes(length));
    const blobs: Blobs = withObjects(db, inner, s3.client(), {
      places,
      now: () => now,
      random,
      digest: nodeDigest,
    });
    return {
      store: libsqlStore(db),
      blobs,
      settings: defaultSettings(),
      now: () => now,
      random,
      digest: nodeDigest,
      log: { write: () => {} },
    };
  }

  /** Chunks of several sizes in the database. @returns their digests by id */
  async function chunksOf(deps: MigrationDeps, incident = 1): Promise<Map<string, string>> {
    await recording(deps, incident);
    const digests = new Map<string, string>();
    for (const [at, size] of SIZES.entries()) {
      const blob = `chk_${incident}_${at}`;
      const bytes = bytesOf(size, at + incident);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      for (let offset = 0; offset < size; offset += MIB)
        await deps.blobs.extend(blob, offset, bytes.slice(offset, offset + MIB), now + HOUR);
      const wish = { pending: { kind: 'staged', blob, size } as const, to: incident, chunk: { sha256 } };
      const input = chunkOf(at + 1, wish);
      const outcome = await deps.store.chunks.commit(input, audit('chunk_commit', incident));
      assert.equal(short(outcome), 'committed');
      digests.set(input.chunk.id, sha256);
    }
    return digests;
  }

  const number = async (sql: string) => Number((await db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0]);
  const segments = () => number('SELECT count(*) FROM segments');
  const loose = () => number('SELECT count(*) FROM loose_blobs');

  /** Every chunk is where it should be, and is what was uploaded. */
  async function areWhole(deps: MigrationDeps, digests: ReadonlyMap<string, string>): Promise<void> {
    for (const [id, sha256] of digests) {
      const blob = (await deps.store.chunks.blobOf(id)) ?? '';
      const size = await number(`SELECT byte_size FROM chunks WHERE id = '${id}'`);
      const hash = createHash('sha256');
      if (deps.blobs.objects?.holds(blob)) {
        for await (const piece of deps.blobs.objects.pieces({ blob, size, start: 0, end: size }))
          hash.update(piece);
      } else {
        for (let index = 0; index * MIB < size; index += 1)
          hash.update((await deps.blobs.read(blob, index)) ?? assert.fail(`${id} lacks segment ${index}`));
      }
      assert.equal(hash.digest('hex'), sha256, id);
    }
  }

  it('all go there and back, each whole, and nothing is left where they were', async () => {
    const there = depsFor(true);
    const digests = await chunksOf(there);
    const total = SIZES.reduce((sum, size) => sum + size, 0);
    const first = await migrateSome(there, 'objects', undefined);
    assert.deepEqual(first, { moved: 5, bytes: total, failed: [], next: undefined });
    await areWhole(there, digests);
    assert.deepEqual([await segments(), await loose(), (await s3.keys()).length], [0, 0, 5]);
    assert.deepEqual(await there.store.chunkMoves.census(), {
      database: { chunks: 0, bytes: 0 },
      objects: { chunks: 5, bytes: total },
      looseObjects: 0,
    });
    assert.equal((await migrateSome(there, 'objects', undefined)).moved, 0);

    const back = depsFor(false);
    assert.equal((await migrateSome(back, 'database', undefined)).moved, 5);
    await areWhole(back, digests);
    assert.deepEqual([await segments(), await loose(), await s3.keys()], [7, 0, []]);
    // A second time, under names that were never used before.
    assert.equal((await migrateSome(there, 'objects', undefined)).moved, 5);
    await areWhole(there, digests);
  });

  it('is refused where new chunks would go on coming to the other place', async () => {
    for (const [places, to] of [
      [true, 'database'],
      [false, 'objects'],
    ] as const)
      await assert.rejects(
        migrateSome(depsFor(places), to, undefined),
        (thrown) => thrown instanceof Fault && /SAFE_BLOB_BACKEND/.test(thrown.detail.message ?? ''),
      );
  });

  it('a chunk that is damaged or missing is named and left as it is', async () => {
    const deps = depsFor(true);
    const digests = await chunksOf(deps);
    const [a, b, c] = [...digests.keys()] as [string, string, string];
    const blobOf = async (id: string) => await deps.store.chunks.blobOf(id);
    const [damaged, missing, cut] = [await blobOf(a), await blobOf(b), await blobOf(c)];
    await db.batch(
      [
        { sql: `UPDATE segments SET bytes = x'00112233445566778899' WHERE blob = '${damaged}'` },
        { sql: `DELETE FROM segments WHERE blob = '${missing}'` },
        { sql: `DELETE FROM segments WHERE blob = '${cut}' AND idx = 1` },
      ],
      'write',
    );
    const { moved, failed } = await migrateSome(deps, 'objects', undefined);
    assert.equal(moved, 2);
    assert.deepEqual(failed, [
      { chunkId: a, why: 'damaged' },
      { chunkId: b, why: 'missing' },
      { chunkId: c, why: 'missing' },
    ]);
    assert.deepEqual([await blobOf(a), await blobOf(b), await blobOf(c)], [damaged, missing, cut]);
    assert.equal((await s3.keys()).length, 2);
  });

  it('a copy that is read back as something else is not switched to', async () => {
    const deps = depsFor(true);
    const digests = await chunksOf(deps);
    const { objects } = deps.blobs;
    assert.ok(objects);
    const lying: MigrationDeps = {
      ...deps,
      blobs: {
        ...deps.blobs,
        objects: {
          ...objects,
          async *pieces(part) {
            for await (const piece of objects.pieces(part)) yield piece.map((byte) => byte ^ 1);
          },
        },
      },
    };
    const { moved, failed } = await migrateSome(lying, 'objects', undefined);
    assert.equal(moved, 0);
    assert.deepEqual([...new Set(failed.map(({ why }) => why))], ['not_stored']);
    assert.deepEqual(await s3.keys(), [], 'the copies are removed again');
    await areWhole(deps, digests);
  });

  it('a store that fails ends the step, and the next one goes on', async () => {
    const deps = depsFor(true);
    const digests = await chunksOf(deps);
    let puts = 0;
    s3.trouble = ({ method }) => {
      if (method === 'PUT') puts += 1;
      return method === 'PUT' && puts > 4 ? { status: 403, code: 'AccessDenied' } : 'none';
    };
    const { moved, trouble } = await migrateSome(deps, 'objects', undefined);
    assert.deepEqual([moved, trouble], [4, 'denied']);
    await areWhole(deps, digests);
    s3.trouble = () => 'none';
    assert.equal((await migrateSome(deps, 'objects', undefined)).moved, 1);
    await areWhole(deps, digests);
    await deps.blobs.sweep(now + LIFETIME_MS, 100);
    assert.equal((await s3.keys()).length, 5);
  });

  it('what a killed migration left is adopted by the next one', async () => {
    const deps = depsFor(true);
    const digests = await chunksOf(deps);
    const { objects } = deps.blobs;
    assert.ok(objects);
    // Put, and never switched to.
    for (const chunk of await deps.store.chunkMoves.toMove('objects', undefined, 9)) {
      const { incidentId: of, streamId: stream, chunkIndex, sha256, byteSize: size, blob } = chunk;
      const where = { incidentId: of, streamId: stream, chunkIndex, sha256, size };
      assert.ok(await objects.place({ kind: 'staged', blob, size }, where));
    }
    const left = await s3.keys();
    now += 10 * 60_000;
    s3.asked.length = 0;
    assert.equal((await migrateSome(deps, 'objects', undefined)).moved, 5);
    assert.deepEqual(await s3.keys(), left);
    assert.ok(!s3.asked.some((line) => line.startsWith('PUT ')), 'nothing was sent twice');
    await areWhole(deps, digests);
    assert.equal(await loose(), 0);
  });

  it('an incident on its way out is left alone, also when that is decided in the middle', async () => {
    const deps = depsFor(true);
    await chunksOf(deps, 1);
    const kept = await chunksOf(deps, 2);
    const dooming = {
      sql: `UPDATE incidents SET deletion_state = 'deletion_pending' WHERE id = '${incidentId(1)}'`,
    };
    let puts = 0;
    const put = deps.blobs.objects?.place;
    assert.ok(put && deps.blobs.objects);
    const slow: MigrationDeps = {
      ...deps,
      blobs: {
        ...deps.blobs,
        objects: {
          ...deps.blobs.objects,
          async place(bytes, where) {
            const placed = await put(bytes, where);
            puts += 1;
            if (puts === 1) await db.batch([dooming], 'write');
            return placed;
          },
        },
      },
    };
    const { moved, failed } = await migrateSome(slow, 'objects', undefined);
    assert.deepEqual(failed, []);
    assert.ok(moved >= 5 && moved < 10, String(moved));
    await areWhole(deps, kept);
    // Of the other one nothing was switched after the decision, and its copies are removed.
    await deps.blobs.sweep(now, 100);
    const others = (await s3.keys()).filter((key) => key.includes(incidentId(1)));
    const owned = await number(
      `SELECT count(*) FROM chunks WHERE incident_id = '${incidentId(1)}' AND blob GLOB 'obj:*'`,
    );
    assert.equal(others.length, owned);
  });

  it('two at once move every chunk once, and leave one copy of each', async () => {
    const deps = depsFor(true);
    const digests = await chunksOf(deps);
    const steps = await Promise.all([1, 2, 3].map(() => migrateSome(deps, 'objects', undefined)));
    assert.equal(
      steps.reduce((sum, { moved }) => sum + moved, 0),
      5,
    );
    assert.deepEqual(
      steps.flatMap(({ failed }) => failed),
      [],
    );
    await areWhole(deps, digests);
    await deps.blobs.sweep(now + LIFETIME_MS, 100);
    assert.deepEqual([(await s3.keys()).length, await segments(), await loose()], [5, 0, 0]);
  });

  it('a staging quota without room for a copy is said, and nothing is lost', async () => {
    const digests = await chunksOf(depsFor(true));
    await migrateSome(depsFor(true), 'objects', undefined);
    const tight = depsFor(false, MIB);
    await assert.rejects(
      migrateSome(tight, 'database', undefined),
      (thrown) => thrown instanceof Fault && thrown.kind === 'upload_staging_quota_exceeded',
    );
    await areWhole(tight, digests);
    assert.equal((await migrateSome(depsFor(false), 'database', undefined)).failed.length, 0);
    await areWhole(tight, digests);
  });

  it('a legacy chunk without a stream is moved like all others', async () => {
    const deps = depsFor(true);
    const digests = await chunksOf(deps);
    const [id = ''] = digests.keys();
    // Only an import can have brought one.
    await db.batch(
      [
        { sql: 'DROP TRIGGER chunks_are_not_changed' },
        { sql: `UPDATE chunks SET stream_id = NULL WHERE id = '${id}'` },
      ],
      'write',
    );
    assert.equal((await migrateSome(deps, 'objects', undefined)).moved, 5);
    await areWhole(deps, digests);
    assert.ok((await s3.keys()).some((key) => key.startsWith(`incidents/${incidentId(1)}/legacy/`)));
  });
});
