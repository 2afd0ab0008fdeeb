/** From the flat table of values to the nested settings. Total: the rules have been checked before. */
import type { S3Place } from '../store/s3-place.ts';
import { fileDatabase } from './settings-kinds.ts';
import type { Values } from './settings-table.ts';
import type {
  BlobSettings,
  BootstrapSettings,
  CoordinationSettings,
  DatabaseSettings,
  EmailSettings,
  LimitSettings,
  Settings,
  TlsFiles,
  WebhookSettings,
} from './settings-types.ts';

/** @returns everything but `inForce`, which tells where the values came from. */
export function assemble(v: Values): Omit<Settings, 'inForce'> {
  return {
    logLevel: v.SAFE_LOG_LEVEL,
    slowRequestMs: v.SAFE_SLOW_REQUEST,
    main: {
      addresses: v.SAFE_MAIN_BIND_ADDRS,
      tls: tlsFiles(v.SAFE_TLS_CERT_FILE, v.SAFE_TLS_KEY_FILE, v.SAFE_TLS_CLIENT_CA_FILE),
    },
    admin: {
      addresses: v.SAFE_ADMIN_BIND_ADDRS,
      tls: tlsFiles(v.SAFE_ADMIN_TLS_CERT_FILE, v.SAFE_ADMIN_TLS_KEY_FILE, v.SAFE_ADMIN_TLS_CLIENT_CA_FILE),
    },
    dataDir: v.SAFE_DATA_DIR,
    secretKey: v.SAFE_SECRET_KEY,
    database: database(v),
    blobs: blobs(v),
    coordination: coordination(v),
    uploads: {
      maxBytes: v.SAFE_MAX_UPLOAD_BYTES,
      accountQuotaBytes: v.SAFE_ACCOUNT_DEFAULT_BLOB_QUOTA_BYTES,
      streamsPerIncident: v.SAFE_INCIDENT_MAX_STREAMS,
      stagingQuotaBytes: v.SAFE_TEMP_UPLOAD_STAGING_QUOTA_BYTES,
      coordinationLeaseTtlMs: v.SAFE_UPLOAD_COORDINATION_LEASE_TTL,
      cleanupAgeMs: v.SAFE_TEMP_UPLOAD_CLEANUP_AGE,
      cleanupDryRun: v.SAFE_TEMP_UPLOAD_CLEANUP_DRY_RUN,
    },
    auth: {
      bootstrap: bootstrap(v.SAFE_AUTH_BOOTSTRAP_SECRET),
      sessionTtlMs: v.SAFE_SESSION_TTL,
      sessionIdleMs: {
        bearer: v.SAFE_SESSION_IDLE,
        web: v.SAFE_WEB_SESSION_IDLE,
        admin_web: v.SAFE_ADMIN_SESSION_IDLE,
      },
      emailChallengeTtlMs: v.SAFE_SECOND_FACTOR_EMAIL_CHALLENGE_TTL,
      incidentTokenTtlMs: v.SAFE_DEFAULT_INCIDENT_TOKEN_TTL,
      passwords: { listFile: v.SAFE_PASSWORD_LIST, words: v.SAFE_PASSWORD_WORDS },
    },
    registration: {
      mode: v.SAFE_ACCOUNT_REGISTRATION_MODE,
      emailVerificationTtlMs: v.SAFE_EMAIL_VERIFICATION_TTL,
      publicWebOrigin: v.SAFE_PUBLIC_WEB_ORIGIN,
    },
    email: email(v),
    web: {
      enabled: v.SAFE_WEB_AUTH_ENABLED,
      allowedOrigins: v.SAFE_WEB_ALLOWED_ORIGINS ?? [],
      cookie: {
        name: v.SAFE_WEB_SESSION_COOKIE_NAME,
        secure: v.SAFE_WEB_SESSION_COOKIE_SECURE,
        sameSite: v.SAFE_WEB_SESSION_COOKIE_SAMESITE,
      },
      csrfHeader: v.SAFE_WEB_CSRF_HEADER_NAME,
    },
    webauthn: {
      enabled: v.SAFE_WEBAUTHN_ENABLED,
      rpId: v.SAFE_WEBAUTHN_RP_ID,
      rpDisplayName: v.SAFE_WEBAUTHN_RP_DISPLAY_NAME,
      allowedOrigins: v.SAFE_WEBAUTHN_ALLOWED_ORIGINS ?? [],
      userVerification: v.SAFE_WEBAUTHN_USER_VERIFICATION,
      challengeTtlMs: v.SAFE_WEBAUTHN_CHALLENGE_TTL,
    },
    retention: {
      deletionIntervalMs: v.SAFE_DELETION_WORKER_INTERVAL,
      closedIncidentMs: v.SAFE_CLOSED_INCIDENT_RETENTION,
      tokenMetadataMs: v.SAFE_TOKEN_METADATA_RETENTION,
      deletionTombstoneMs: v.SAFE_DELETION_TOMBSTONE_RETENTION,
    },
    paste: {
      create: v.SAFE_PASTE_CREATE,
      maxBytesAnonymous: v.SAFE_PASTE_MAX_BYTES_ANONYMOUS,
      maxBytesIdentified: v.SAFE_PASTE_MAX_BYTES_IDENTIFIED,
      defaultExpirySeconds: v.SAFE_PASTE_DEFAULT_EXPIRY,
      maxExpirySeconds: v.SAFE_PASTE_MAX_EXPIRY,
      minEntropy: v.SAFE_PASTE_MIN_ENTROPY,
      powDifficulty: v.SAFE_PASTE_POW_DIFFICULTY,
      dedupMax: v.SAFE_PASTE_DEDUP_MAX,
      dedupWindowMs: v.SAFE_PASTE_DEDUP_WINDOW,
      storageQuotaBytes: v.SAFE_PASTE_STORAGE_QUOTA,
    },
    sweepIntervalMs: v.SAFE_SWEEP_INTERVAL,
    urlPrefix: v.SAFE_URL_PREFIX,
    publicOrigin: v.SAFE_PUBLIC_ORIGIN,
    proxySecret: v.SAFE_PROXY_SECRET,
    trustedProxies: v.SAFE_TRUSTED_PROXIES ?? [],
    metricsToken: v.SAFE_METRICS_TOKEN,
    adminHosts: v.SAFE_ADMIN_HOSTS ?? [],
    webhook: webhook(v),
    timestampUrl: v.SAFE_TIMESTAMP_URL,
    legacyViewerAliases: v.SAFE_LEGACY_VIEWER_ALIASES,
    limits: limits(v),
    http: {
      main: {
        readHeaderMs: v.SAFE_MAIN_READ_HEADER_TIMEOUT,
        readMs: v.SAFE_MAIN_READ_TIMEOUT,
        writeMs: v.SAFE_MAIN_WRITE_TIMEOUT,
        idleMs: v.SAFE_MAIN_IDLE_TIMEOUT,
      },
      admin: {
        readHeaderMs: v.SAFE_ADMIN_READ_HEADER_TIMEOUT,
        readMs: v.SAFE_ADMIN_READ_TIMEOUT,
        writeMs: v.SAFE_ADMIN_WRITE_TIMEOUT,
        idleMs: v.SAFE_ADMIN_IDLE_TIMEOUT,
      },
    },
    connections: {
      main: { max: v.SAFE_MAIN_MAX_CONNECTIONS, perPeer: v.SAFE_MAIN_MAX_CONNECTIONS_PER_PEER },
      admin: { max: v.SAFE_ADMIN_MAX_CONNECTIONS, perPeer: v.SAFE_ADMIN_MAX_CONNECTIONS_PER_PEER },
    },
  };
}

