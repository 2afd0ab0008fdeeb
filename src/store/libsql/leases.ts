/** Leases: who does what only one process should do at a time. */
import type { LeaseStore } from '../coordination.ts';
import type { Db } from '../db.ts';
import { firstRow } from './rows.ts';
import { sql, write } from './script.ts';

/** @see LeaseStore */
export function leaseStore(db: Db): LeaseStore {
  return {
    async take(name, owner, now, ttlMs) {
      const taken = await write(
        db,
        // What ends later than any lease of this length could is left from before a clock was set back.
        sql`INSERT INTO leases (name, owner, expires_at) VALUES (${name}, ${owner}, ${now + ttlMs})
          ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at
          WHERE owner = excluded.owner OR expires_at <= ${now} OR expires_at > ${now + 2 * ttlMs}
          RETURNING owner`,
      );
      return firstRow(taken) !== undefined;
    },

    async release(name, owner) {
      await write(db, sql`DELETE FROM leases WHERE name = ${name} AND owner = ${owner}`);
    },
  };
}
