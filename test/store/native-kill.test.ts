import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Db } from '../../src/store/db.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { rounds, seeded } from '../support/seed.ts';
import { tempDir } from '../support/temp.ts';
import { partBytes, partCount, ROW_TABLES } from './fixtures/rows.ts';

const script = fileURLToPath(new URL('./fixtures/keep-writing.ts', import.meta.url));

describe('a process that is killed while it writes', () => {
  it('has lost nothing that it acknowledged, and shows nothing half-written', async (t) => {
    const random = seeded(t);
    const dir = await tempDir();
    t.after(dir.remove);
    const path = join(dir.path, 'data', 'test.db');
    const setUp = await openEmbedded({ path });
    await setUp.batch(ROW_TABLES, 'write');
    await setUp.close();

    const acknowledged = new Set<number>();
    let unacknowledged = 0;
    let first = 0;
    for (let round = 0; round < rounds(20); round++) {
      for (const id of await writeUntilKilled(path, first, random.below(400))) acknowledged.add(id);
      const db = await openEmbedded({ path });
      const ids = await checkRows(db, acknowledged, first);
      await db.close();
      unacknowledged += ids.length - [...acknowledged].filter((id) => id >= first).length;
      first = Math.max(first, ...ids) + 1;
    }
    t.diagnostic(`${acknowledged.size} acknowledged, ${unacknowledged} written but not acknowledged`);
  });
});

/** Lets a child write until it has acknowledged more than `count` rows, kills it, and answers all it acknowledged. */
async function writeUntilKilled(path: string, first: number, count: number): Promise<number[]> {
  const child = spawn(process.execPath, [script, path, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('close', resolve));
  let said = '';
  let lines = 0;
  child.stdout.setEncoding('latin1').on('data', (chunk: string) => {
    said += chunk;
    lines += chunk.split('\n').length - 1;
    if (lines > count) kill(child);
  });
  await gone;
  assert.equal(child.signalCode, 'SIGKILL');
  const whole = said.slice(0, said.lastIndexOf('\n') + 1);
  return whole.split('\n').filter(Boolean).map(Number);
}

function kill(child: ChildProcess): void {
  if (!child.killed) child.kill('SIGKILL');
}

/** Checks every row from `first` on; answers their ids. */
async function checkRows(db: Db, acknowledged: ReadonlySet<number>, first: number): Promise<number[]> {
  const [items, orphans] = await db.batch(
    [
      { sql: 'SELECT id, parts FROM item' },
      {
        sql: 'SELECT count(*) FROM part WHERE item >= ? AND item NOT IN (SELECT id FROM item)',
        args: [first],
      },
    ],
    'read',
  );
  assert.deepEqual(orphans?.rows, [[0]], 'parts without their item');
  const present = new Map(items?.rows.map(([id, parts]) => [Number(id), Number(parts)]));
  for (const id of acknowledged) assert.ok(present.has(id), `acknowledged row ${id} is missing`);
  const fresh = [...present.keys()].filter((id) => id >= first);
  for (const id of fresh) {
    assert.equal(present.get(id), partCount(id));
    const [parts] = await db.batch(
      [{ sql: 'SELECT n, bytes FROM part WHERE item = ? ORDER BY n', args: [id] }],
      'read',
    );
    assert.equal(parts?.rows.length, partCount(id), `item ${id} has all its parts`);
    for (const [n, bytes] of parts?.rows ?? []) {
      assert.ok(
        bytes instanceof Uint8Array && Buffer.from(partBytes(id, Number(n))).equals(bytes),
        `item ${id}/${n}`,
      );
    }
  }
  return fresh;
}
