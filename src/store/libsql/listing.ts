/** Listings for the operator. */
import type { Db, Statement } from '../db.ts';
import type { ListedPaste, ListingStore, PasteOrder } from '../listing.ts';
import { decide, decided } from './audit.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { Script, sql } from './script.ts';
import type { EventNotes } from './webhooks.ts';

const COLUMNS = 'ref, size, mime_type, sealed, burn, access_kind, owner, created_at, expires_at';

function listed(row: Row): ListedPaste {
  const owner = row.optionalText('owner');
  return {
    ref: row.text('ref'),
    size: row.number('size'),
    mimeType: row.text('mime_type'),
    sealed: row.flag('sealed'),
    burn: row.flag('burn'),
    protected: !row.isNull('access_kind'),
    ...(owner !== undefined && { owner }),
    createdAt: row.number('created_at'),
    expiresAt: row.number('expires_at'),
  };
}

// No index: an operator asks seldom, and an index would cost every create.
const ORDER: Readonly<Record<PasteOrder, string>> = {
  largest: 'size DESC, ref',
  oldest: 'created_at, ref',
  newest: 'created_at DESC, ref',
};

/** @see ListingStore */
export function listingStore(db: Db, notes: EventNotes): ListingStore {
  const list = async (sql: string, args: NonNullable<Statement['args']>) =>
    allRows((await db.batch([{ sql, args }], 'read'))[0]).map(listed);

  return {
    pastes: (after, limit) =>
      list(`SELECT ${COLUMNS} FROM pastes WHERE ref > ? ORDER BY ref LIMIT ?`, [after ?? '', limit]),

    topPastes: (order, limit) =>
      list(`SELECT ${COLUMNS} FROM pastes ORDER BY ${ORDER[order]} LIMIT ?`, [limit]),

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
          { sql: `SELECT count, bytes, created FROM totals WHERE room = 'pastes'` },
          {
            sql: `SELECT coalesce(sum(burn), 0) AS burns, coalesce(sum(created_at > ?), 0) AS recent FROM pastes`,
            args: [since],
          },
          { sql: 'SELECT count(*) AS n FROM pastes WHERE expires_at <= ?', args: [now] },
          { sql: 'SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()' },
        ],
        'read',
      );
      const [totals, flags, expired, pages] = results.map((result) => firstRow(result));
      return {
        count: totals?.number('count') ?? 0,
        bytes: totals?.number('bytes') ?? 0,
        createdEver: totals?.number('created') ?? 0,
        burnPending: flags?.number('burns') ?? 0,
        createdSince: flags?.number('recent') ?? 0,
        expiredPending: expired?.number('n') ?? 0,
        storageBytes: pages?.number('bytes') ?? 0,
      };
    },
  };
}
