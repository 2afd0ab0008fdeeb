/** Sums of the whole database, read at one moment. */
import type { Db } from '../db.ts';
import type { Vitals } from '../vitals.ts';
import { allRows, firstRow } from './rows.ts';
import { Script, sql } from './script.ts';
import { WEBHOOK_STATE, webhookState } from './webhooks.ts';

/** @see Vitals */
export async function vitals(db: Db): Promise<Vitals> {
  const script = new Script();
  script.step('pastes', sql`SELECT count, bytes, created FROM totals WHERE room = 'pastes'`);
  script.step(
    'incidents',
    sql`SELECT status, count(*) AS n FROM incidents WHERE deletion_state = 'active' GROUP BY status`,
  );
  script.step(
    'deletions',
    sql`SELECT count(*) AS n, coalesce(sum(state = 'deletion_failed'), 0) AS failed,
      min(requested_at) AS oldest FROM deletions WHERE state <> 'deleted'`,
  );
  script.step('staged', sql`SELECT coalesce(sum(bytes), 0) AS bytes FROM loose_blobs WHERE state = 'staged'`);
  script.step('mail', sql`SELECT count(*) AS n FROM mail_outbox`);
  script.step('webhooks', WEBHOOK_STATE);
  script.step(
    'pages',
    sql`SELECT page_count * page_size AS bytes FROM pragma_page_count(), pragma_page_size()`,
  );
  const answer = await script.run(db, 'read');
  const [totals, deletions] = [firstRow(answer('pastes')), firstRow(answer('deletions'))];
  const incidents = new Map(
    allRows(answer('incidents')).map((row) => [row.text('status'), row.number('n')] as const),
  );
  return {
    pastes: {
      count: totals?.number('count') ?? 0,
      bytes: totals?.number('bytes') ?? 0,
      createdEver: totals?.number('created') ?? 0,
    },
    incidents: { open: incidents.get('open') ?? 0, closed: incidents.get('closed') ?? 0 },
    deletions: {
      pending: deletions?.number('n') ?? 0,
      failed: deletions?.number('failed') ?? 0,
      oldestAt: deletions?.optionalNumber('oldest'),
    },
    stagedBytes: firstRow(answer('staged'))?.number('bytes') ?? 0,
    mailOutbox: firstRow(answer('mail'))?.number('n') ?? 0,
    webhooks: webhookState(answer('webhooks')),
    databaseBytes: firstRow(answer('pages'))?.number('bytes') ?? 0,
  };
}
