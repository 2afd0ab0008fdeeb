/** Which secret key the database belongs to, and the change to another one. */
import type { Db } from '../db.ts';
import type { SecretKeyStore } from '../secret-key.ts';
import { decide, decided, refuse } from './audit.ts';
import { firstRow } from './rows.ts';
import { all, read, Script, sql } from './script.ts';

const hexOf = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** @see SecretKeyStore */
export function secretKeyStore(db: Db): SecretKeyStore {
  return {
    async kept() {
      return firstRow(await read(db, sql`SELECT check_value FROM secret_key`))?.text('check_value');
    },

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

    async change({ from, to, seeds, mails, audit }) {
      const list = JSON.stringify(
        seeds.map(({ factorId, was, becomes }) => ({
          id: factorId,
          was: hexOf(was),
          becomes: hexOf(becomes),
        })),
      );
      // The list is one argument, so that whether all of it still holds is decided in one statement.
      const given = sql`(SELECT value ->> 'id' AS id, value ->> 'was' AS was, value ->> 'becomes' AS becomes
        FROM json_each(${list}))`;
      const script = new Script();
      const due = decide(
        script,
        audit,
        all(
          sql`EXISTS (SELECT 1 FROM secret_key WHERE check_value = ${from})`,
          sql`(SELECT count(*) FROM factors WHERE method = 'totp') = ${seeds.length}`,
          sql`(SELECT count(*) FROM ${given} AS g JOIN factors AS f ON f.id = g.id
            WHERE f.method = 'totp' AND f.sealed_secret = unhex(g.was)) = ${seeds.length}`,
        ),
      );
      script.step(
        'seeds',
        sql`UPDATE factors SET sealed_secret = unhex(g.becomes) FROM ${given} AS g
          WHERE factors.id = g.id AND ${due}`,
      );
      const waiting = JSON.stringify(
        mails.map(({ id, was, becomes }) => ({ id, was: hexOf(was), becomes: hexOf(becomes) })),
      );
      const sealedAnew = sql`(SELECT value ->> 'id' AS id, value ->> 'was' AS was, value ->> 'becomes' AS becomes
        FROM json_each(${waiting}))`;
      script.step(
        'lost mails',
        sql`DELETE FROM mail_outbox WHERE ${due} AND id NOT IN (SELECT id FROM ${sealedAnew})`,
      );
      script.step(
        'mails',
        sql`UPDATE mail_outbox SET sealed = unhex(g.becomes) FROM ${sealedAnew} AS g
          WHERE mail_outbox.id = g.id AND mail_outbox.sealed = unhex(g.was) AND ${due}`,
      );
      script.step('replays', sql`DELETE FROM paste_replays WHERE ${due}`);
      script.step('key', sql`UPDATE secret_key SET check_value = ${to} WHERE ${due}`);
      refuse(script, audit, 'conflict');
      return decided(await script.run(db));
    },
  };
}
