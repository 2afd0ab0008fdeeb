/**
 * A whole server, killed with SIGKILL while it creates, replaces, deletes and burns: what it acknowledged is there
 * after a restart, byte for byte, and nothing is there by half.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Db } from '../../src/store/db.ts';
import { inCopy, number, sweepLate } from '../support/copied-database.ts';
import { rounds, seeded } from '../support/seed.ts';
import { startServer } from '../support/server.ts';
import { Load } from './fixtures/paste-load.ts';

/** Requests in flight at a time. */
const WORKERS = 8;

describe('a server that is killed under load', () => {
  it('keeps every paste that it acknowledged, shows none by half, and leaves nothing that a sweep does not take', async (t) => {
    const random = seeded(t);
    const folder = await mkdtemp(join(tmpdir(), 'sallyport-kill-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const settings = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false' };
    const load = new Load(random);
    const count = rounds(20);
    let unfinished = 0;
    for (let round = 0; round < count; round += 1) {
      await using server = await startServer({ folder, settings });
      await load.check(server.main);
      assert.deepEqual(load.wrong, [], `after ${round} kills`);
      const until = load.acknowledged + random.below(80);
      const maybeKill = () => {
        if (load.acknowledged > until) server.kill('SIGKILL');
      };
      await Promise.all(Array.from({ length: WORKERS }, () => load.run(server.main, maybeKill)));
      assert.equal((await server.exited).signal, 'SIGKILL');
      assert.deepEqual(load.wrong, [], `round ${round}`);
      unfinished += await checkFiles(join(folder, 'data', 'sallyport.db'), load);
    }
    await using server = await startServer({ folder, settings });
    await load.check(server.main);
    await load.burnAll(server.main);
    assert.deepEqual(load.wrong, []);
    t.diagnostic(`${JSON.stringify(load.done)}, ${load.kept} kept, ${unfinished} uploads found unfinished`);
  });
});

/**
 * Looks at a copy of the files, as the kill left them. What is there is whole; and two hours later a sweep has
 * removed every byte that belongs to nothing. @returns how many uploads and erasures the kill had interrupted
 */
function checkFiles(path: string, load: Load): Promise<number> {
  return inCopy(path, async (db) => {
    await checkWhole(db);
    const unfinished = await number(db, 'SELECT count(*) FROM loose_blobs');
    await sweepLate(db);
    assert.equal(await number(db, 'SELECT count(*) FROM loose_blobs'), 0, 'loose blobs after a sweep');
    assert.equal(await number(db, ORPHANS), 0, 'orphan segments after a sweep');
    await checkWhole(db);
    assert.ok((await number(db, 'SELECT count(*) FROM pastes')) >= load.kept);
    return unfinished;
  });
}

const ORPHANS = `SELECT count(*) FROM segments s WHERE NOT EXISTS (SELECT 1 FROM pastes p WHERE p.blob = s.blob)`;

/** Pastes whose bytes are not all there, or more than all. */
const HALVES = `SELECT count(*) FROM pastes p WHERE size <> CASE WHEN blob IS NULL THEN length(body) ELSE (
  SELECT CASE WHEN count(*) = max(idx) + 1 THEN sum(length(bytes)) ELSE -1 END FROM segments s WHERE s.blob = p.blob
) END`;

const TOTALS = `SELECT (SELECT count(*) FROM pastes) = count AND (SELECT coalesce(sum(size), 0) FROM pastes) = bytes
  FROM totals WHERE room = 'pastes'`;

async function checkWhole(db: Db): Promise<void> {
  assert.equal(await number(db, HALVES), 0, 'pastes whose bytes are not all there');
  assert.equal(await number(db, TOTALS), 1, 'totals that are not the sum of the rows');
  const [result] = await db.batch([{ sql: 'SELECT * FROM pragma_integrity_check' }], 'read');
  assert.deepEqual(result?.rows, [['ok']]);
}
