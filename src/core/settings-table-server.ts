/** The settings table: doors, storage, timeouts. */
import { may, secret, set } from './settings-entry.ts';
import * as kinds from './settings-kinds.ts';

export const SERVER = {
  SAFE_CONFIG_FILE: may(
    undefined,
    kinds.path,
    'The TOML file to read. `--config` wins over it. It must exist.',
    {
      absent: './sallyport.toml, then /etc/sallyport/sallyport.toml, if there is one',
      example: '/etc/sallyport/sallyport.toml',
    },
  ),
  SAFE_MAIN_BIND_ADDRS: set(
    'server.main_bind_addrs',
    kinds.addresses,
    '127.0.0.1:8080',
    'Where the main door listens: pastes, `/v1`, viewer links.',
    {
      second: 'SAFE_MAIN_BIND_ADDR',
      legacy: { names: ['SAFE_PRIVATE_BIND_ADDRS', 'SAFE_PRIVATE_BIND_ADDR'] },
    },
  ),
  SAFE_ADMIN_BIND_ADDRS: set(
    'server.admin_bind_addrs',
    kinds.addresses,
    '127.0.0.1:8081',
    'Where the admin door listens. Never an address of the main door; never public.',
    { second: 'SAFE_ADMIN_BIND_ADDR', example: '127.0.0.1:8081' },
  ),
  SAFE_ADMIN_HOSTS: may(
    'server.admin_hosts',
    kinds.hostNames,
    'Names that the admin door is reached by, where they are names that a stranger could own.',
    { absent: 'addresses, names without a dot, and names below `.internal`, `.local` and the like' },
  ),
  SAFE_PUBLIC_ORIGIN: may(
    'server.public_origin',
    kinds.origin,
    'What links in answers start with. Never taken from a request.',
    { absent: '`http://` and the first main address if that is a loopback one; else links are paths' },
  ),
  SAFE_URL_PREFIX: set(
    'server.url_prefix',
    kinds.urlPrefix,
    '',
    'Moves the paste routes, and them alone, below itself.',
  ),
  SAFE_LEGACY_VIEWER_ALIASES: set(
    'server.legacy_viewer_aliases',
    kinds.flag,
    'false',
    'Also answers viewer links in their old form, `/e/{token}`.',
  ),
  SAFE_LOG_LEVEL: set(
    'server.log_level',
    kinds.oneOf(['debug', 'info', 'warn', 'error']),
    'info',
    'The least severe lines that are logged. The line of each request is `info`.',
    { example: 'warn' },
  ),
  SAFE_SLOW_REQUEST: set(
    'server.slow_request',
    kinds.duration,
    '10s',
    'Requests that take so long are marked in the log with `slow`, uploads and downloads too. 0 marks none.',
    { example: '2s' },
  ),
  SAFE_TRUSTED_PROXIES: may(
    'server.trusted_proxies',
    kinds.networks,
    'Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.',
    { absent: 'none' },
  ),
  SAFE_PROXY_SECRET: secret(
    'server.proxy_secret',
    kinds.headerSecret,
    'What a reverse proxy sends as `X-Proxy-Secret` so that its client certificate headers are believed.',
    { absent: 'such headers are ignored' },
  ),
  SAFE_TLS_CERT_FILE: may(
    'server.tls_cert_file',
    kinds.path,
    "The main door's own TLS: certificate chain, PEM (Node).",
    {
      example: '/etc/sallyport/tls/cert.pem',
    },
  ),
  SAFE_TLS_KEY_FILE: may('server.tls_key_file', kinds.path, 'Its private key, PEM.', {
    example: '/etc/sallyport/tls/key.pem',
  }),
  SAFE_TLS_CLIENT_CA_FILE: may(
    'server.tls_client_ca_file',
    kinds.path,
    'Client certificates that chain to this CA identify who pastes (Node).',
    { example: '/etc/sallyport/tls/clients.pem' },
  ),
  SAFE_ADMIN_TLS_CERT_FILE: may(
    'server.admin_tls_cert_file',
    kinds.path,
    "The admin door's own TLS: certificate chain, PEM.",
    {
      example: '/etc/sallyport/tls/admin-cert.pem',
    },
  ),
  SAFE_ADMIN_TLS_KEY_FILE: may('server.admin_tls_key_file', kinds.path, 'Its private key, PEM.', {
    example: '/etc/sallyport/tls/admin-key.pem',
  }),
  SAFE_ADMIN_TLS_CLIENT_CA_FILE: may(
    'server.admin_tls_client_ca_file',
    kinds.path,
    'The admin door asks for a client certificate that chains to this CA.',
    { example: '/etc/sallyport/tls/operators.pem' },
  ),
  SAFE_METRICS_TOKEN: secret(
    'server.metrics_token',
    kinds.headerSecret,
    'The bearer token of `GET /metrics` on the admin door.',
    {
      absent: '`/metrics` is 404',
    },
  ),
};

