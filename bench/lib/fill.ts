/**
 * A store as it is after years, made in minutes: rows like those that the product writes, written by the database
 * itself in bulk. Triggers count them, and the log's leaves are hashed by the product's own code.
 */
import { join } from 'node:path';
import { hashLeaves } from '../../src/core/log.ts';
import { sha256 } from '../../src/crypto/hash.ts';
import { encodePasteId, pasteRef } from '../../src/crypto/tokens.ts';
import type { Db } from '../../src/store/db.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { writeAlike } from '../../test/support/many-chunks.ts';

/** The id of the paste with a number: as random as any, and known to whoever reads it later. */
export function idOf(n: number): string {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setFloat64(0, n);
  return encodePasteId(sha256(number).slice(0, 16));
}

export interface Pastes {
  readonly count: number;
  /** Of each, in bytes. */
  readonly bytes: number;
  /** When the first was created and when the last, in milliseconds since the epoch: the others lie between. */
  readonly created: readonly [first: number, last: number];
  readonly ttlMs: number;
  /** The number of the first. */
  readonly from?: number;
}

/** Pastes written in one batch. */
const AT_ONCE = 5000;

/** Writes pastes `from` to `from + count - 1`, each of random bytes. */
export async function fillPastes(db: Db, wish: Pastes): Promise<void> {
  const { count, bytes, created, ttlMs, from = 0 } = wish;
  const [first, last] = created;
  for (let done = 0; done < count; done += AT_ONCE) {
    const some = Math.min(AT_ONCE, count - done);
    const refs = Array.from({ length: some }, (_, i) => pasteRef(idOf(from + done + i)));
    const step = (last - first) / count;
    const began = Math.round(first + done * step);
    const each = `?3 + CAST(key * ?4 AS INTEGER)`;
    await db.batch(
      [
        {
          sql: `INSERT INTO pastes (ref, size, mime_type, sealed, burn, delete_token_hash, created_at, expires_at,
                  revision, body)
                SELECT value, ?2, 'application/octet-stream', 0, 0, lower(hex(randomblob(32))), ${each},
                  ${each} + ?5, 1, randomblob(?2) FROM json_each(?1)`,
          args: [JSON.stringify(refs), bytes, began, step, ttlMs],
        },
      ],
      'write',
    );
  }
}

export interface Chunks {
  readonly incidentId: string;
  /** An open stream of audio without chunks. */
  readonly streamId: string;
  readonly count: number;
  /** Of each, in bytes. */
  readonly bytes: number;
  readonly createdAt: number;
}

/** Writes chunks 1 to `count` of a stream, with their bytes, and hashes the leaves that they are in the log. */
export async function fillChunks(db: Db, { bytes, ...wish }: Chunks): Promise<void> {
  const body = new Uint8Array(bytes).fill(7);
  await writeAlike(db, {
    ...wish,
    // Nobody opens them: what is measured is how they are found.
    content: { size: bytes, sha256: '7'.repeat(64), crc32: 7 },
    segments: [{ idx: 0, bytes: body }],
  });
  await hashLeaves(libsqlStore(db).log);
}

/** Opens the database of a server that has ended, and closes it again. @param folder the one it was started in */
export async function inDatabaseOf(folder: string, use: (db: Db) => Promise<void>): Promise<void> {
  const db = await openEmbedded({ path: join(folder, 'data', 'sallyport.db') });
  try {
    await use(db);
  } finally {
    await db.close();
  }
}
