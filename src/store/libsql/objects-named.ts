/** What the database says of an object store: whether anything lies there. */
import type { Db } from '../db.ts';
import { allRows, firstRow } from './rows.ts';
import { Script, sql } from './script.ts';
import { OBJECT_PREFIX, OBJECTS } from './segments.ts';

export interface ObjectsNamed {
  /** Whether any object is named, be it only for being removed. */
  readonly any: boolean;
  /** Keys of the objects of the newest chunks. */
  readonly newest: readonly string[];
}

/** @param most how many keys are answered */
export async function objectsNamed(db: Db, most: number): Promise<ObjectsNamed> {
  const script = new Script();
  // The condition is written out: a partial index is used for what is known when a statement is prepared.
  script.add('newest', `SELECT blob FROM chunks WHERE blob GLOB '${OBJECTS}' ORDER BY id DESC LIMIT ?`, [
    most,
  ]);
  script.step('loose', sql`SELECT 1 FROM loose_blobs WHERE blob GLOB ${OBJECTS} LIMIT 1`);
  const answer = await script.run(db, 'read');
  const newest = allRows(answer('newest')).map((row) => row.text('blob').slice(OBJECT_PREFIX.length));
  return { newest, any: newest.length > 0 || firstRow(answer('loose')) !== undefined };
}
