/** The incident that nobody owns, which is shipped as SQL. */
import { readFile } from 'node:fs/promises';
import type { Db } from '../../src/store/db.ts';

export const UNOWNED = 'inc_01HF7YAT000000000000000001';
/** The token of its link. */
export const UNOWNED_TOKEN = 'A'.repeat(43);

/** Puts it into a database. */
export async function addUnowned(db: Db): Promise<void> {
  const text = await readFile(new URL('../fixtures/unowned-incident.sql', import.meta.url), 'utf8');
  const statements = text
    .replace(/^--.*$/gm, '')
    .split(';')
    .map((sql) => ({ sql: sql.trim() }))
    .filter(({ sql }) => sql !== '');
  await db.batch(statements, 'write');
}
