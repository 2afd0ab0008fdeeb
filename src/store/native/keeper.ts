/** What keeps a database open for the thread that uses it. Apart from the log's file: the main thread needs no engine. */
import Database from 'libsql';
import type { ConnectionOptions } from './protocol.ts';

/** A connection that only keeps the database open. */
export interface Keeper {
  close(): void;
}

/**
 * Keeps the database open, so that no connection that is thrown away after an error is the last one to be closed.
 * @throws what the engine throws
 */
export function keepOpen({ path, encryptionKey }: ConnectionOptions): Keeper {
  const options: Database.Options & { encryptionKey?: string } = {};
  if (encryptionKey !== undefined) options.encryptionKey = encryptionKey;
  const escaped = path.replaceAll('%', '%25').replaceAll('?', '%3f').replaceAll('#', '%23');
  const db = new Database(`file:${escaped}?mode=ro`, options);
  try {
    // The first read takes the lock that marks the database as open.
    db.prepare('SELECT count(*) FROM sqlite_schema').all([]);
  } catch (thrown) {
    db.close();
    throw thrown;
  }
  return { close: () => db.close() };
}
