/** Streams of very many chunks, written by the database itself: as many uploads would show no more. */
import type { Db } from '../../src/store/db.ts';
import type { Bytes } from '../../src/store/store.ts';

/** What each of the chunks is said to be. */
export interface Content {
  readonly size: number;
  readonly sha256: string;
  readonly crc32: number;
}

export interface Alike {
  readonly incidentId: string;
  /** An open stream of audio without chunks. */
  readonly streamId: string;
  readonly count: number;
  readonly content: Content;
  /** What lies in each one's segments, whatever should be there. */
  readonly segments: readonly { readonly idx: number; readonly bytes: Bytes }[];
  readonly createdAt: number;
}

/** Chunks written in one batch: what a database takes in a moment. */
const AT_ONCE = 5000;

/** Writes chunks 1 to `count` of a stream, all alike. */
export async function writeAlike(db: Db, wish: Alike): Promise<void> {
  const { incidentId, streamId, count, content, segments, createdAt } = wish;
  const { size, sha256, crc32 } = content;
  const id = `'chk_' || substr(?3, 5, 20) || printf('%06d', n)`;
  const numbers = 'WITH RECURSIVE numbers(n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)';
  const at = '2026-01-02T03:04:05Z';
  for (let from = 1; from <= count; from += AT_ONCE) {
    const these = [from, Math.min(count, from + AT_ONCE - 1), streamId];
    await db.batch(
      [
        {
          sql: `${numbers} INSERT INTO chunks (id, incident_id, stream_id, chunk_index, media_type, started_at,
                  ended_at, byte_size, sha256, crc32, fingerprint, blob, created_at)
                SELECT ${id}, ?4, ?3, n, 'audio', ?5, ?5, ?6, ?7, ?8, ?7, ${id}, ?9 FROM numbers`,
          args: [...these, incidentId, at, size, sha256, crc32, createdAt],
        },
        ...segments.map(({ idx, bytes }) => ({
          sql: `${numbers} INSERT INTO segments (blob, idx, bytes) SELECT ${id}, ?4, ?5 FROM numbers`,
          args: [...these, idx, bytes],
        })),
      ],
      'write',
    );
  }
}