function tlsFiles(
  certFile: string | undefined,
  keyFile: string | undefined,
  clientCaFile: string | undefined,
): TlsFiles | undefined {
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile, clientCaFile };
}

function database(v: Values): DatabaseSettings {
  const { kind, url, path } =
    v.SAFE_DATABASE_URL ?? fileDatabase(`${v.SAFE_DATA_DIR.replace(/\/+$/, '')}/sallyport.db`);
  return kind === 'file'
    ? { kind, url, path, encryptionKey: v.SAFE_DATABASE_ENCRYPTION_KEY }
    : { kind, url, authToken: v.SAFE_DATABASE_AUTH_TOKEN, timeoutMs: v.SAFE_DATABASE_TIMEOUT };
}

function blobs(v: Values): BlobSettings {
  const backend = v.SAFE_BLOB_BACKEND;
  const prefix = v.SAFE_S3_PREFIX;
  if (backend === 's3') return { backend, s3: s3(v), prefix };
  return { backend, s3: v.SAFE_S3_ENDPOINT === undefined ? undefined : s3(v), prefix };
}

function s3(v: Values): S3Place {
  return {
    // The rules have made sure of those that are required.
    endpoint: v.SAFE_S3_ENDPOINT ?? '',
    region: v.SAFE_S3_REGION,
    bucket: v.SAFE_S3_BUCKET ?? '',
    prefix: v.SAFE_S3_PREFIX,
    accessKeyId: v.SAFE_S3_ACCESS_KEY_ID ?? '',
    secretAccessKey: v.SAFE_S3_SECRET_ACCESS_KEY ?? '',
    sessionToken: v.SAFE_S3_SESSION_TOKEN,
    forcePathStyle: v.SAFE_S3_FORCE_PATH_STYLE,
    timeoutMs: v.SAFE_S3_TIMEOUT,
  };
}

