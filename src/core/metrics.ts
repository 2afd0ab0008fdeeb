/** What is measured, for whoever asks with the token: counted as it happens, and looked up when it is asked for. */
import type { Vitals } from '../store/vitals.ts';
import type { Deps, Metrics } from './deps.ts';
import { errorFields } from './faults.ts';
import type { MetricName } from './metrics-table.ts';
import { VERSION } from './version.ts';

/** The route of everything that no route answers: unknown paths must not become series of their own. */
export const UNKNOWN_ROUTE = '/{route}';
/** The method of everything that is none of HTTP's usual ones. */
export const OTHER_METHOD = 'OTHER';

/** Measures nothing: where no token is set, and at the edge, whose isolates nobody could scrape. */
export const noMetrics: Metrics = {
  clock: () => 0,
  observe() {},
  add() {},
  set() {},
  render: async () => '',
};

type FromStore = (vitals: Vitals, now: number) => number;

const seconds = (from: number | undefined, now: number) =>
  from === undefined ? 0 : Math.max(0, (now - from) / 1000);

/** Everything that one look at the database tells. */
const FROM_STORE: readonly (readonly [MetricName, FromStore])[] = [
  ['flaskpaste_pastes_total', ({ pastes }) => pastes.createdEver],
  ['flaskpaste_storage_bytes', ({ pastes }) => pastes.bytes],
  ['sallyport_pastes', ({ pastes }) => pastes.count],
  ['sallyport_deletions_pending', ({ deletions }) => deletions.pending],
  ['sallyport_deletions_failed', ({ deletions }) => deletions.failed],
  ['sallyport_deletion_oldest_seconds', ({ deletions }, now) => seconds(deletions.oldestAt, now)],
  ['sallyport_staged_bytes', ({ stagedBytes }) => stagedBytes],
  ['sallyport_mail_outbox_length', ({ mailOutbox }) => mailOutbox],
  ['sallyport_webhook_queue_length', ({ webhooks }) => webhooks.waiting],
  ['sallyport_webhook_oldest_seconds', ({ webhooks }, now) => seconds(webhooks.oldestAt, now)],
  ['sallyport_webhook_delivered_total', ({ webhooks }) => webhooks.delivered],
  ['sallyport_webhook_failures_total', ({ webhooks }) => webhooks.failed],
  ['sallyport_webhook_given_up_total', ({ webhooks }) => webhooks.givenUp],
  ['sallyport_webhook_dropped_total', ({ webhooks }) => webhooks.dropped],
  ['sallyport_database_bytes', ({ databaseBytes }) => databaseBytes],
];

/**
 * The answer to a scrape, in the text format of Prometheus 0.0.4. It is answered also when the database is not: then
 * `sallyport_store_up` is 0 and what comes from there is absent, so that nothing old is taken for new.
 */
export async function scrape(
  deps: Pick<Deps, 'store' | 'metrics' | 'settings' | 'now' | 'log' | 'diskFree'>,
): Promise<string> {
  const { metrics, settings } = deps;
  let vitals: Vitals | undefined;
  try {
    vitals = await deps.store.vitals();
  } catch (thrown) {
    deps.log.write('error', 'the database could not be measured', errorFields(thrown));
  }
  const now = deps.now();
  for (const [name, value] of FROM_STORE) metrics.set(name, vitals && value(vitals, now));
  for (const status of ['open', 'closed'] as const)
    metrics.set('sallyport_incidents', vitals?.incidents[status], { status });
  metrics.set('sallyport_store_up', vitals === undefined ? 0 : 1);
  metrics.set('sallyport_build_info', 1, { version: VERSION });
  metrics.set('sallyport_paste_quota_bytes', settings.paste.storageQuotaBytes);
  metrics.set('sallyport_staging_quota_bytes', settings.uploads.stagingQuotaBytes);
  metrics.set('sallyport_disk_free_bytes', await deps.diskFree?.());
  return metrics.render();
}
