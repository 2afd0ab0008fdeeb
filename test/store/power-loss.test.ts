/**
 * A server whose power goes: everything that it wrote and flushed is recorded while it works, and states that a disk
 * may be in after a loss of power are put together from that. In each of them everything that was acknowledged before
 * is there, what was deleted is not, the database is sound, and a server starts.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Database from 'libsql';
import { faults } from '../support/faults.ts';
import { afterPowerLoss, readRecord, type Unflushed, type Written } from '../support/power.ts';
import { rounds, type Seeded, seeded } from '../support/seed.ts';
import { startServer } from '../support/server.ts';
import { tempDir } from '../support/temp.ts';

const UNCOUNTED = { SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false' };
const LINUX = process.platform === 'linux' ? false : 'what a process writes is recorded as Linux lets it';
const WORKERS = 6;
const FATES: readonly Unflushed[] = ['lost', 'torn', 'kept'];

interface Acknowledged {
  readonly id: string;
  readonly size: number;
  readonly createdAt: bigint;
  deletion?: { readonly askedAt: bigint; doneAt?: bigint };
}

/** Creates and deletes pastes until so many creates were acknowledged. */
async function work(main: string, creates: number, random: Seeded): Promise<Acknowledged[]> {
  const all: Acknowledged[] = [];
  const worker = async () => {
    while (all.length < creates) {
      // Every twentieth is staged in segments before its commit.
      const size = random.below(20) === 0 ? 1_500_000 : 1 + random.below(4000);
      const response = await fetch(main, {
        method: 'POST',
        body: Buffer.alloc(size, `${random.below(1e9)} `),
      });
      assert.equal(response.status, 201);
      const { id, delete_token: token } = (await response.json()) as { id: string; delete_token: string };
      const paste: Acknowledged = { id, size, createdAt: process.hrtime.bigint() };
      all.push(paste);
      if (random.below(4) > 0) continue;
      paste.deletion = { askedAt: process.hrtime.bigint() };
      const headers = { 'x-delete-token': token };
      const deleted = await fetch(`${main}/${id}`, { method: 'DELETE', headers });
      assert.ok(deleted.ok, `${deleted.status}`);
      paste.deletion.doneAt = process.hrtime.bigint();
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  return all;
}

const refOf = (id: string) => createHash('sha256').update(id).digest('hex').slice(0, 32);

/** Holds the database of a state against what was acknowledged by `at`. @returns how many creates that were */
function check(folder: string, at: bigint, all: readonly Acknowledged[]): number {
  const promised = all.filter(({ createdAt }) => createdAt < at);
  const db = new Database(join(folder, 'data', 'sallyport.db'));
  try {
    assert.deepEqual(db.prepare('PRAGMA integrity_check').raw().all([]), [['ok']]);
    assert.deepEqual(db.prepare('PRAGMA foreign_key_check').raw().all([]), []);
    const tables = db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'pastes'").raw().all([]);
    if (promised.length === 0 && JSON.stringify(tables) === '[[0]]') return 0;
    const rows = db.prepare('SELECT ref, size FROM pastes').raw().all([]) as unknown as [string, number][];
    const kept = new Map(rows);
    for (const { id, size, deletion } of promised) {
      const found = kept.get(refOf(id));
      if (deletion?.doneAt !== undefined && deletion.doneAt < at)
        assert.equal(found, undefined, 'was deleted');
      else if (deletion === undefined || deletion.askedAt > at) assert.equal(found, size, 'was acknowledged');
    }
    return promised.length;
  } finally {
    db.close();
  }
}

describe('a loss of power', { skip: LINUX, timeout: 600_000 }, () => {
  it('takes nothing that was acknowledged, at whatever moment it comes, and a server starts again', async (t) => {
    const random = seeded(t);
    await using under = await faults({ recorded: true });
    const settings = { ...UNCOUNTED, ...under.env };
    const server = await startServer({ folder: under.folder, settings });
    const began = process.hrtime.bigint();
    const all = await work(server.main, rounds(50), random);
    // What the operator's stop would still flush is not to help.
    await server.stop('SIGKILL');
    const record = readRecord(await readFile(under.record));
    const start = record.findIndex(({ at }) => at > began);

    let promised = 0;
    const states = rounds(8);
    for (let state = 0; state < states; state += 1) {
      const fate = FATES[state % FATES.length] ?? 'lost';
      // Every fifth while the server starts for the first time.
      const count =
        state % 5 === 0 ? 1 + random.below(start) : start + random.below(record.length - start + 1);
      promised += await inState(record, count, fate, random, async (folder, at) => {
        const found = await exists(folder);
        const kept = found ? check(folder, at, all) : 0;
        if (!found) assert.ok(!all.some(({ createdAt }) => createdAt < at), 'the database is gone');
        // The whole server, on some of the states: its keys must be there, too.
        if (state % 7 === 0) await startsAgain(folder, at, all);
        return kept;
      });
    }
    t.diagnostic(`${states} states of ${record.length} writes; ${promised} acknowledged pastes looked for`);
    assert.ok(promised > 0);
  });
});

const exists = (folder: string) =>
  readFile(join(folder, 'data', 'sallyport.db')).then(
    () => true,
    () => false,
  );

async function inState<T>(
  record: readonly Written[],
  count: number,
  fate: Unflushed,
  random: Seeded,
  use: (folder: string, at: bigint) => Promise<T>,
): Promise<T> {
  const dir = await tempDir();
  try {
    await afterPowerLoss(record, count, fate, random, join(dir.path, 'data'));
    return await use(dir.path, record[count - 1]?.at ?? 0n);
  } finally {
    await dir.remove();
  }
}

async function startsAgain(folder: string, at: bigint, all: readonly Acknowledged[]): Promise<void> {
  await using server = await startServer({ folder, settings: UNCOUNTED });
  for (const { id, size, createdAt, deletion } of all) {
    if (createdAt >= at || deletion !== undefined) continue;
    const response = await fetch(`${server.main}/${id}/raw`);
    assert.equal(response.status, 200);
    assert.equal((await response.arrayBuffer()).byteLength, size);
  }
  assert.equal((await fetch(server.main, { method: 'POST', body: 'afterwards' })).status, 201);
}
