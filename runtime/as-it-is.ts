/** For commands that look at a data directory without a server, and leave it as it is: nothing is made or migrated. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Settings } from '../src/core/settings-types.ts';
import { VERSION } from '../src/core/version.ts';
import type { Db } from '../src/store/db.ts';
import { acquire } from './control.ts';
import { StartError } from './listener.ts';
import { openDatabase } from './storage.ts';

/**
 * Owns the data directory while `use` runs.
 * @throws StartError, ControlError with a sentence that says what to do
 */
export async function asItIs<T>(settings: Settings, use: (db: Db) => Promise<T>): Promise<T> {
  const { database, dataDir } = settings;
  if (!existsSync(dataDir))
    throw new StartError(`There is no data directory ${resolve(dataDir)}. Check SAFE_DATA_DIR.`);
  if (database.kind === 'file' && !existsSync(database.path))
    throw new StartError(`There is no database ${resolve(database.path)}. Check SAFE_DATA_DIR.`);
  const owned = await acquire(dataDir, { version: VERSION, now: Date.now() });
  try {
    const plan = { database, now: Date.now(), asItIs: true, onFatal: () => process.exit(1) };
    const { db, close } = await openDatabase(plan);
    try {
      return await use(db);
    } finally {
      await close();
    }
  } finally {
    await owned.release();
  }
}
