/** Request counts in the database: one round trip a request, whichever process it came to. */
import type { LimitStore } from '../coordination.ts';
import type { Db } from '../db.ts';
import { firstRow } from './rows.ts';
import { Script, sql, write } from './script.ts';

/** How many refused peers are remembered, so that a flood from one of them is no load for the database. */
const REMEMBERED = 4096;

/** @see LimitStore */
export function limitStore(db: Db): LimitStore {
  const refused = rememberedRefusals(REMEMBERED);
  return {
    async hit(key, limit, windowMs, now) {
      if (limit <= 0) return undefined;
      const known = refused.until(key, windowMs, now);
      if (known !== undefined) return known;
      // A window that ends much later than one length from now is left from before a clock was set back.
      const ended = sql`(ends_at <= ${now} OR ends_at > ${now + 2 * windowMs})`;
      const script = new Script();
      script.step(
        'count',
        sql`INSERT INTO rate_limits (key, hits, ends_at) VALUES (${key}, 1, ${now + windowMs})
          ON CONFLICT (key) DO UPDATE SET
            hits = iif(${ended}, 1, hits + 1),
            ends_at = iif(${ended}, excluded.ends_at, ends_at)
          WHERE hits < ${limit} OR ${ended}
          RETURNING hits`,
      );
      script.step('window', sql`SELECT ends_at FROM rate_limits WHERE key = ${key}`);
      const answer = await script.run(db);
      if (firstRow(answer('count')) !== undefined) return undefined;
      const endsAt = firstRow(answer('window'))?.number('ends_at') ?? now + windowMs;
      refused.remember(key, endsAt);
      return endsAt;
    },

    async sweep(now, max) {
      const swept = await write(
        db,
        sql`DELETE FROM rate_limits WHERE key IN
          (SELECT key FROM rate_limits WHERE ends_at <= ${now} ORDER BY ends_at LIMIT ${max})`,
      );
      return (swept?.changes ?? 0) < max;
    },
  };
}

/** Windows that are known to be full. Two generations, the older forgotten. */
function rememberedRefusals(most: number) {
  let newer = new Map<string, number>();
  let older = new Map<string, number>();
  return {
    until(key: string, windowMs: number, now: number): number | undefined {
      const endsAt = newer.get(key) ?? older.get(key);
      return endsAt !== undefined && endsAt > now && endsAt <= now + 2 * windowMs ? endsAt : undefined;
    },
    remember(key: string, endsAt: number): void {
      if (newer.size >= most) {
        older = newer;
        newer = new Map();
      }
      newer.set(key, endsAt);
    },
  };
}
