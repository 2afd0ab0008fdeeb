/** What lies in the tables of a house, for tests that nothing be left behind. */
import { firstRow } from '../../src/store/libsql/rows.ts';
import type { House } from './house.ts';

const TABLES = [
  'pastes',
  'segments',
  'loose_blobs',
  'spent_work',
  'paste_replays',
  'recent_contents',
] as const;

/** How many rows each table of the paste room has; those without any are left out. */
export async function rowsOf({ db }: House): Promise<Partial<Record<(typeof TABLES)[number], number>>> {
  const counts = await db.batch(
    TABLES.map((table) => ({ sql: `SELECT count(*) AS n FROM ${table}`, args: [] })),
    'read',
  );
  const rows: Partial<Record<(typeof TABLES)[number], number>> = {};
  TABLES.forEach((table, i) => {
    const n = firstRow(counts[i])?.number('n') ?? 0;
    if (n > 0) rows[table] = n;
  });
  return rows;
}