function coordination(v: Values): CoordinationSettings {
  const backend = v.SAFE_COORDINATION_BACKEND;
  const address = v.SAFE_VALKEY_ADDR;
  if (backend === 'none' || address === undefined) return { backend: 'none' };
  return {
    backend,
    address,
    username: v.SAFE_VALKEY_USERNAME,
    password: v.SAFE_VALKEY_PASSWORD,
    db: v.SAFE_VALKEY_DB,
    tls: v.SAFE_VALKEY_TLS,
    dialTimeoutMs: v.SAFE_VALKEY_DIAL_TIMEOUT,
    readTimeoutMs: v.SAFE_VALKEY_READ_TIMEOUT,
    writeTimeoutMs: v.SAFE_VALKEY_WRITE_TIMEOUT,
  };
}

function bootstrap(secret: string | undefined): BootstrapSettings {
  if (secret === undefined) return { kind: 'generated' };
  return secret === '' ? { kind: 'disabled' } : { kind: 'given', secret };
}

function email(v: Values): EmailSettings {
  if (v.SAFE_EMAIL_BACKEND === 'none') return { backend: 'none' };
  return {
    backend: 'smtp',
    host: v.SAFE_SMTP_HOST ?? '',
    port: v.SAFE_SMTP_PORT,
    username: v.SAFE_SMTP_USERNAME,
    password: v.SAFE_SMTP_PASSWORD,
    from: v.SAFE_SMTP_FROM ?? '',
    starttls: v.SAFE_SMTP_STARTTLS,
    timeoutMs: v.SAFE_SMTP_TIMEOUT,
  };
}

function webhook(v: Values): WebhookSettings | undefined {
  if (v.SAFE_WEBHOOK_URL === undefined || v.SAFE_WEBHOOK_SECRET === undefined) return undefined;
  return {
    url: v.SAFE_WEBHOOK_URL,
    secrets: v.SAFE_WEBHOOK_SECRET,
    events: v.SAFE_WEBHOOK_EVENTS,
    allowPrivate: v.SAFE_WEBHOOK_ALLOW_PRIVATE,
  };
}

function limits(v: Values): LimitSettings {
  return {
    main: {
      enabled: v.SAFE_MAIN_API_RATE_LIMIT_ENABLED,
      windowMs: v.SAFE_MAIN_API_RATE_LIMIT_WINDOW,
      perWindow: {
        auth: v.SAFE_MAIN_API_RATE_LIMIT_AUTH,
        auth_register: v.SAFE_MAIN_API_RATE_LIMIT_AUTH_REGISTER,
        auth_email_verify: v.SAFE_MAIN_API_RATE_LIMIT_AUTH_EMAIL_VERIFY,
        bootstrap: v.SAFE_MAIN_API_RATE_LIMIT_BOOTSTRAP,
        account: v.SAFE_MAIN_API_RATE_LIMIT_ACCOUNT,
        incident_read: v.SAFE_MAIN_API_RATE_LIMIT_INCIDENT_READ,
        incident_write: v.SAFE_MAIN_API_RATE_LIMIT_INCIDENT_WRITE,
        upload: v.SAFE_MAIN_API_RATE_LIMIT_UPLOAD,
        reconcile: v.SAFE_MAIN_API_RATE_LIMIT_RECONCILE,
        stream: v.SAFE_MAIN_API_RATE_LIMIT_STREAM,
        token: v.SAFE_MAIN_API_RATE_LIMIT_TOKEN,
        download: v.SAFE_MAIN_API_RATE_LIMIT_DOWNLOAD,
        paste_create: v.SAFE_MAIN_API_RATE_LIMIT_PASTE_CREATE,
        paste_read: v.SAFE_MAIN_API_RATE_LIMIT_PASTE_READ,
        paste_manage: v.SAFE_MAIN_API_RATE_LIMIT_PASTE_MANAGE,
        paste_challenge: v.SAFE_MAIN_API_RATE_LIMIT_PASTE_CHALLENGE,
      },
    },
    viewer: {
      enabled: v.SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED,
      windowMs: v.SAFE_PUBLIC_VIEWER_RATE_LIMIT_WINDOW,
      perWindow: {
        viewer_page: v.SAFE_PUBLIC_VIEWER_RATE_LIMIT_PAGE,
        viewer_data: v.SAFE_PUBLIC_VIEWER_RATE_LIMIT_DATA,
        viewer_download: v.SAFE_PUBLIC_VIEWER_RATE_LIMIT_DOWNLOAD,
        static: v.SAFE_PUBLIC_VIEWER_RATE_LIMIT_STATIC,
      },
    },
    admin: {
      enabled: v.SAFE_ADMIN_RATE_LIMIT_ENABLED,
      windowMs: v.SAFE_ADMIN_RATE_LIMIT_WINDOW,
      perWindow: {
        admin_dashboard: v.SAFE_ADMIN_RATE_LIMIT_DASHBOARD,
        admin_login: v.SAFE_ADMIN_RATE_LIMIT_LOGIN,
        admin_json: v.SAFE_ADMIN_RATE_LIMIT_JSON,
      },
    },
  };
}