export const STORAGE = {
  SAFE_DATA_DIR: set(
    'paths.data_dir',
    kinds.path,
    './data',
    'The folder for the database, its lock and generated secrets.',
    {
      example: '/var/lib/sallyport',
    },
  ),
  SAFE_SECRET_KEY: secret(
    'paths.secret_key',
    kinds.key32,
    'The key from which all others of the server derive. Home and edge share it. Keep a copy apart from the database.',
    { absent: 'generated into the data folder; required with a remote database' },
  ),
  SAFE_DATABASE_URL: may(
    'metadata.database_url',
    kinds.databaseUrl,
    'The database: a local libSQL file, or a libSQL server.',
    {
      absent: '`file:` and `sallyport.db` in the data folder',
      guarded: true,
      legacy: { names: ['SAFE_DB_PATH'], rewrite: (path) => kinds.fileDatabase(path).url },
    },
  ),
  SAFE_DATABASE_AUTH_TOKEN: secret(
    'metadata.database_auth_token',
    kinds.headerSecret,
    "The libSQL server's token.",
  ),
  SAFE_DATABASE_TIMEOUT: set(
    'metadata.database_timeout',
    kinds.positiveTimer,
    '15s',
    'How long a libSQL server may take for one step of a request; after that the request is answered with 503.',
    { example: '5s' },
  ),
  SAFE_DATABASE_ENCRYPTION_KEY: secret(
    'metadata.database_encryption_key',
    kinds.secretText,
    'Encrypts a local database file at rest.',
  ),
  SAFE_BLOB_BACKEND: set(
    'blob_storage.backend',
    kinds.oneOf(['libsql', 's3']),
    'libsql',
    'Where evidence chunks lie: in the database, or in an S3-compatible store. Pastes are always in the database.',
    { example: 's3' },
  ),
  SAFE_S3_ENDPOINT: may(
    'blob_storage.s3_endpoint',
    kinds.url,
    'The store, required with `s3`. With `libsql` it is where chunks of before are still read and removed.',
    {
      example: 'https://s3.example.org',
      guarded: true,
    },
  ),
  SAFE_S3_REGION: set(
    'blob_storage.s3_region',
    kinds.text('a region name', 'eu-central-1', 64),
    'us-east-1',
    'Its region.',
  ),
  SAFE_S3_BUCKET: may(
    'blob_storage.s3_bucket',
    kinds.text('a bucket name', 'evidence', 255),
    'Its bucket, required with `s3`.',
  ),
  SAFE_S3_PREFIX: set(
    'blob_storage.s3_prefix',
    kinds.objectPrefix,
    '',
    'What the names of objects begin with.',
  ),
  SAFE_S3_ACCESS_KEY_ID: secret('blob_storage.s3_access_key_id', kinds.secretText, 'Required with `s3`.'),
  SAFE_S3_SECRET_ACCESS_KEY: secret(
    'blob_storage.s3_secret_access_key',
    kinds.secretText,
    'Required with `s3`.',
  ),
  SAFE_S3_SESSION_TOKEN: secret(
    'blob_storage.s3_session_token',
    kinds.secretText,
    'For temporary credentials.',
  ),
  SAFE_S3_FORCE_PATH_STYLE: set(
    'blob_storage.s3_force_path_style',
    kinds.flag,
    'true',
    'Bucket in the path instead of the host name.',
  ),
  SAFE_S3_TIMEOUT: set(
    'blob_storage.s3_timeout',
    kinds.positiveTimer,
    '15s',
    'How long the store may keep silent within a request; after that what needed it is answered with 503.',
    { example: '5s' },
  ),
  SAFE_COORDINATION_BACKEND: set(
    'coordination.backend',
    kinds.oneOf(['none', 'valkey', 'redis']),
    'none',
    'Shares rate limits and upload leases between several servers.',
    { example: 'valkey' },
  ),
  SAFE_VALKEY_ADDR: may('coordination.valkey_addr', kinds.peerAddress, 'Required with `valkey` or `redis`.'),
  SAFE_VALKEY_USERNAME: may(
    'coordination.valkey_username',
    kinds.text('a user name', 'sallyport'),
    'Its user.',
  ),
  SAFE_VALKEY_PASSWORD: secret('coordination.valkey_password', kinds.secretText, "The user's password."),
  SAFE_VALKEY_DB: set(
    'coordination.valkey_db',
    kinds.integer(0, 65_535, '0'),
    '0',
    'The number of the database in it.',
  ),
  SAFE_VALKEY_TLS: set('coordination.valkey_tls', kinds.flag, 'false', 'Connect with TLS.'),
  SAFE_VALKEY_DIAL_TIMEOUT: set(
    'coordination.valkey_dial_timeout',
    kinds.positiveTimer,
    '5s',
    'For connecting.',
  ),
  SAFE_VALKEY_READ_TIMEOUT: set(
    'coordination.valkey_read_timeout',
    kinds.positiveTimer,
    '5s',
    'For one answer.',
  ),
  SAFE_VALKEY_WRITE_TIMEOUT: set(
    'coordination.valkey_write_timeout',
    kinds.positiveTimer,
    '5s',
    'For one command.',
  ),
  SAFE_UPLOAD_COORDINATION_LEASE_TTL: set(
    'coordination.upload_lease_ttl',
    kinds.positiveDuration,
    '2m',
    'How long a server that dies while it commits a chunk keeps others from it. With `valkey` or `redis`.',
    { example: '2m' },
  ),
};

