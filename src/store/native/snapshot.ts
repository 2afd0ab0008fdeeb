/** Copies a database in a thread of its own, so that nobody waits for it. */

import { Worker } from 'node:worker_threads';
import { DbError, type ResultSet } from '../db.ts';
import { dbError } from './failure.ts';
import type { Outcome, SnapshotStart } from './protocol.ts';

/** Answers the questions from the finished copy. Throws DbError. What is under way cannot be broken off. */
export function copyDatabase(start: SnapshotStart): Promise<ResultSet[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./snapshot-worker.ts', import.meta.url), {
      name: 'sallyport-db-snapshot',
      workerData: start,
    });
    worker.once('message', (outcome: Outcome) => {
      if ('error' in outcome) reject(dbError(outcome.error));
      else resolve(outcome.results);
    });
    const ended = (reason: string) =>
      reject(new DbError('internal', `The thread that copies the database ended by itself: ${reason}.`));
    worker.once('error', (error) => ended(error instanceof Error ? error.message : String(error)));
    worker.once('exit', (code) => ended(`exit code ${code}`));
  });
}
