/** Looking for what is wrong, on libSQL. Every statement is one moment, so a server may go on writing meanwhile. */
import type { Db, SqlValue } from '../db.ts';
import type { HealthStore, RowCheck } from '../health.ts';
import { checkpointOf } from './log.ts';
import { allRows } from './rows.ts';
import { OBJECT_PREFIX, OBJECTS } from './segments.ts';

/** Rows looked at by one statement: a fraction of a second where they are small. */
const ROWS_AT_ONCE = 2000;

const OUTSIDE = `c.blob GLOB '${OBJECTS}'`;
/** Bytes of a blob as they lie there, and whether its segments are numbered from 0 without a gap. */
const lying = (blob: string) => `(SELECT coalesce(sum(length(bytes)), 0) FROM segments WHERE blob = ${blob})`;
const gapless = (blob: string) =>
  `(SELECT count(*) = coalesce(max(idx) + 1, 0) FROM segments WHERE blob = ${blob})`;
/** While an incident is deleted, the bytes go before the rows. */
const KEPT = `EXISTS (SELECT 1 FROM incidents i WHERE i.id = c.incident_id AND i.deletion_state = 'active')`;

/**
 * One statement each, which answers `key` and `problem` (NULL: nothing) for at most ?2 rows behind the key ?1, in the
 * order of the keys.
 */
const CHECKS: Readonly<Record<RowCheck, string>> = {
  unowned_bytes: `
    WITH page AS (SELECT DISTINCT blob FROM segments WHERE blob > ?1 ORDER BY blob LIMIT ?2)
    SELECT blob AS key, CASE WHEN
        EXISTS (SELECT 1 FROM chunks c WHERE c.blob = page.blob)
        OR EXISTS (SELECT 1 FROM loose_blobs l WHERE l.blob = page.blob)
        OR blob IN (SELECT blob FROM pastes WHERE blob IS NOT NULL)
      THEN NULL ELSE 'The bytes ' || blob || ' (' || ${lying('page.blob')} || ') belong to nothing.' END AS problem
    FROM page ORDER BY blob`,
  paste_bytes: `
    SELECT ref AS key, CASE
        WHEN blob IS NULL AND length(body) IS NOT size
          THEN 'Paste ' || ref || ' has ' || length(body) || ' bytes of ' || size || '.'
        WHEN blob IS NOT NULL AND ${lying('pastes.blob')} IS NOT size
          THEN 'Paste ' || ref || ' has ' || ${lying('pastes.blob')} || ' bytes of ' || size || '.'
        WHEN blob IS NOT NULL AND NOT ${gapless('pastes.blob')} THEN 'Paste ' || ref || ' lacks a segment.'
      END AS problem
    FROM pastes WHERE ref > ?1 ORDER BY ref LIMIT ?2`,
  chunk_bytes: `
    SELECT id AS key, CASE
        WHEN NOT ${KEPT} OR ${OUTSIDE} THEN NULL
        WHEN ${lying('c.blob')} IS NOT byte_size
          THEN 'Chunk ' || id || ' has ' || ${lying('c.blob')} || ' bytes of ' || byte_size || '.'
        WHEN NOT ${gapless('c.blob')} THEN 'Chunk ' || id || ' lacks a segment.'
      END AS problem
    FROM chunks c WHERE id > ?1 ORDER BY id LIMIT ?2`,
  staged_bytes: `
    SELECT blob AS key, CASE
        WHEN state = 'staged' AND NOT blob GLOB '${OBJECTS}' AND ${lying('l.blob')} IS NOT bytes
          THEN 'The upload ' || blob || ' has ' || ${lying('l.blob')} || ' bytes of ' || bytes || '.'
      END AS problem
    FROM loose_blobs l WHERE blob > ?1 ORDER BY blob LIMIT ?2`,
  paste_totals: `
    SELECT room AS key, CASE
        WHEN count IS NOT (SELECT count(*) FROM pastes)
          OR bytes IS NOT (SELECT coalesce(sum(size), 0) FROM pastes)
          THEN 'Pastes are counted as ' || count || ' with ' || bytes || ' bytes, and are '
            || (SELECT count(*) || ' with ' || coalesce(sum(size), 0) FROM pastes) || ' bytes.'
        WHEN burning IS NOT (SELECT count(*) FROM pastes WHERE burn = 1)
          THEN 'Pastes to be burned are counted as ' || burning || ', and are '
            || (SELECT count(*) FROM pastes WHERE burn = 1) || '.'
      END AS problem
    FROM totals WHERE room = 'pastes' AND room > ?1 LIMIT ?2`,
  stream_counters: `
    SELECT id AS key, CASE
        WHEN chunk_count IS NOT (SELECT count(*) FROM chunks c WHERE c.stream_id = s.id)
          OR total_bytes IS NOT (SELECT coalesce(sum(byte_size), 0) FROM chunks c WHERE c.stream_id = s.id)
          THEN 'Stream ' || id || ' is counted as ' || chunk_count || ' chunks with ' || total_bytes
            || ' bytes, and has ' || (SELECT count(*) || ' with ' || coalesce(sum(byte_size), 0)
              FROM chunks c WHERE c.stream_id = s.id) || ' bytes.'
      END AS problem
    FROM streams s WHERE id > ?1 ORDER BY id LIMIT ?2`,
  media_counters: `
    WITH page AS (SELECT id FROM incidents WHERE id > ?1 ORDER BY id LIMIT ?2)
    SELECT id AS key, CASE
        WHEN EXISTS (SELECT 1 FROM incident_media m WHERE m.incident_id = page.id AND m.chunk_count IS NOT
            (SELECT count(*) FROM chunks c WHERE c.incident_id = page.id AND c.media_type = m.media_type))
          OR (SELECT count(*) FROM chunks c WHERE c.incident_id = page.id) IS NOT
            (SELECT coalesce(sum(chunk_count), 0) FROM incident_media m WHERE m.incident_id = page.id)
          THEN 'The chunks of incident ' || id || ' are not counted right by kind.'
      END AS problem
    FROM page ORDER BY id`,
  account_usage: `
    WITH page AS (SELECT a.id, coalesce(u.bytes, 0) AS counted FROM accounts a
      LEFT JOIN account_usage u ON u.account_id = a.id WHERE a.id > ?1 ORDER BY a.id LIMIT ?2),
    held AS (SELECT id, counted, (SELECT coalesce(sum(c.byte_size), 0) FROM incidents i
      JOIN chunks c ON c.incident_id = i.id WHERE i.owner_account_id = page.id) AS bytes FROM page)
    SELECT id AS key, CASE WHEN counted IS NOT bytes
        THEN 'Account ' || id || ' is counted as holding ' || counted || ' bytes, and holds ' || bytes || '.'
      END AS problem
    FROM held ORDER BY id`,
  log_order: `
    SELECT 'log' AS key, CASE
        WHEN count(*) IS NOT coalesce(max(idx) + 1, 0) THEN 'The log has ' || count(*) || ' entries, the last of which is '
          || max(idx) || ': entries are missing.'
        WHEN (SELECT hashed FROM log_progress WHERE one = 1) > count(*) THEN 'More entries of the log were hashed than there are.'
        WHEN (SELECT max(size) FROM log_checkpoints) > count(*) THEN 'The newest checkpoint covers more entries than there are.'
      END AS problem
    FROM log_leaves WHERE ?1 < 'log' AND ?2 > 0`,
};

