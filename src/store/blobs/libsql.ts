/** Blobs in libSQL: segments of at most 1 MiB, which is what a libSQL server takes and gives in one statement. */
import type { Db, Statement } from '../db.ts';
import { allRows, firstRow } from '../libsql/rows.ts';
import { isObject, OBJECTS, SEGMENT_BYTES } from '../libsql/segments.ts';
import type { Blobs } from '../store.ts';
import { extendBlob } from './extend.ts';

/** Segments erased in one commit: short enough that others get their turn in between. */
const ERASED_AT_ONCE = 16;

export interface LibsqlBlobsOptions {
  /** Most bytes that may lie staged at one time, over all uploads. */
  readonly stagingQuotaBytes: number;
  /** How long a staged blob may lie untouched before a sweep takes it, in milliseconds. */
  readonly stagingLifetimeMs: number;
}

/** @see Blobs */
export function libsqlBlobs(db: Db, { stagingQuotaBytes, stagingLifetimeMs }: LibsqlBlobsOptions): Blobs {
  /** Erases what is marked as erasing; `marked` marks it in the commit of the first segments. */
  async function eraseSegments(name: string, marked: readonly Statement[]): Promise<void> {
    for (let marking = marked; ; marking = []) {
      const results = await db.batch(
        [
          ...marking,
          {
            sql: `DELETE FROM segments WHERE blob = ?1 AND idx IN
                    (SELECT idx FROM segments WHERE blob = ?1 ORDER BY idx LIMIT ?2)
                  AND EXISTS (SELECT 1 FROM loose_blobs WHERE blob = ?1 AND state = 'erasing')`,
            args: [name, ERASED_AT_ONCE],
          },
          {
            sql: `DELETE FROM loose_blobs WHERE blob = ?1 AND state = 'erasing'
                  AND NOT EXISTS (SELECT 1 FROM segments WHERE blob = ?1)`,
            args: [name],
          },
        ],
        'write',
      );
      if ((results[marking.length]?.changes ?? 0) < ERASED_AT_ONCE) return;
    }
  }

  // First out of everybody's reach, so that neither an append nor a commit can take it while it goes.
  const erase = (name: string) =>
    eraseSegments(name, [
      { sql: `UPDATE loose_blobs SET state = 'erasing', erase_at = 0 WHERE blob = ?`, args: [name] },
    ]);

  return {
    segmentBytes: SEGMENT_BYTES,

    async append(name, index, bytes, now) {
      const room = `(SELECT coalesce(sum(bytes), 0) FROM loose_blobs WHERE state = 'staged') + ? <= ?`;
      const eraseAt = now + stagingLifetimeMs;
      const staged =
        index === 0
          ? {
              sql: `INSERT INTO loose_blobs (blob, state, bytes, erase_at) SELECT ?, 'staged', ?, ? WHERE ${room}`,
              args: [name, bytes.length, eraseAt, bytes.length, stagingQuotaBytes],
            }
          : {
              sql: `UPDATE loose_blobs SET bytes = bytes + ?, erase_at = ?
                    WHERE blob = ? AND state = 'staged' AND ${room}`,
              args: [bytes.length, eraseAt, name, bytes.length, stagingQuotaBytes],
            };
      // changes() is the row count of the statement just before: no room, no segment.
      const results = await db.batch(
        [
          staged,
          {
            sql: 'INSERT INTO segments (blob, idx, bytes) SELECT ?, ?, ? WHERE changes() = 1',
            args: [name, index, bytes],
          },
        ],
        'write',
      );
      return results[1]?.changes === 1;
    },

    extend: (name, offset, bytes, eraseAt, turn) =>
      extendBlob(db, { name, offset, bytes, eraseAt, stagingQuotaBytes, turn }),

    discard: erase,

    async remove(name) {
      // To take it for gone would be to leave its bytes where they are.
      if (isObject(name)) throw new TypeError('bytes in an object store are not removed here');
      // What is owned stands on no list yet; once it does, a sweep would finish what is begun here.
      const condemned = {
        sql: `INSERT INTO loose_blobs (blob, state, bytes, erase_at) VALUES (?, 'erasing', 0, 0)
              ON CONFLICT (blob) DO UPDATE SET state = 'erasing', bytes = 0, erase_at = 0`,
        args: [name],
      };
      await eraseSegments(name, [condemned]);
    },

    async read(name, index) {
      const sql = 'SELECT bytes FROM segments WHERE blob = ? AND idx = ?';
      const [result] = await db.batch([{ sql, args: [name, index] }], 'read');
      return firstRow(result)?.bytes('bytes');
    },

    async readSmall(names) {
      const sql = `SELECT s.blob, s.bytes FROM json_each(?) AS j CROSS JOIN segments AS s
                   ON s.blob = j.value AND s.idx = 0`;
      const [result] = await db.batch([{ sql, args: [JSON.stringify(names)] }], 'read');
      return new Map(allRows(result).map((row) => [row.text('blob'), row.bytes('bytes')]));
    },

    async take(name, index) {
      const sql = 'DELETE FROM segments WHERE blob = ? AND idx = ? RETURNING bytes';
      const [result] = await db.batch([{ sql, args: [name, index] }], 'write');
      return firstRow(result)?.bytes('bytes');
    },

    async sweep(now, max) {
      const sql = `SELECT blob FROM loose_blobs WHERE erase_at <= ? AND blob NOT GLOB '${OBJECTS}'
        ORDER BY erase_at LIMIT ?`;
      const [result] = await db.batch([{ sql, args: [now, max] }], 'read');
      const names = allRows(result).map((row) => row.text('blob'));
      for (const name of names) await erase(name);
      return names.length;
    },
  };
}
