/**
 * The thread that copies a database. Started by `snapshot.ts`; nothing else imports it.
 *
 * `VACUUM INTO` reads one moment on a connection of its own and writes each row anew: no page that was freed comes
 * along, and a database under a key becomes a copy under that key. https://www.sqlite.org/lang_vacuum.html#vacuuminto
 */

import { parentPort, workerData } from 'node:worker_threads';
import type { ResultSet } from '../db.ts';
import { openConnection } from './connection.ts';
import { failureOf } from './failure.ts';
import { readThroughLog } from './log-file.ts';
import type { Outcome, SnapshotStart } from './protocol.ts';

const { connection, to, questions } = workerData as SnapshotStart;

function copy(): void {
  readThroughLog(connection.path);
  const source = openConnection(connection, 'write');
  try {
    source.exec(`VACUUM INTO '${to.replaceAll("'", "''")}'`);
  } finally {
    source.close();
  }
}

function ask(): ResultSet[] {
  const copied = openConnection({ ...connection, path: to }, 'copy');
  try {
    return questions.map(copied.run);
  } finally {
    copied.close();
  }
}

function outcome(): Outcome {
  try {
    copy();
    return { results: ask() };
  } catch (thrown) {
    const { kind, message, code } = failureOf(thrown);
    return { error: { kind, message, code } };
  }
}

parentPort?.postMessage(outcome());
