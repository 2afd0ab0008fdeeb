/** Which secret key the database belongs to, and the change to another one. */
import type { Db } from '../db.ts';
import type { SecretKeyStore } from '../secret-key.ts';
import { decide, decided } from './audit.ts';
import { allRows, firstRow } from './rows.ts';
import { all, read, Script, type Sql, sql } from './script.ts';

/** @see SecretKeyStore */
export function secretKeyStore(db: Db): SecretKeyStore {
  return {
    async settle(check) {
      const script = new Script();
      script.step(
        'settle',
        sql`INSERT INTO secret_key (one, check_value) VALUES (1, ${check}) ON CONFLICT DO NOTHING`,
      );
      script.step('kept', sql`SELECT check_value FROM secret_key`);
      const answer = await script.run(db);
      return firstRow(answer('kept'))?.text('check_value') ?? '';
    },

    async seeds() {
      const rows = await read(
        db,
        sql`SELECT id, account_id, sealed_secret FROM factors WHERE method = 'totp'`,
      );
      return allRows(rows).map((row) => ({
        factorId: row.text('id'),
        accountId: row.text('account_id'),
        sealed: row.bytes('sealed_secret'),
      }));
    },

    async change({ from, to, seeds, audit }) {
      const same = seeds.map(
        ({ factorId, sealed }): Sql =>
          sql`EXISTS (SELECT 1 FROM factors WHERE id = ${factorId} AND sealed_secret = ${sealed})`,
      );
      const script = new Script();
      const due = decide(
        script,
        audit,
        all(
          sql`EXISTS (SELECT 1 FROM secret_key WHERE check_value = ${from})`,
          sql`(SELECT count(*) FROM factors WHERE method = 'totp') = ${seeds.length}`,
          ...same,
        ),
      );
      for (const { factorId, resealed } of seeds) {
        script.step(
          factorId,
          sql`UPDATE factors SET sealed_secret = ${resealed} WHERE id = ${factorId} AND ${due}`,
        );
      }
      script.step('replays', sql`DELETE FROM paste_replays WHERE ${due}`);
      script.step('key', sql`UPDATE secret_key SET check_value = ${to} WHERE ${due}`);
      return decided(await script.run(db));
    },
  };
}
