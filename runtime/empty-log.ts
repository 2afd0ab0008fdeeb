/** Emptying the database's log after something was deleted: an old page in it still holds what is gone. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../src/core/deps.ts';
import type { Db } from '../src/store/db.ts';

/** How long readers may be in the way. Each reads for milliseconds. */
const TRIES = 40;
const PAUSE_MS = 200;

/** What empties the log of this database, for as long as that takes; nothing where it has none of ours. */
export function logEmptier(db: Db, log: Log): () => Promise<void> {
  return async () => {
    if (db.truncateLog === undefined) return;
    for (let tries = 0; tries < TRIES; tries += 1) {
      if (await db.truncateLog()) return;
      await sleep(PAUSE_MS);
    }
    // The driver goes on trying at every pause of writing.
    log.write('warn', 'the database log was not emptied: something outside of the server reads it', {});
  };
}
