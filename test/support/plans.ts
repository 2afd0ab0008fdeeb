/**
 * What the statements of a verb cost: the engine's own plan. A database that was asked for plans is used for
 * nothing else, since the engine keeps such a statement open.
 */
import type { Statement } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import type { Store } from '../../src/store/store.ts';
import { memoryDatabase } from './databases.ts';

export interface Watched {
  /** One for each batch. */
  readonly modes: readonly string[];
  /** What each statement does: its searches, scans and sorts. */
  readonly plans: readonly string[];
}

/** Runs a verb on an empty database and asks how the engine carries its statements out. */
export async function watch(verb: (store: Store) => Promise<unknown>): Promise<Watched> {
  const modes: string[] = [];
  const seen: Statement[] = [];
  const { db, close } = await memoryDatabase();
  try {
    await migrate(db, migrations, 0);
    await verb(
      libsqlStore({
        batch(statements, mode) {
          modes.push(mode);
          seen.push(...statements);
          return db.batch(statements, mode);
        },
        close: async () => {},
      }),
    );
    const plans: string[] = [];
    for (const { sql, args = [] } of seen) {
      const [plan] = await db.batch([{ sql: `EXPLAIN QUERY PLAN ${sql}`, args }], 'read');
      plans.push(...(plan?.rows ?? []).map((row) => String(row.at(-1))));
    }
    return { modes, plans };
  } finally {
    await close();
  }
}

/** Those lines of a plan that walk a whole table or index, or sort what no index has sorted. */
export const costly = (plans: readonly string[]): readonly string[] =>
  plans.filter((line) => /\bSCAN (?!CONSTANT ROW)|TEMP B-TREE/.test(line));
