/**
 * A whole server that keeps its chunks in an S3 server, killed with SIGKILL during uploads: every chunk that it
 * acknowledged is an object that holds what was sent, every index that it did not acknowledge can be uploaded, and
 * nothing is left, here or there, that a sweep does not take.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nodeDigest } from '../../runtime/digest.ts';
import { LIFETIME_MS } from '../../src/store/blobs/intents.ts';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import { withObjects } from '../../src/store/blobs/object-blobs.ts';
import type { Db } from '../../src/store/db.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { readAll } from '../contract/objects.ts';
import type { Session } from '../support/ask.ts';
import type { BothDoors } from '../support/both-doors.ts';
import { type S3Server, startS3 } from '../support/s3.ts';
import { rounds, type Seeded, seeded } from '../support/seed.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { doorsOf, ownersAt } from '../support/server-owner.ts';
import { ChunkLoad } from './fixtures/chunk-load.ts';

const WORKERS = 4;
const KILLS = rounds(2);
const HOUR = 60 * 60_000;

describe('a server with an object store that is killed during uploads', {
  timeout: 300_000 * rounds(1),
}, () => {
  for (const conditional of [true, false])
    it(`keeps what it acknowledged and leaves nothing, on a store that ${conditional ? 'minds' : 'ignores'} If-None-Match`, async (t) => {
      const random = seeded(t);
      const s3 = await startS3();
      s3.conditional = conditional;
      const folder = await mkdtemp(join(tmpdir(), 'sallyport-kill-'));
      const settings = {
        ...s3.settings,
        SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
        SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
        SAFE_SESSION_TTL: '30d',
      };
      let load: ChunkLoad | undefined;
      let orphans = 0;
      try {
        for (let kill = 0; kill < KILLS; kill += 1) {
          await using server = await startServer({ folder, settings });
          let doors: BothDoors;
          if (load === undefined) {
            const made = await ownersAt(server);
            doors = made.doors;
            load = await ChunkLoad.begin(doors, made.owners[0] as Session, random);
          } else {
            doors = await doorsOf(server);
            await load.check(doors);
          }
          await interrupt(s3, server, doors, load, random, kill === 0 || random.below(4) > 0);
          const db = await openEmbedded({ path: join(folder, 'data', 'sallyport.db') });
          try {
            orphans += await checkStore(s3, db, load);
          } finally {
            await db.close();
          }
        }
        await using server = await startServer({ folder, settings });
        const doors = await doorsOf(server);
        await load?.check(doors);
        await load?.readAll(doors);
        t.diagnostic(`${load?.acknowledged} chunks acknowledged; ${orphans} objects were left by kills`);
        // Kills that never hit anything would prove nothing.
        assert.ok(orphans > 0);
      } finally {
        await s3.close();
        await rm(folder, { recursive: true, force: true });
      }
    });
});

/** @param amidPut whether it is killed between a put and its commit, or wherever it pleases chance */
async function interrupt(
  s3: S3Server,
  server: TestServer,
  doors: BothDoors,
  load: ChunkLoad,
  random: Seeded,
  amidPut: boolean,
): Promise<void> {
  const until = load.acknowledged + random.below(8);
  const kill = () => server.kill('SIGKILL');
  s3.trouble = ({ method }) => {
    if (method !== 'PUT' || !amidPut || load.acknowledged <= until) return 'none';
    // The store has it; the server will never hear of that.
    setTimeout(kill, random.below(10));
    return 'lost answer';
  };
  const answered = () => {
    if (!amidPut && load.acknowledged > until) kill();
  };
  await Promise.all(Array.from({ length: WORKERS }, () => load.run(doors, answered)));
  assert.equal((await server.exited).signal, 'SIGKILL');
  s3.trouble = () => 'none';
}

/**
 * Looks at what a kill left. Every chunk's object is whole, every other object is on the list; and hours later two
 * sweeps have removed all of them. @returns how many objects nobody owned
 */
async function checkStore(s3: S3Server, db: Db, load: ChunkLoad): Promise<number> {
  const rows = async (sql: string) => (await db.batch([{ sql }], 'read'))[0]?.rows ?? [];
  const chunks = await rows('SELECT blob, sha256 FROM chunks');
  assert.ok(chunks.length >= load.acknowledged);
  const client = s3.client();
  for (const [blob, sha256] of chunks) {
    const bytes = await readAll(client, String(blob).slice('obj:'.length));
    assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, 'a chunk is not what was sent');
  }
  const owned = new Set(chunks.map(([blob]) => String(blob).slice('obj:'.length)));
  const listed = new Set((await rows('SELECT blob FROM loose_blobs')).map(([blob]) => String(blob).slice(4)));
  const orphans = (await s3.keys()).filter((key) => !owned.has(key) && !key.startsWith('probe/'));
  for (const key of orphans) assert.ok(listed.has(key), 'an object that no list names');
  const inner = libsqlBlobs(db, { stagingQuotaBytes: 1, stagingLifetimeMs: 1 });
  const later = Date.now() + HOUR;
  const blobs = withObjects(db, inner, client, {
    places: true,
    now: () => later,
    random: (length) => new Uint8Array(randomBytes(length)),
    digest: nodeDigest,
  });
  for (const at of [later, later + LIFETIME_MS]) await blobs.sweep(at, 1000);
  assert.deepEqual(
    (await s3.keys()).filter((key) => !key.startsWith('probe/')),
    [...owned].sort(),
  );
  assert.deepEqual(await rows('SELECT blob FROM loose_blobs'), []);
  assert.deepEqual(await rows('SELECT blob FROM segments'), []);
  return orphans.length;
}
