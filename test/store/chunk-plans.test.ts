/**
 * What the statements about chunks, uploads and viewer links cost: the engine's own plan, and how many there are.
 * What a viewer page polls must cost the same at any size of an incident.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import type { Db, Statement } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { accountId } from '../contract/account-room.ts';
import {
  audit,
  type ChunkWish,
  commit,
  incidentId,
  owned,
  recording,
  retry,
  streamId,
  uploadId,
  uploadOf,
} from '../contract/chunk-room.ts';
import { bytesOf, HOUR, hashOf, NOW, type Stores } from '../contract/room.ts';
import { memoryDatabase } from '../support/databases.ts';

interface Watched {
  /** The mode of each batch. */
  readonly modes: readonly string[];
  readonly statements: readonly Statement[];
  /** What each statement does: its searches, scans and sorts. */
  readonly plans: readonly string[];
}

const storesOn = (db: Db): Stores => ({
  store: libsqlStore(db),
  blobs: libsqlBlobs(db, { stagingQuotaBytes: 2 ** 30, stagingLifetimeMs: HOUR }),
});

/** Runs a verb on a database of its own and asks how the engine carries its statements out. */
async function watch<T>(
  verb: (stores: Stores) => Promise<T>,
  prepare: (stores: Stores, db: Db) => Promise<void> = async () => {},
): Promise<Watched & { readonly answer: T }> {
  const modes: string[] = [];
  const statements: Statement[] = [];
  const { db, close } = await memoryDatabase();
  try {
    await migrate(db, migrations, NOW);
    await prepare(storesOn(db), db);
    const watched: Db = {
      batch(batch, mode) {
        modes.push(mode);
        statements.push(...batch);
        return db.batch(batch, mode);
      },
      close: async () => {},
    };
    const answer = await verb(storesOn(watched));
    const plans: string[] = [];
    for (const { sql, args = [] } of statements) {
      const [plan] = await db.batch([{ sql: `EXPLAIN QUERY PLAN ${sql}`, args }], 'read');
      plans.push(...(plan?.rows ?? []).map((row) => String(row.at(-1))));
    }
    return { modes, statements, plans, answer };
  } finally {
    await close();
  }
}