/** @see HealthStore */
export function libsqlHealth(db: Db): HealthStore {
  const ask = async (sql: string, args: readonly SqlValue[] = []) =>
    allRows((await db.batch([{ sql, args }], 'read'))[0]);
  return {
    async integrity(most) {
      const rows = await ask('SELECT integrity_check AS line FROM pragma_integrity_check(?)', [most]);
      const lines = rows.map((row) => row.text('line'));
      return lines.length === 1 && lines[0] === 'ok' ? [] : lines;
    },

    async brokenReferences() {
      const rows = await ask(
        'SELECT "table" AS name, count(*) AS broken FROM pragma_foreign_key_check GROUP BY 1',
      );
      return rows.map((row) => ({ table: row.text('name'), rows: row.number('broken') }));
    },

    async check(what, after) {
      const rows = await ask(CHECKS[what], [after, ROWS_AT_ONCE]);
      return {
        rows: rows.length,
        problems: rows.flatMap((row) => row.optionalText('problem') ?? []),
        next: rows.length < ROWS_AT_ONCE ? undefined : rows.at(-1)?.text('key'),
      };
    },

    async chunks(after, limit) {
      const rows = await ask(
        `SELECT id, blob, byte_size, sha256, crc32 FROM chunks c
          WHERE id > ? AND ${KEPT} AND NOT ${OUTSIDE} ORDER BY id LIMIT ?`,
        [after, limit],
      );
      return rows.map((row) => ({
        id: row.text('id'),
        blob: row.text('blob'),
        byteSize: row.number('byte_size'),
        sha256: row.text('sha256'),
        crc32: row.number('crc32'),
      }));
    },

    async segment(blob, index) {
      const [row] = await ask('SELECT bytes FROM segments WHERE blob = ? AND idx = ?', [blob, index]);
      return row?.bytes('bytes');
    },

    async isKept(chunkId, blob) {
      const sql = `SELECT 1 FROM chunks c WHERE id = ? AND blob = ? AND ${KEPT}`;
      return (await ask(sql, [chunkId, blob])).length > 0;
    },

    async checkpoints(size, limit) {
      const rows = await ask(
        `SELECT size, root_hash, note, verifier, created_at, timestamp FROM log_checkpoints
          WHERE size > ? ORDER BY size LIMIT ?`,
        [size, limit],
      );
      return rows.map(checkpointOf);
    },

    async newest() {
      const rows = await ask(`
        SELECT (SELECT at FROM audit ORDER BY id DESC LIMIT 1) AS audit,
          (SELECT created_at FROM incidents ORDER BY id DESC LIMIT 1) AS incident,
          (SELECT created_at FROM log_checkpoints ORDER BY size DESC LIMIT 1) AS checkpoint,
          (SELECT max(created_at) FROM recent_contents) AS paste,
          (SELECT max(applied_at) FROM schema_migrations) AS migration`);
      const columns = ['audit', 'incident', 'checkpoint', 'paste', 'migration'];
      return columns.flatMap((column) => rows[0]?.optionalNumber(column) ?? []);
    },

    async objects(after, limit) {
      const rows = await ask(
        `SELECT id, blob, byte_size FROM chunks c
          WHERE id > ? AND ${KEPT} AND ${OUTSIDE} ORDER BY id LIMIT ?`,
        [after, limit],
      );
      return rows.map((row) => ({
        id: row.text('id'),
        blob: row.text('blob'),
        key: row.text('blob').slice(OBJECT_PREFIX.length),
        byteSize: row.number('byte_size'),
      }));
    },
  };
}
