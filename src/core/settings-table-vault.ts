/** The settings table: what is kept, and for how long. */
import { may, secret, set } from './settings-entry.ts';
import * as kinds from './settings-kinds.ts';

export const PASTES = {
  SAFE_PASTE_CREATE: set(
    'paste.create',
    kinds.oneOf(['anyone', 'identified']),
    'anyone',
    'Who may create pastes: anyone, or holders of a client certificate.',
    { example: 'identified' },
  ),
  SAFE_PASTE_MAX_BYTES_ANONYMOUS: set(
    'paste.max_bytes_anonymous',
    kinds.bytes,
    '3MiB',
    'The largest paste of somebody without a certificate.',
  ),
  SAFE_PASTE_MAX_BYTES_IDENTIFIED: set(
    'paste.max_bytes_identified',
    kinds.bytes,
    '50MiB',
    'The largest paste of somebody with one.',
  ),
  SAFE_PASTE_DEFAULT_EXPIRY: set(
    'paste.default_expiry',
    kinds.expirySeconds,
    '5d',
    'How long a paste lives when `X-Expiry` is absent.',
  ),
  SAFE_PASTE_MAX_EXPIRY: set(
    'paste.max_expiry',
    kinds.expirySeconds,
    '30d',
    'How long a paste lives at most; longer wishes are capped.',
    {
      example: '30d',
    },
  ),
  SAFE_PASTE_STORAGE_QUOTA: set('paste.storage_quota', kinds.bytes, '10GB', 'All pastes together.', {
    example: '10GB',
  }),
  SAFE_PASTE_MIN_ENTROPY: set(
    'paste.min_entropy',
    kinds.decimal(0, 8, '7.2'),
    '0',
    'Bits a byte that a paste must measure, so that only sealed ones are kept. A heuristic: compressed files (gzip, images) pass. 0 is off, 7.2 recommended.',
  ),
  SAFE_PASTE_POW_DIFFICULTY: set(
    'paste.pow_difficulty',
    kinds.integer(0, 32, '20'),
    '0',
    'Leading zero bits of the proof of work that an anonymous create needs. 0 is off; each bit doubles the work.',
  ),
  SAFE_PASTE_DEDUP_MAX: set(
    'paste.dedup_max',
    kinds.integer(0, 1_000_000, '3'),
    '3',
    'How often the same bytes may be created in a window; whoever guesses all bytes of a plain paste can learn from it that they were stored. 0 is off.',
  ),
  SAFE_PASTE_DEDUP_WINDOW: set('paste.dedup_window', kinds.duration, '1h', 'That window.', { example: '1h' }),
  SAFE_SWEEP_INTERVAL: set(
    'paste.sweep_interval',
    kinds.positiveTimer,
    '1m',
    'How often expired pastes are removed.',
  ),
  SAFE_WEBHOOK_URL: may('webhook.url', kinds.url, 'Where events of pastes are sent.', {
    absent: 'nothing is sent',
    example: 'https://hooks.example.org/sallyport',
    guarded: true,
  }),
  SAFE_WEBHOOK_SECRET: secret(
    'webhook.secret',
    kinds.webhookSecrets,
    'Signs them (Standard Webhooks). Required with a URL.',
  ),
  SAFE_WEBHOOK_EVENTS: set(
    'webhook.events',
    kinds.someOf(['paste.created', 'paste.read', 'paste.burned', 'paste.expired', 'paste.deleted']),
    'paste.created,paste.read,paste.burned,paste.expired,paste.deleted',
    'Which events.',
  ),
  SAFE_WEBHOOK_ALLOW_PRIVATE: set(
    'webhook.allow_private',
    kinds.flag,
    'false',
    'Lets the URL lead to private, link-local and loopback addresses.',
  ),
};

export const EVIDENCE = {
  SAFE_MAX_UPLOAD_BYTES: set(
    'uploads.max_upload_bytes',
    kinds.bytes,
    '250MB',
    'The largest evidence chunk.',
    { example: '250MB' },
  ),
  SAFE_ACCOUNT_DEFAULT_BLOB_QUOTA_BYTES: set(
    'uploads.account_default_blob_quota_bytes',
    kinds.bytes,
    '10GB',
    'Evidence of one account.',
    {
      example: '10GB',
    },
  ),
  SAFE_INCIDENT_MAX_STREAMS: set(
    'uploads.incident_max_streams',
    kinds.integer(1, 1_000_000, '10000'),
    '10000',
    'Streams of one incident, whatever became of them. Viewers are told of all of them each time.',
  ),
  SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES: set(
    'uploads.temp_upload_staging_quota_bytes',
    kinds.bytes,
    '1GB',
    'All uploads that are not finished.',
    {
      example: '1GB',
    },
  ),
  SAFE_TEMP_UPLOAD_CLEANUP_AGE: set(
    'uploads.temp_upload_cleanup_age',
    kinds.duration,
    '0',
    'Removes older temporary files at start. 0 is off.',
    {
      example: '24h',
    },
  ),
  SAFE_TEMP_UPLOAD_CLEANUP_DRY_RUN: set(
    'uploads.temp_upload_cleanup_dry_run',
    kinds.flag,
    'false',
    'Only counts them.',
  ),
  SAFE_DEFAULT_INCIDENT_TOKEN_TTL: set(
    'auth.default_incident_token_ttl',
    kinds.duration,
    '24h',
    'How long a viewer link lives. 0 is for ever.',
    {
      example: '24h',
    },
  ),
  SAFE_TIMESTAMP_URL: may(
    'uploads.timestamp_url',
    kinds.url,
    'The RFC 3161 authority that timestamps checkpoints.',
    {
      absent: 'no timestamps',
      example: 'https://tsa.example.org/tsr',
      guarded: true,
    },
  ),
  SAFE_DELETION_WORKER_INTERVAL: set(
    'retention.deletion_worker_interval',
    kinds.timer,
    '1m',
    'How often deletions are carried out. 0 is off.',
  ),
  SAFE_CLOSED_INCIDENT_RETENTION: set(
    'retention.closed_incident_retention',
    kinds.duration,
    '0',
    'Deletes closed incidents that are older. 0 keeps them.',
  ),
  SAFE_TOKEN_METADATA_RETENTION: set(
    'retention.token_metadata_retention',
    kinds.duration,
    '0',
    'Forgets viewer links that ended longer ago. 0 keeps them.',
  ),
  SAFE_DELETION_TOMBSTONE_RETENTION: set(
    'retention.deletion_tombstone_retention',
    kinds.duration,
    '0',
    'Forgets deletions that ended longer ago. 0 keeps them.',
  ),
};
