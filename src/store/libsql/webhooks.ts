/** Events of pastes: written down in the batch of what they tell of, and taken from there to be delivered. */

import type { Db, ResultSet, Statement } from '../db.ts';
import type { WaitingWebhook, WebhookEvent, WebhookState, WebhookStore } from '../webhooks.ts';
import { isDue } from './clock.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { read, type Sql, sql, write } from './script.ts';

export interface EventNotes {
  wants(event: WebhookEvent): boolean;
  /**
   * The statements that write an event down for each paste that fits: none where nobody wants to know of it. They
   * stand in the batch of the event itself, before the pastes go or after they came.
   */
  of(event: WebhookEvent, at: number, pastes: Sql): readonly Statement[];
}

/** @param events those that somebody wants to know of */
export function eventNotes(events: ReadonlySet<WebhookEvent>): EventNotes {
  const of: EventNotes['of'] = (event, at, pastes) => {
    if (!events.has(event)) return [];
    const { text, args } = sql`INSERT INTO webhook_outbox (id, event, ref, size, created_at, expires_at, at)
      SELECT 'msg_' || lower(hex(randomblob(16))), ${event}, ref, size, created_at, expires_at, ${at}
      FROM pastes WHERE ${pastes}`;
    return [{ sql: text, args }];
  };
  return { wants: (event) => events.has(event), of };
}

function waitingOf(row: Row): WaitingWebhook {
  return {
    seq: row.number('seq'),
    id: row.text('id'),
    event: row.text('event') as WebhookEvent,
    at: row.number('at'),
    paste: {
      ref: row.text('ref'),
      size: row.number('size'),
      createdAt: row.number('created_at'),
      expiresAt: row.number('expires_at'),
    },
    attempts: row.number('attempts'),
  };
}

/** What {@link webhookState} reads. */
export const WEBHOOK_STATE = sql`SELECT waiting, delivered, failed, given_up, dropped, last_success_at,
  last_failure_at, last_failure, (SELECT at FROM webhook_outbox ORDER BY seq LIMIT 1) AS oldest_at
  FROM webhook_state`;

/** Reads what {@link WEBHOOK_STATE} answers. Throws TypeError without a row: a migration makes it. */
export function webhookState(result: ResultSet | undefined): WebhookState {
  const row = firstRow(result);
  if (row === undefined) throw new TypeError('the state of webhooks is missing');
  return {
    waiting: row.number('waiting'),
    oldestAt: row.optionalNumber('oldest_at'),
    delivered: row.number('delivered'),
    failed: row.number('failed'),
    givenUp: row.number('given_up'),
    dropped: row.number('dropped'),
    lastSuccessAt: row.optionalNumber('last_success_at'),
    lastFailureAt: row.optionalNumber('last_failure_at'),
    lastFailure: row.optionalText('last_failure'),
  };
}

/** Removes an event, and counts what became of it, if it is still there. */
async function settle(db: Db, seq: number, counted: Sql): Promise<void> {
  const there = sql`EXISTS (SELECT 1 FROM webhook_outbox WHERE seq = ${seq})`;
  const steps = [
    sql`UPDATE webhook_state SET ${counted} WHERE ${there}`,
    sql`DELETE FROM webhook_outbox WHERE seq = ${seq}`,
  ];
  await db.batch(
    steps.map(({ text, args }) => ({ sql: text, args })),
    'write',
  );
}

/** @see WebhookStore */
export function webhookStore(db: Db): WebhookStore {
  return {
    async announce(events) {
      const names = events.join(',');
      await write(db, sql`UPDATE webhook_state SET events = ${names} WHERE events <> ${names}`);
    },

    async announced() {
      const row = firstRow(await read(db, sql`SELECT events FROM webhook_state`));
      return (row?.text('events') ?? '').split(',').filter((name) => name !== '') as WebhookEvent[];
    },

    async due(now, max) {
      const due = await read(
        db,
        sql`SELECT seq, id, event, ref, size, created_at, expires_at, at, attempts FROM webhook_outbox
          WHERE due_at IS NOT NULL AND ${isDue('due_at', now)} ORDER BY due_at, seq LIMIT ${max}`,
      );
      return allRows(due).map(waitingOf);
    },

    async begin({ seq, attempts }, nextAt) {
      const begun = await write(
        db,
        sql`UPDATE webhook_outbox SET attempts = attempts + 1, due_at = ${nextAt}
          WHERE seq = ${seq} AND attempts = ${attempts}`,
      );
      return begun?.changes === 1;
    },

    delivered: (seq, now) => settle(db, seq, sql`delivered = delivered + 1, last_success_at = ${now}`),

    async putOff(seq, reason, now, dueAt) {
      const steps = [
        sql`UPDATE webhook_outbox SET due_at = ${dueAt} WHERE seq = ${seq}`,
        sql`UPDATE webhook_state SET failed = failed + 1, last_failure_at = ${now}, last_failure = ${reason}`,
      ];
      await db.batch(
        steps.map(({ text, args }) => ({ sql: text, args })),
        'write',
      );
    },

    giveUp: (seq, reason, now) =>
      settle(
        db,
        seq,
        sql`failed = failed + 1, given_up = given_up + 1, last_failure_at = ${now}, last_failure = ${reason}`,
      ),

    state: async () => webhookState(await read(db, WEBHOOK_STATE)),

    async sweep(before, max) {
      // The oldest come first; one whose clock ran ahead keeps those behind it for a while longer.
      const old = sql`(SELECT seq FROM (SELECT seq, at FROM webhook_outbox ORDER BY seq LIMIT ${max})
        WHERE at < ${before})`;
      const steps = [
        sql`UPDATE webhook_state SET given_up = given_up + (SELECT count(*) FROM ${old})
          WHERE (SELECT count(*) FROM ${old}) > 0`,
        sql`DELETE FROM webhook_outbox WHERE seq IN ${old}`,
      ];
      const [, swept] = await db.batch(
        steps.map(({ text, args }) => ({ sql: text, args })),
        'write',
      );
      return (swept?.changes ?? 0) < max;
    },
  };
}
