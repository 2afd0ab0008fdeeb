/** The log on libSQL. Its leaves are written by triggers; see the migration. */
import type { Db, SqlValue } from '../db.ts';
import type { Checkpoint, LogStore, TreeNode } from '../log.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { read, Script, Sql, sql, write } from './script.ts';

const CHECKPOINT = new Sql('size, root_hash, note, verifier, created_at, timestamp', []);
const NEWEST_VERIFIER = sql`SELECT verifier FROM log_checkpoints ORDER BY size DESC LIMIT 1`;
/** Rows that one INSERT adds: their arguments stay far below what an engine takes. */
const NODES_AT_ONCE = 250;

/** Reads the columns of a checkpoint. */
export function checkpointOf(row: Row): Checkpoint {
  const timestamp = row.optionalBytes('timestamp');
  return {
    size: row.number('size'),
    rootHash: row.bytes('root_hash'),
    note: row.text('note'),
    verifier: row.text('verifier'),
    createdAt: row.number('created_at'),
    ...(timestamp !== undefined && { timestamp }),
  };
}

const leafOf = (row: Row) => ({ index: row.number('idx'), text: row.text('text') });

/** `(?, ?, ?), (?, ?, ?)` with its arguments. */
function values(rows: readonly (readonly SqlValue[])[]): Sql {
  const places = rows.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
  return new Sql(places, rows.flat());
}

/** The log's store. */
export function logStore(db: Db): LogStore {
  const one = async (where: Sql) => {
    const row = firstRow(await read(db, sql`SELECT ${CHECKPOINT} FROM log_checkpoints ${where} LIMIT 1`));
    return row && checkpointOf(row);
  };
  return {
    async size() {
      const row = firstRow(
        await read(
          db,
          sql`SELECT (SELECT coalesce(max(idx) + 1, 0) FROM log_leaves) AS leaves,
            (SELECT hashed FROM log_progress WHERE one = 1) AS hashed`,
        ),
      );
      if (row === undefined) throw new TypeError('a count answered no row');
      return { leaves: row.number('leaves'), hashed: row.number('hashed') };
    },

    async leaves(from, limit) {
      const found = await read(
        db,
        sql`SELECT idx, text FROM log_leaves WHERE idx >= ${from} ORDER BY idx LIMIT ${limit}`,
      );
      return allRows(found).map(leafOf);
    },

    async leavesOfStream(streamId, after, limit) {
      const found = await read(
        db,
        sql`SELECT idx, text FROM log_leaves WHERE stream_id = ${streamId} AND idx > ${after}
          ORDER BY idx LIMIT ${limit}`,
      );
      return allRows(found).map(leafOf);
    },

    async nodes(places) {
      const nodes: TreeNode[] = [];
      for (let at = 0; at < places.length; at += NODES_AT_ONCE) {
        const some = places.slice(at, at + NODES_AT_ONCE);
        const wanted = values(some.map(({ level, index }) => [level, index]));
        const found = await read(
          db,
          sql`SELECT level, idx, hash FROM log_nodes WHERE (level, idx) IN (VALUES ${wanted})`,
        );
        for (const row of allRows(found)) {
          nodes.push({ level: row.number('level'), index: row.number('idx'), hash: row.bytes('hash') });
        }
      }
      return nodes;
    },

    async grow(from, to, nodes) {
      const script = new Script();
      script.step('claim', sql`UPDATE log_progress SET hashed = ${to} WHERE one = 1 AND hashed = ${from}`);
      for (let at = 0; at < nodes.length; at += NODES_AT_ONCE) {
        const some = nodes.slice(at, at + NODES_AT_ONCE);
        // Whoever came second finds these nodes there; they are the same, since leaves do not change.
        script.step(
          'nodes',
          sql`INSERT OR IGNORE INTO log_nodes (level, idx, hash)
            VALUES ${values(some.map(({ level, index, hash }) => [level, index, hash]))}`,
        );
      }
      return (await script.run(db))('claim')?.changes === 1;
    },

    async publish({ size, rootHash, note, verifier, createdAt }) {
      const inserted = await write(
        db,
        sql`INSERT INTO log_checkpoints (size, root_hash, note, verifier, created_at)
          SELECT ${size}, ${rootHash}, ${note}, ${verifier}, ${createdAt}
          WHERE NOT EXISTS (SELECT 1 FROM log_checkpoints WHERE size >= ${size})`,
      );
      return inserted?.changes === 1;
    },

    async claim({ size, rootHash, note, verifier, createdAt }) {
      const script = new Script();
      script.step(
        'claim',
        sql`INSERT INTO log_checkpoints (size, root_hash, note, verifier, created_at)
          SELECT ${size}, ${rootHash}, ${note}, ${verifier}, ${createdAt}
          WHERE NOT EXISTS (SELECT 1 FROM log_checkpoints)`,
      );
      script.step('newest', NEWEST_VERIFIER);
      return firstRow((await script.run(db))('newest'))?.text('verifier') ?? '';
    },

    async verifier() {
      return firstRow(await read(db, NEWEST_VERIFIER))?.text('verifier');
    },

    latest: () => one(sql`WHERE size > 0 ORDER BY size DESC`),
    ofSize: (size) => one(sql`WHERE size = ${size}`),

    async covering(streamIds) {
      const covers = sql`SELECT (SELECT min(size) FROM log_checkpoints
          WHERE size > (SELECT max(idx) FROM log_leaves WHERE stream_id = wanted.value)) AS size
        FROM json_each(${JSON.stringify(streamIds)}) AS wanted`;
      const script = new Script();
      script.step('sizes', sql`SELECT DISTINCT size FROM (${covers})`);
      script.step(
        'largest',
        sql`SELECT ${CHECKPOINT} FROM log_checkpoints WHERE size = (SELECT max(size) FROM (${covers}))`,
      );
      const answer = await script.run(db, 'read');
      const sizes = allRows(answer('sizes'));
      const largest = firstRow(answer('largest'));
      if (largest === undefined || sizes.some((row) => row.isNull('size'))) return undefined;
      const checkpoint = checkpointOf(largest);
      const smaller = sizes.map((row) => row.number('size')).filter((size) => size < checkpoint.size);
      return { checkpoint, smaller: smaller.sort((a, b) => a - b) };
    },

    async list(before, limit) {
      const where = before === undefined ? sql`size > 0` : sql`size > 0 AND size < ${before}`;
      const found = await read(
        db,
        sql`SELECT ${CHECKPOINT} FROM log_checkpoints WHERE ${where} ORDER BY size DESC LIMIT ${limit}`,
      );
      return allRows(found).map(checkpointOf);
    },

    async withoutTimestamp(limit) {
      const found = await read(
        db,
        sql`SELECT ${CHECKPOINT} FROM log_checkpoints WHERE timestamp IS NULL AND size > 0 ORDER BY size LIMIT ${limit}`,
      );
      return allRows(found).map(checkpointOf);
    },

    async stamp(size, timestamp) {
      await write(
        db,
        sql`UPDATE log_checkpoints SET timestamp = ${timestamp} WHERE size = ${size} AND timestamp IS NULL`,
      );
    },
  };
}