/** Scans of anything but the one row that a query of constants has, and sorts. */
const costly = (plans: readonly string[]) =>
  plans.filter((line) => /\bSCAN (?!CONSTANT ROW|\(subquery)|TEMP B-TREE/.test(line));

const READS: Readonly<Record<string, (stores: Stores) => Promise<unknown>>> = {
  'finding a chunk': ({ store }) => store.chunks.find(owned(1), streamId(1), 1),
  'finding a chunk of no stream': ({ store }) => store.chunks.findLegacy(owned(1), 'audio', 1),
  'listing chunks': ({ store }) => store.chunks.list(owned(1), undefined, 10),
  'paging through a stream': ({ store }) => store.chunks.page(streamId(1), 0, 10),
  'looking whether bytes are there': ({ store }) => store.chunks.bytesPresent(streamId(1)),
  'asking for the usage': ({ store }) => store.chunks.usage(accountId(1)),
  'finding an upload': ({ store }) => store.uploads.find(uploadId(1), accountId(1), NOW),
  'reading what a bundle holds': ({ store }) => store.bundles.contents(incidentId(1)),
  'reading a stream of a bundle': ({ store }) => store.bundles.stream(incidentId(1), streamId(1)),
};
for (const [what, read] of Object.entries(READS))
  it(`${what} is one reading batch that scans and sorts nothing`, async () => {
    const { modes, plans } = await watch(read);
    assert.deepEqual(modes, ['read']);
    assert.ok(plans.length > 0);
    assert.deepEqual(costly(plans), []);
  });

it('probing for bytes reads none of them', async () => {
  const { plans } = await watch(({ store }) => store.chunks.bytesPresent(streamId(1)));
  const probes = plans.filter((line) => line.includes('segments'));
  assert.equal(probes.length, 2);
  assert.ok(probes.every((line) => line.includes('COVERING INDEX')));
});

for (const [what, wish] of Object.entries<ChunkWish>({
  'a small chunk under a key': retry(1),
  'a staged chunk': { pending: { kind: 'staged', blob: 'chk_staged', size: 10 } },
}))
  it(`committing ${what} is one batch that scans and sorts nothing`, async () => {
    const { modes, plans } = await watch((stores) => commit(stores, 1, wish));
    assert.deepEqual(modes, ['write']);
    assert.deepEqual(costly(plans), []);
  });

const UPLOAD_WRITES: Readonly<Record<string, (stores: Stores) => Promise<unknown>>> = {
  'a sweep of uploads': ({ store }) => store.uploads.sweep(NOW, 10),
  'taking an upload over': ({ store }) =>
    store.uploads.take({ id: uploadId(1), accountId: accountId(1), protocol: 'tus' }, NOW, 'ann'),
  'beginning one upload more': ({ store }) => store.uploads.create(uploadOf(1), 'ann', 0),
};
for (const [what, verb] of Object.entries(UPLOAD_WRITES))
  it(`${what} is one batch that scans and sorts nothing`, async () => {
    const { modes, plans } = await watch(verb);
    assert.deepEqual(modes, ['write']);
    assert.ok(plans.length > 1);
    assert.deepEqual(costly(plans), []);
  });

it('growing a blob looks at no other segments than its last', async () => {
  const { modes, plans } = await watch(({ blobs }) => blobs.extend('uop_a', 10, bytesOf(5), NOW));
  assert.deepEqual(modes, ['write']);
  // The sum of what is staged goes over all staged names, which the staging quota bounds.
  assert.deepEqual([...new Set(costly(plans))], ['SCAN loose_blobs USING INDEX loose_blobs_staged']);
});

const VIEWS = ['seen', 'data', 'payload'] as const;
const CHUNKS = 100_000;

/** An incident with a link and `count` chunks of one stream, whose bytes nobody asks for. */
function recorded(count: number) {
  return async (stores: Stores, db: Db): Promise<void> => {
    await recording(stores);
    const token = { id: 'itk_1', incidentId: incidentId(1), tokenHash: hashOf(1), createdAt: NOW };
    await stores.store.viewerTokens.create(owned(1), token, audit('viewer_token_create'));
    const args = [count, incidentId(1), streamId(1), hashOf(2), NOW];
    const sql = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
      INSERT INTO chunks (id, incident_id, stream_id, chunk_index, media_type, started_at, ended_at, byte_size,
        sha256, crc32, fingerprint, blob, created_at)
      SELECT 'chk_' || i, ?2, ?3, i, 'video', '2026-01-02T03:04:05Z', '2026-01-02T03:04:06Z', 1,
        ?4, 0, ?4, 'blob_' || i, ?5 + i FROM n`;
    await db.batch([{ sql, args }], 'write');
  };
}

for (const verb of VIEWS)
  it(`a viewer’s look (${verb}) is one reading batch, the same whatever becomes of the link`, async () => {
    const live = await watch(({ store }) => store.viewer[verb](hashOf(1), NOW), recorded(10));
    const unknown = await watch(({ store }) => store.viewer[verb](hashOf(9), NOW), recorded(10));
    assert.ok(live.answer !== undefined);
    assert.equal(unknown.answer, undefined);
    assert.deepEqual(live.modes, ['read']);
    assert.deepEqual(costly(live.plans), []);
    const texts = ({ statements }: Watched) => statements.map(({ sql }) => sql);
    assert.deepEqual(texts(unknown), texts(live));
    assert.deepEqual(unknown.plans, live.plans);
  });

it('a viewer page polls an incident of 100,000 chunks at the cost of one of ten', async () => {
  const poll = ({ store }: Stores) => store.viewer.data(hashOf(1), NOW);
  const few = await watch(poll, recorded(10));
  const many = await watch(poll, recorded(CHUNKS));
  assert.equal(few.answer?.media[0]?.chunkCount, 10);
  assert.equal(many.answer?.media[0]?.chunkCount, CHUNKS);
  assert.equal(many.answer?.media[0]?.latestChunk.chunkIndex, CHUNKS);
  // Searches by whole keys, or by the beginning of an index whose first entry is the answer.
  assert.deepEqual(many.plans, few.plans);
  assert.deepEqual(costly(many.plans), []);
  for (const { sql } of many.statements.filter(({ sql }) => /FROM (?:chunks|checkins)\b/.test(sql)))
    assert.match(sql, /LIMIT 1\b/);
});

it('what covers the streams of a bundle is one reading batch that looks at the end of each in the index', async () => {
  const { modes, plans } = await watch(({ store }) => store.log.covering([streamId(1), streamId(2)]));
  assert.deepEqual(modes, ['read']);
  assert.ok(
    plans.includes('SEARCH log_leaves USING COVERING INDEX log_leaves_of_stream (stream_id=?)'),
    plans.join('\n'),
  );
  // The streams that were asked for are a table of their own; nothing that grows is walked.
  assert.deepEqual(costly(plans), ['SCAN wanted VIRTUAL TABLE INDEX 1:', 'USE TEMP B-TREE FOR DISTINCT']);
});
