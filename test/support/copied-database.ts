/** The files of a server that was killed, as it left them: looked at in a copy, which nobody else has open. */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noMetrics } from '../../src/core/metrics.ts';
import { defaultSettings } from '../../src/core/settings.ts';
import { sweep } from '../../src/core/sweep.ts';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import type { Db } from '../../src/store/db.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openConnection } from '../../src/store/native/connection.ts';

/** Runs `use` with a copy of the database at `path` and of its log. */
export async function inCopy<T>(path: string, use: (db: Db) => Promise<T>): Promise<T> {
  const copy = await mkdtemp(join(tmpdir(), 'sallyport-copy-'));
  try {
    const file = join(copy, 'sallyport.db');
    await copyFile(path, file);
    await copyFile(`${path}-wal`, `${file}-wal`).catch(() => {}); // there is none right after a checkpoint
    const db = openHere(file);
    try {
      return await use(db);
    } finally {
      await db.close();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** The embedded driver's connection without its threads, which cost more than a few questions in between two kills. */
function openHere(path: string): Db {
  const options = { path, encryptionKey: undefined, busyTimeoutMs: 0, maxPages: undefined };
  const connection = openConnection(options, 'both');
  return {
    async batch(statements, mode) {
      connection.exec(mode === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN');
      try {
        const results = statements.map((statement) => connection.run(statement));
        connection.exec('COMMIT');
        return results;
      } catch (error) {
        if (connection.inTransaction) connection.exec('ROLLBACK');
        throw error;
      }
    },
    async close() {
      connection.close();
    },
  };
}

/** The one number that a query answers. */
export async function number(db: Db, sql: string): Promise<number> {
  return Number((await db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0]);
}

/** What the sweep of two hours later would do. */
export async function sweepLate(db: Db): Promise<void> {
  const later = Date.now() + 2 * 60 * 60 * 1000;
  await sweep({
    store: libsqlStore(db),
    blobs: libsqlBlobs(db, { stagingQuotaBytes: 1, stagingLifetimeMs: 1 }),
    settings: defaultSettings(),
    now: () => later,
    metrics: noMetrics,
  });
}
