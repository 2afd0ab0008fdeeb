/** Mail that waits for the process that sends it. Sealed: nothing of a message is readable here. */

import type { MailToKeep, OutboxStore } from '../coordination.ts';
import type { Db } from '../db.ts';
import { isDue } from './clock.ts';
import { allRows } from './rows.ts';
import { read, type Sql, sql, write } from './script.ts';

/** Keeps a message if `condition` holds and there is room. */
export const keepMail = ({ mail, most }: MailToKeep, condition: Sql): Sql =>
  sql`INSERT INTO mail_outbox (id, sealed, created_at, due_at, attempts)
    SELECT ${mail.id}, ${mail.sealed}, ${mail.createdAt}, ${mail.dueAt}, 0
    WHERE ${condition} AND (SELECT count(*) FROM mail_outbox) < ${most}`;

/** @see OutboxStore */
export function outboxStore(db: Db): OutboxStore {
  return {
    async add(mail, most) {
      const added = await write(db, keepMail({ mail, most }, sql`true`));
      return added?.changes === 1;
    },

    async due(now, max) {
      const due = await read(
        db,
        sql`SELECT id, sealed, created_at, due_at, attempts FROM mail_outbox WHERE ${isDue('due_at', now)}
          ORDER BY due_at, id LIMIT ${max}`,
      );
      return allRows(due).map((row) => ({
        id: row.text('id'),
        sealed: row.bytes('sealed'),
        createdAt: row.number('created_at'),
        dueAt: row.number('due_at'),
        attempts: row.number('attempts'),
      }));
    },

    async begin({ id, attempts }, nextAt) {
      const begun = await write(
        db,
        sql`UPDATE mail_outbox SET attempts = attempts + 1, due_at = ${nextAt}
          WHERE id = ${id} AND attempts = ${attempts}`,
      );
      return begun?.changes === 1;
    },

    async putOff({ id, attempts }, until) {
      await write(
        db,
        sql`UPDATE mail_outbox SET due_at = ${until} WHERE id = ${id} AND attempts = ${attempts}`,
      );
    },

    async remove(id) {
      await write(db, sql`DELETE FROM mail_outbox WHERE id = ${id}`);
    },

    async sweep(before, max) {
      const swept = await write(
        db,
        sql`DELETE FROM mail_outbox WHERE id IN
          (SELECT id FROM mail_outbox WHERE created_at < ${before} ORDER BY created_at LIMIT ${max})`,
      );
      return (swept?.changes ?? 0) < max;
    },
  };
}
