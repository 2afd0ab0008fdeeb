/**
 * The log, computed again from its rows: a tree of its own, straight from RFC 6962, section 2.1, and leaves of its
 * own, from the rows that they speak of.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rangeHashes, tendLog } from '../../src/core/log.ts';
import { openNote, readCheckpoint, type Signer } from '../../src/crypto/signed-note.ts';
import type { House } from '../support/house.ts';
import type { World } from './model.ts';

const PAGE = 2000;
/** Earlier checkpoints that are computed again. */
const LOOKED_AT = 8;

const hash = (...parts: readonly Uint8Array[]) => {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part);
  return digest.digest();
};

const [LEAF, NODE] = [Uint8Array.of(0), Uint8Array.of(1)];

/** MTH of the leaves from `start` to before `end`. */
function treeHash(leaves: readonly Buffer[], start: number, end: number): Buffer {
  const count = end - start;
  if (count === 0) return hash();
  if (count === 1) return leaves[start] ?? assert.fail('a leaf is missing');
  let half = 1;
  while (half * 2 < count) half *= 2;
  return hash(NODE, treeHash(leaves, start, start + half), treeHash(leaves, start + half, end));
}

type Row = Readonly<Record<string, unknown>>;

/** A table, in pages: a server refuses answers above 10 MB. */
async function rowsOf({ db }: House, columns: string, table: string, order: string): Promise<Row[]> {
  const all: Row[] = [];
  for (;;) {
    const sql = `SELECT ${columns} FROM ${table} ORDER BY ${order} LIMIT ${PAGE} OFFSET ${all.length}`;
    const [found] = await db.batch([{ sql }], 'read');
    const names = found?.columns ?? [];
    const rows = (found?.rows ?? []).map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])));
    all.push(...rows);
    if (rows.length < PAGE) return all;
  }
}

const AUDIT =
  'id, at, listener, actor_kind, actor_account_id, action, route_class, subject_account_id, subject_id, incident_id, outcome';
const CHUNK =
  'id, created_at AS at, incident_id, stream_id, chunk_index, media_type, started_at, ended_at, byte_size, sha256';

/** A leaf as the document has it: all columns, in their order. */
function leafOf(kind: 'audit' | 'chunk', row: Row): string {
  const fields = Object.entries({ kind, ...row }).map(([name, value]) => {
    const text = value === null ? '' : String(value);
    return `${name}=${Buffer.byteLength(text)}:${text}\n`;
  });
  return `sallyport-leaf/1\n${fields.join('')}`;
}

/** A field of a leaf. */
const field = (leaf: string, name: string) =>
  new RegExp(`^${name}=\\d+:(.*)$`, 'm').exec(leaf)?.[1] ?? assert.fail(name);

/** Every leaf speaks of what happened, nothing that happened lacks its leaf, and the tree is that of the leaves. */
export async function checkLog(house: House, world: World, signer: Signer): Promise<number> {
  await tendLog(house.deps);
  const { log } = house.deps.store;
  const rows = await rowsOf(house, 'idx, text', 'log_leaves', 'idx');
  assert.deepEqual(
    rows.map(({ idx }) => idx),
    [...rows.keys()],
    'no place is missing',
  );
  const texts = rows.map(({ text }) => String(text));

  const of = (kind: string) => texts.filter((text) => field(text, 'kind') === kind);
  const audit = await rowsOf(house, AUDIT, 'audit', 'id');
  assert.deepEqual(of('audit').toSorted(), audit.map((row) => leafOf('audit', row)).toSorted());

  // Leaves outlive their chunks: every chunk that was acknowledged has one, and nothing else has.
  const place = (leaf: string) =>
    ['incident_id', 'stream_id', 'chunk_index', 'byte_size', 'sha256']
      .map((name) => field(leaf, name))
      .join();
  const acknowledged = world.acknowledged.map(({ incident, streamId, index, bytes, sha256 }) =>
    [incident.id, streamId, index, bytes.length, sha256].join(),
  );
  assert.deepEqual(of('chunk').map(place).toSorted(), acknowledged.toSorted());
  const chunks = await rowsOf(house, CHUNK, 'chunks', 'id');
  const deleted = new Set(world.incidents.filter((one) => one.deletion === 'deleted').map(({ id }) => id));
  const living = of('chunk').filter((leaf) => !deleted.has(field(leaf, 'incident_id')));
  assert.deepEqual(living.toSorted(), chunks.map((row) => leafOf('chunk', row)).toSorted());

  const leaves = texts.map((text) => hash(LEAF, Buffer.from(text)));
  const size = leaves.length;
  assert.deepEqual(await log.size(), { leaves: size, hashed: size });
  const root = treeHash(leaves, 0, size);
  const [kept] = await rangeHashes(log, [{ start: 0, end: size }]);
  assert.equal(Buffer.from(kept ?? []).toString('hex'), root.toString('hex'), 'the root of all rows');
  const checkpoints = await log.list(undefined, LOOKED_AT);
  assert.equal(checkpoints[0]?.size, size);
  for (const checkpoint of checkpoints) {
    const said = readCheckpoint((await openNote(checkpoint.note, signer)) ?? '');
    const then = treeHash(leaves, 0, checkpoint.size).toString('hex');
    assert.equal(said?.size, checkpoint.size);
    assert.equal(Buffer.from(said?.rootHash ?? []).toString('hex'), then, `the root of ${checkpoint.size}`);
  }
  return size;
}
