/** The incident that nobody owns, which is shipped as SQL. */
import { readFile } from 'node:fs/promises';
import type { Db } from '../../src/store/db.ts';

export const UNOWNED = 'inc_01HF7YAT000000000000000001';
/** The token of its link. */
export const UNOWNED_TOKEN = 'A'.repeat(43);

/** The end of its ids, and what its link's token comes to. */
const TAIL = '000000000000000001';
const TOKEN_HASH = '0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a';

/** Puts it into a database. @param tail 18 digits, for another one beside it, whose link nobody has */
export async function addUnowned(db: Db, tail = TAIL): Promise<void> {
  const text = await readFile(new URL('../fixtures/unowned-incident.sql', import.meta.url), 'utf8');
  const other = tail === TAIL ? TOKEN_HASH : tail.padStart(TOKEN_HASH.length, '0');
  const statements = text
    .replaceAll(TAIL, tail)
    .replace(TOKEN_HASH, other)
    .replace(/^--.*$/gm, '')
    .split(';')
    .map((sql) => ({ sql: sql.trim() }))
    .filter(({ sql }) => sql !== '');
  await db.batch(statements, 'write');
}
