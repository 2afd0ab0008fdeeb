/**
 * A whole server, killed with SIGKILL during uploads: every chunk that it acknowledged is there and is what was sent,
 * every index that it did not acknowledge can be uploaded, and nothing is left that a sweep does not take.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Db } from '../../src/store/db.ts';
import type { Session } from '../support/ask.ts';
import { inCopy, number, sweepLate } from '../support/copied-database.ts';
import { rounds, type Seeded, seeded } from '../support/seed.ts';
import { startServer } from '../support/server.ts';
import { doorsOf, ownersAt } from '../support/server-owner.ts';
import { ChunkLoad } from './fixtures/chunk-load.ts';

/** Uploads in flight at a time. */
const WORKERS = 6;
const KILLS = rounds(30);
/** After so many kills another database is begun: every kill looks at all of it. */
const KILLS_A_DATABASE = 6;
const SETTINGS = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
  SAFE_SESSION_TTL: '30d',
};

interface Seen {
  /** Uploads without an answer whose chunk was there, those whose was not, and stages that a kill left. */
  through: number;
  lost: number;
  staged: number;
}

describe('a server that is killed during uploads', () => {
  it(`keeps what it acknowledged, takes what it did not, and leaves nothing loose, after ${KILLS} kills`, async (t) => {
    const random = seeded(t);
    const seen: Seen = { through: 0, lost: 0, staged: 0 };
    let acknowledged = 0;
    let kills = 0;
    // Kills that never hit anything would prove nothing: where chance has it so, there are more of them.
    const enough = () => kills >= KILLS && ((seen.lost > 0 && seen.staged > 0) || kills >= 4 * KILLS);
    while (!enough()) {
      const some = kills < KILLS ? Math.min(KILLS_A_DATABASE, KILLS - kills) : KILLS_A_DATABASE;
      acknowledged += await killOften(random, some, seen);
      kills += some;
    }
    t.diagnostic(`${kills} kills, ${acknowledged} chunks acknowledged; ${JSON.stringify(seen)}`);
    assert.ok(seen.lost > 0 && seen.staged > 0, JSON.stringify(seen));
  });
});

/** Kills servers on one database. @returns how many chunks were acknowledged */
async function killOften(random: Seeded, kills: number, seen: Seen): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-kill-'));
  let load: ChunkLoad | undefined;
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      await using server = await startServer({ folder, settings: SETTINGS });
      const doors = load === undefined ? undefined : await doorsOf(server);
      if (load === undefined || doors === undefined) {
        const made = await ownersAt(server);
        load = await ChunkLoad.begin(made.doors, made.owners[0] as Session, random);
        await interrupt(server, made.doors, load, random);
      } else {
        const { through, lost } = await load.check(doors);
        seen.through += through;
        seen.lost += lost;
        await interrupt(server, doors, load, random);
      }
      seen.staged += await checkFiles(join(folder, 'data', 'sallyport.db'), load);
    }
    await using server = await startServer({ folder, settings: SETTINGS });
    const doors = await doorsOf(server);
    await load?.check(doors);
    await load?.readAll(doors);
    return load?.acknowledged ?? 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Server = Awaited<ReturnType<typeof startServer>>;
type Doors = Awaited<ReturnType<typeof doorsOf>>;

/** Uploads until it has pleased chance to kill the server. */
async function interrupt(server: Server, doors: Doors, load: ChunkLoad, random: Seeded): Promise<void> {
  const until = load.acknowledged + random.below(12);
  const maybeKill = () => {
    if (load.acknowledged > until) server.kill('SIGKILL');
  };
  await Promise.all(Array.from({ length: WORKERS }, () => load.run(doors, maybeKill)));
  assert.equal((await server.exited).signal, 'SIGKILL');
}

/**
 * Looks at a copy of the files, as the kill left them. What is there is whole; and two hours later a sweep has
 * removed every byte that belongs to nothing. @returns how many stages the kill had interrupted
 */
function checkFiles(path: string, load: ChunkLoad): Promise<number> {
  return inCopy(path, async (db) => {
    await checkWhole(db);
    await checkPages(db);
    await checkBytes(db);
    assert.ok((await number(db, 'SELECT count(*) FROM chunks')) >= load.acknowledged);
    const staged = await number(db, 'SELECT count(*) FROM loose_blobs');
    await sweepLate(db);
    assert.equal(await number(db, 'SELECT count(*) FROM loose_blobs'), 0, 'loose blobs after a sweep');
    assert.equal(await number(db, ORPHANS), 0, 'orphan segments after a sweep');
    await checkWhole(db);
    return staged;
  });
}

const ORPHANS = `SELECT count(*) FROM segments s WHERE NOT EXISTS (SELECT 1 FROM chunks c WHERE c.blob = s.blob)`;

/** Counters that are not the sum of the rows that they count. */
const MISCOUNTED = `SELECT
  (SELECT count(*) FROM streams s WHERE chunk_count <> (SELECT count(*) FROM chunks WHERE stream_id = s.id)
    OR total_bytes <> (SELECT coalesce(sum(byte_size), 0) FROM chunks WHERE stream_id = s.id)) +
  (SELECT count(*) FROM incident_media m WHERE chunk_count <>
    (SELECT count(*) FROM chunks WHERE incident_id = m.incident_id AND media_type = m.media_type)) +
  abs((SELECT coalesce(sum(bytes), 0) FROM account_usage) - (SELECT coalesce(sum(byte_size), 0) FROM chunks))`;

/** Chunks without their memory of a retry key, or without their row in the audit. */
const UNRECORDED = `SELECT count(*) FROM chunks c WHERE
  NOT EXISTS (SELECT 1 FROM upload_keys WHERE chunk_id = c.id) OR
  NOT EXISTS (SELECT 1 FROM audit WHERE subject_id = c.id AND action = 'chunk_commit' AND outcome = 'ok')`;

/** Chunks whose bytes are not all there, or more than all. */
const HALVES = `SELECT count(*) FROM chunks c WHERE byte_size <> (
  SELECT CASE WHEN count(*) = max(idx) + 1 THEN sum(length(bytes)) ELSE -1 END FROM segments s WHERE s.blob = c.blob
)`;

async function checkWhole(db: Db): Promise<void> {
  assert.equal(await number(db, HALVES), 0, 'chunks whose bytes are not all there');
  assert.equal(await number(db, MISCOUNTED), 0, 'counters that are not the sum of the rows');
  assert.equal(await number(db, UNRECORDED), 0, 'chunks without key or audit row');
}

/** The file itself is whole. */
async function checkPages(db: Db): Promise<void> {
  const [result] = await db.batch([{ sql: 'SELECT * FROM pragma_integrity_check' }], 'read');
  assert.deepEqual(result?.rows, [['ok']]);
}

/** The bytes of every chunk are those that its row speaks of. */
async function checkBytes(db: Db): Promise<void> {
  const [chunks] = await db.batch([{ sql: 'SELECT blob, sha256 FROM chunks' }], 'read');
  for (const [blob = null, sha256] of chunks?.rows ?? []) {
    const sql = 'SELECT bytes FROM segments WHERE blob = ? ORDER BY idx';
    const [segments] = await db.batch([{ sql, args: [blob] }], 'read');
    const hash = createHash('sha256');
    for (const [bytes] of segments?.rows ?? []) hash.update(bytes as Uint8Array);
    assert.equal(hash.digest('hex'), sha256, 'a chunk whose bytes are not those that were sent');
  }
}
