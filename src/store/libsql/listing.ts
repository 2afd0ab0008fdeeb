/** Listings for the operator. */
import type { Db, Statement } from '../db.ts';
import type { ListedPaste, ListingStore, PasteOrder } from '../listing.ts';
import { decide, decided } from './audit.ts';
import { factsOf } from './paste-rows.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { Script, sql } from './script.ts';
import type { EventNotes } from './webhooks.ts';

const COLUMNS = 'ref, size, mime_type, sealed, burn, access_kind, owner, created_at, expires_at';

const listed = (row: Row): ListedPaste => ({ ...factsOf(row), protected: !row.isNull('access_kind') });

/** By the index of their creation; those of one moment in the order of their refs. */
const BY_AGE: Readonly<Record<Exclude<PasteOrder, 'largest'>, string>> = {
  oldest: 'created_at, ref',
  newest: 'created_at DESC, ref',
};

/** Pastes that one statement looks at: a few milliseconds, for which whoever reads from the same thread waits. */
const LOOKED_AT = 2000;

const bySize = (a: ListedPaste, b: ListedPaste): number => b.size - a.size || (a.ref < b.ref ? -1 : 1);

/**
 * The largest pastes. No index: it would cost every create, and an operator asks seldom. So all are looked at, a part
 * at a time with others' turns in between; what comes and goes meanwhile may be missing.
 */
async function largest(db: Db, limit: number): Promise<ListedPaste[]> {
  let found: ListedPaste[] = [];
  for (let after = 0; ; ) {
    const some = 'SELECT rowid AS place FROM pastes WHERE rowid > ? ORDER BY rowid LIMIT ?';
    const [end] = await db.batch(
      [{ sql: `SELECT max(place) AS place FROM (${some})`, args: [after, LOOKED_AT] }],
      'read',
    );
    const row = firstRow(end);
    if (row === undefined || row.isNull('place')) return found;
    const last = row.number('place');
    const sql = `SELECT ${COLUMNS} FROM pastes WHERE rowid > ? AND rowid <= ? ORDER BY size DESC, ref LIMIT ?`;
    const [these] = await db.batch([{ sql, args: [after, last, limit] }], 'read');
    found = [...found, ...allRows(these).map(listed)].sort(bySize).slice(0, limit);
    after = last;
  }
}

/** @see ListingStore */
export function listingStore(db: Db, notes: EventNotes): ListingStore {
  const list = async (sql: string, args: NonNullable<Statement['args']>) =>
    allRows((await db.batch([{ sql, args }], 'read'))[0]).map(listed);

  return {
    pastes: (after, limit) =>
      list(`SELECT ${COLUMNS} FROM pastes WHERE ref > ? ORDER BY ref LIMIT ?`, [after ?? '', limit]),

    topPastes: (order, limit) =>
      order === 'largest'
        ? largest(db, limit)
        : list(`SELECT ${COLUMNS} FROM pastes ORDER BY ${BY_AGE[order]} LIMIT ?`, [limit]),

    async removePaste(ref, audit) {
      const script = new Script();
      const due = decide(script, audit, sql`EXISTS (SELECT 1 FROM pastes WHERE ref = ${ref})`);
      for (const note of notes.of('paste.deleted', audit.at, sql`ref = ${ref} AND ${due}`))
        script.add('note', note.sql, note.args);
      script.step('delete', sql`DELETE FROM pastes WHERE ref = ${ref} AND ${due}`);
      return decided(await script.run(db));
    },

    async pasteStats(now, since) {
      const results = await db.batch(
        [
          { sql: `SELECT count, bytes, created, burning FROM totals WHERE room = 'pastes'` },
          { sql: 'SELECT count(*) AS n FROM pastes WHERE created_at > ?', args: [since] },
          { sql: 'SELECT count(*) AS n FROM pastes WHERE expires_at <= ?', args: [now] },
          { sql: 'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()' },
        ],
        'read',
      );
      const [totals, recent, expired, pages] = results.map((result) => firstRow(result));
      return {
        count: totals?.number('count') ?? 0,
        bytes: totals?.number('bytes') ?? 0,
        createdEver: totals?.number('created') ?? 0,
        burnPending: totals?.number('burning') ?? 0,
        createdSince: recent?.number('n') ?? 0,
        expiredPending: expired?.number('n') ?? 0,
        storageBytes: pages?.number('bytes') ?? 0,
      };
    },
  };
}