export const TIMEOUTS = {
  SAFE_MAIN_READ_HEADER_TIMEOUT: set(
    'http.main.read_header_timeout',
    kinds.timer,
    '10s',
    'For the head of a request.',
    {
      legacy: { names: ['SAFE_PRIVATE_READ_HEADER_TIMEOUT'] },
    },
  ),
  SAFE_MAIN_READ_TIMEOUT: set(
    'http.main.read_timeout',
    kinds.timer,
    '0',
    'For a whole request. 0 is none, as uploads are long; a body that stalls is dropped anyway.',
    {
      legacy: { names: ['SAFE_PRIVATE_READ_TIMEOUT'] },
    },
  ),
  SAFE_MAIN_WRITE_TIMEOUT: set(
    'http.main.write_timeout',
    kinds.timer,
    '0',
    'For a whole answer. 0 is none.',
    {
      legacy: { names: ['SAFE_PRIVATE_WRITE_TIMEOUT'] },
    },
  ),
  SAFE_MAIN_IDLE_TIMEOUT: set(
    'http.main.idle_timeout',
    kinds.timer,
    '120s',
    'Between two requests of a connection.',
    {
      legacy: { names: ['SAFE_PRIVATE_IDLE_TIMEOUT'] },
    },
  ),
  SAFE_MAIN_MAX_CONNECTIONS: set(
    'http.main.max_connections',
    kinds.integer(1, 1_000_000, '10000'),
    '10000',
    'Connections at a time. Beyond that the one that is idle for longest ends, or the newcomer where none is. Fewer where fewer files may be open.',
  ),
  SAFE_MAIN_MAX_CONNECTIONS_PER_PEER: set(
    'http.main.max_connections_per_peer',
    kinds.integer(0, 1_000_000, '1000'),
    '1000',
    'Of these, from one address or IPv6 /64, in the same way. 0 is no bound. Trusted proxies have none.',
  ),
  SAFE_ADMIN_READ_HEADER_TIMEOUT: set(
    'http.admin.read_header_timeout',
    kinds.timer,
    '10s',
    'The admin door: for the head of a request.',
  ),
  SAFE_ADMIN_READ_TIMEOUT: set(
    'http.admin.read_timeout',
    kinds.timer,
    '30s',
    'The admin door: for a whole request. 0 is none.',
  ),
  SAFE_ADMIN_WRITE_TIMEOUT: set(
    'http.admin.write_timeout',
    kinds.timer,
    '300s',
    'The admin door: for a whole answer. 0 is none.',
  ),
  SAFE_ADMIN_IDLE_TIMEOUT: set(
    'http.admin.idle_timeout',
    kinds.timer,
    '120s',
    'The admin door: between two requests of a connection.',
  ),
  SAFE_ADMIN_MAX_CONNECTIONS: set(
    'http.admin.max_connections',
    kinds.integer(1, 1_000_000, '1000'),
    '1000',
    'The admin door: connections at a time.',
  ),
  SAFE_ADMIN_MAX_CONNECTIONS_PER_PEER: set(
    'http.admin.max_connections_per_peer',
    kinds.integer(0, 1_000_000, '200'),
    '200',
    'The admin door: from one address or IPv6 /64. 0 is no bound.',
  ),
};
