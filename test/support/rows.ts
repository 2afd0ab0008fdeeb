/** What lies in the tables of a house, for tests of what is kept, and of what is not left behind. */
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

/** The rows of a table, with the names of their columns. */
export async function tableOf({ db }: House, name: string): Promise<Record<string, unknown>[]> {
  const [found] = await db.batch([{ sql: `SELECT * FROM "${name}"` }], 'read');
  return (found?.rows ?? []).map((row) =>
    Object.fromEntries((found?.columns ?? []).map((column, i) => [column, row[i]])),
  );
}

/** Everything that is kept, by `table.column`: the values as text, each after a line end; bytes as Latin-1. */
export async function columnsOf(house: House): Promise<Map<string, string>> {
  const sql = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`;
  const [tables] = await house.db.batch([{ sql }], 'read');
  const columns = new Map<string, string>();
  for (const [name] of tables?.rows ?? []) {
    for (const row of await tableOf(house, String(name))) {
      for (const [column, value] of Object.entries(row)) {
        const isBytes = value instanceof ArrayBuffer || ArrayBuffer.isView(value);
        const text = isBytes ? Buffer.from(value as Uint8Array).toString('latin1') : String(value);
        columns.set(`${name}.${column}`, `${columns.get(`${name}.${column}`) ?? ''}\n${text}`);
      }
    }
  }
  return columns;
}
