/**
 * What `/metrics` says, a row each: the server's own names come from here and from nowhere else, and so does
 * docs/metrics.md. The names that begin with `flaskpaste_` are the contract's; they stay as they are.
 */
import type { WorkName } from './work.ts';

export interface MetricRow {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** One sentence, for the scrape itself and for the documentation. */
  readonly help: string;
  /** What a label can be, by its name. No label ever holds an id, an address or a token. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Where the value comes from. `process`: since this process began, and 0 then. `database`: as it is kept there. */
  readonly from: 'process' | 'database' | 'machine';
}

const since = (help: string, labels?: MetricRow['labels']) =>
  ({ kind: 'counter', help, from: 'process', ...(labels && { labels }) }) as const;
const kept = (kind: 'counter' | 'gauge', help: string, labels?: MetricRow['labels']) =>
  ({ kind, help, from: 'database', ...(labels && { labels }) }) as const;

const WORK: Readonly<Record<WorkName, true>> = {
  sweep: true,
  log_upkeep: true,
  deletion: true,
  mail_outbox: true,
  webhooks: true,
  timestamping: true,
};
const WORK_LABEL = { work: Object.keys(WORK).join(', ') };

/** Upper bounds of the histogram's buckets, in seconds. The last ones are for large bodies on slow lines. */
export const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

export const METRICS = {
  flaskpaste_pastes_total: { kind: 'counter', help: 'Pastes that were ever created.', from: 'database' },
  flaskpaste_pastes_created: since('Pastes created.'),
  flaskpaste_pastes_deleted: since('Pastes deleted by their owners or the operator, or burned.'),
  flaskpaste_pastes_expired: since('Expired pastes removed.'),
  flaskpaste_storage_bytes: { kind: 'gauge', help: 'Bytes of all pastes.', from: 'database' },
  flaskpaste_request_duration_seconds: {
    kind: 'histogram',
    help: 'Requests answered, from their arrival to the last byte of the answer.',
    labels: {
      listener: 'main, admin',
      route: "the route's pattern, such as /{id}/raw; /{route} for everything that no route answers",
      method: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; OTHER for every other one',
      status: 'the status code',
    },
    from: 'process',
  },

  sallyport_build_info: {
    kind: 'gauge',
    help: 'Always 1; the version is in the label.',
    labels: { version: 'the version' },
    from: 'process',
  },
  sallyport_store_up: {
    kind: 'gauge',
    help: '1 when the database answered this scrape. While it is 0, everything from the database is absent.',
    from: 'process',
  },
  sallyport_pastes: kept('gauge', 'Pastes that are kept now, expired ones that were not swept yet included.'),
  sallyport_pastes_burned_total: since('Burn pastes that were read, and are gone.'),
  sallyport_paste_quota_bytes: {
    kind: 'gauge',
    help: 'SAFE_PASTE_STORAGE_QUOTA.',
    from: 'process',
  },
  sallyport_incidents: kept('gauge', 'Incidents that are not being deleted.', { status: 'open, closed' }),
  sallyport_deletions_pending: kept('gauge', 'Deletions of incidents that are not done yet.'),
  sallyport_deletions_failed: kept('gauge', 'Of these, those that failed and are tried again.'),
  sallyport_deletion_oldest_seconds: kept('gauge', 'How long the oldest of them has waited; 0 without one.'),
  sallyport_staged_bytes: kept('gauge', 'Bytes of uploads that are not finished.'),
  sallyport_staging_quota_bytes: {
    kind: 'gauge',
    help: 'SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES.',
    from: 'process',
  },
  sallyport_mail_outbox_length: kept('gauge', 'Mail that waits to be sent.'),
  sallyport_webhook_queue_length: kept('gauge', 'Events that wait to be taken by the receiver of webhooks.'),
  sallyport_webhook_oldest_seconds: kept('gauge', 'How long the oldest of them has waited; 0 without one.'),
  sallyport_webhook_delivered_total: kept('counter', 'Events that the receiver has taken.'),
  sallyport_webhook_failures_total: kept('counter', 'Attempts to deliver one that failed.'),
  sallyport_webhook_given_up_total: kept('counter', 'Events that were given up after a day.'),
  sallyport_webhook_dropped_total: kept('counter', 'Events that found the queue full.'),
  sallyport_webhook_reads_unnoted_total: since(
    'Reads that could not be written down for webhooks and were served all the same.',
  ),
  sallyport_database_bytes: kept('gauge', 'The whole database, as its engine counts pages.'),
  sallyport_wal_bytes: {
    kind: 'gauge',
    help: 'The write-ahead log beside a database file. It is emptied at pauses; a large one means that something reads for long.',
    from: 'machine',
  },
  sallyport_disk_free_bytes: {
    kind: 'gauge',
    help: 'What the disk under a database file has left.',
    from: 'machine',
  },
  sallyport_work_last_success_timestamp_seconds: {
    kind: 'gauge',
    help: 'When a round of the work last ended well in this process. Work that another process does is absent.',
    labels: WORK_LABEL,
    from: 'process',
  },
  sallyport_work_failures_total: since('Rounds of the work that failed.', WORK_LABEL),
} as const satisfies Readonly<Record<string, MetricRow>>;

type Table = typeof METRICS;

/** Rows that hold one value a set of labels. */
export type MetricName = {
  [Name in keyof Table]: Table[Name]['kind'] extends 'histogram' ? never : Name;
}[keyof Table];
/** Counters of this process, which are only ever added to. */
export type CounterName = {
  [Name in keyof Table]: Table[Name] extends { readonly kind: 'counter'; readonly from: 'process' }
    ? Name
    : never;
}[keyof Table];
