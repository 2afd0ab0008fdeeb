import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblems, parseSettings, type Settings } from '../../src/core/settings.ts';

type Env = Readonly<Record<string, string>>;

const KEY = Buffer.alloc(32, 7).toString('base64');

function settings(env: Env): Settings {
  const result = parseSettings({ env });
  assert.ok(result.ok, result.ok ? '' : formatProblems(result.problems));
  return result.settings;
}

/** Which settings are blamed. */
function blamed(env: Env): string {
  const result = parseSettings({ env });
  return result.ok ? '' : result.problems.map(({ name }) => name).join(' ');
}

/** Each environment with the names that must be blamed for it; an empty text where it must be accepted. */
function table(rows: readonly (readonly [Env, string])[]): void {
  for (const [env, names] of rows) assert.equal(blamed(env), names, JSON.stringify(env));
}

/** The environment without some of its names. */
function without(env: Env, ...names: string[]): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}

test('no address may have both doors, in whatever spelling', () => {
  const both = (main: string, admin: string): Env => ({
    SAFE_MAIN_BIND_ADDRS: main,
    SAFE_ADMIN_BIND_ADDRS: admin,
  });
  table([
    [both('127.0.0.1:8080', '127.0.0.1:8080'), 'SAFE_ADMIN_BIND_ADDRS'],
    [both('127.0.0.1:1,127.0.0.1:2', '127.0.0.1:3,127.0.0.1:2'), 'SAFE_ADMIN_BIND_ADDRS'],
    [both('localhost:8080', '127.0.0.1:8080'), 'SAFE_ADMIN_BIND_ADDRS'],
    [both('0.0.0.0:8080', '127.0.0.1:8080'), 'SAFE_ADMIN_BIND_ADDRS'],
    [both('[::]:8080', '10.0.0.1:8080'), 'SAFE_ADMIN_BIND_ADDRS'],
    [both('[::ffff:127.0.0.1]:8080', '127.0.0.1:8080'), 'SAFE_ADMIN_BIND_ADDRS'],
    [{ SAFE_MAIN_BIND_ADDR: '127.0.0.1:8081' }, 'SAFE_ADMIN_BIND_ADDRS'],
    [{ SAFE_PRIVATE_BIND_ADDR: '127.0.0.1:8081' }, 'SAFE_ADMIN_BIND_ADDRS'],
    [both('127.0.0.1:8080', '[::1]:8080'), ''],
    [both('0.0.0.0:8080', '127.0.0.1:8081'), ''],
    [both('127.0.0.1:0', '127.0.0.1:0'), ''],
  ]);
});

test('a list of addresses has no empty entry and no address twice', () => {
  for (const text of [
    '127.0.0.1:1,',
    ',127.0.0.1:1',
    '127.0.0.1:1,,127.0.0.1:2',
    '127.0.0.1:1,127.0.0.1:1',
    '0.0.0.0:1,127.0.0.1:1',
    ':8080',
    '::1:80',
  ]) {
    assert.equal(blamed({ SAFE_MAIN_BIND_ADDRS: text }), 'SAFE_MAIN_BIND_ADDRS', text);
  }
  assert.equal(settings({ SAFE_MAIN_BIND_ADDRS: '127.0.0.1:0, 127.0.0.1:0' }).main.addresses.length, 2);
});

test('TLS needs both files, and a client CA needs TLS', () => {
  for (const prefix of ['SAFE_TLS', 'SAFE_ADMIN_TLS']) {
    const [cert, key, ca] = [`${prefix}_CERT_FILE`, `${prefix}_KEY_FILE`, `${prefix}_CLIENT_CA_FILE`];
    table([
      [{ [cert]: 'c.pem' }, cert],
      [{ [key]: 'k.pem' }, key],
      [{ [ca]: 'a.pem' }, ca],
      [{ [cert]: 'c.pem', [key]: 'k.pem' }, ''],
      [{ [cert]: 'c.pem', [key]: 'k.pem', [ca]: 'a.pem' }, ''],
    ]);
  }
  const { main, admin } = settings({ SAFE_TLS_CERT_FILE: 'c.pem', SAFE_TLS_KEY_FILE: 'k.pem' });
  assert.deepEqual(
    [main.tls, admin.tls],
    [{ certFile: 'c.pem', keyFile: 'k.pem', clientCaFile: undefined }, undefined],
  );
});

test('a database is a file or a libSQL server, and each has its own secrets', () => {
  const server = { SAFE_DATABASE_URL: 'libsql://db.example', SAFE_SECRET_KEY: KEY };
  table([
    [server, ''],
    [{ ...server, SAFE_DATABASE_URL: 'http://127.0.0.1:8090' }, ''],
    [{ ...server, SAFE_DATABASE_URL: 'https://db.example/ns' }, ''],
    [{ ...server, SAFE_DATABASE_URL: 'libsql://db.example?tls=0' }, ''],
    [{ ...server, SAFE_DATABASE_AUTH_TOKEN: 'token' }, ''],
    [without(server, 'SAFE_SECRET_KEY'), 'SAFE_SECRET_KEY'],
    [{ ...server, SAFE_DATABASE_ENCRYPTION_KEY: 'key' }, 'SAFE_DATABASE_ENCRYPTION_KEY'],
    [{ SAFE_DATABASE_AUTH_TOKEN: 'token' }, 'SAFE_DATABASE_AUTH_TOKEN'],
    [{ SAFE_DATABASE_ENCRYPTION_KEY: 'key' }, ''],
    [{ SAFE_DATABASE_URL: 'file:x.db' }, ''],
    ...[
      'x.db',
      'sqlite:x.db',
      'wss://db.example',
      'libsql://db.example?authToken=abc',
      'https://db.example?x',
      'libsql://user:pass@db.example',
      'libsql://',
      'file:',
      'file:data/',
      'file::memory:',
      'file:x.db?mode=ro',
      'file://host/x.db',
      'file:%zz',
      'file:a%00b',
    ].map((url): readonly [Env, string] => [{ ...server, SAFE_DATABASE_URL: url }, 'SAFE_DATABASE_URL']),
  ]);
  const path = (url: string): string => {
    const { database } = settings({ SAFE_DATABASE_URL: url });
    return database.kind === 'file' ? database.path : '';
  };
  assert.deepEqual(
    [
      'file:./a.db',
      'file:a.db',
      'file:/a.db',
      'file:///a.db',
      'file://localhost/a.db',
      'file:a%20b%23.db',
    ].map(path),
    ['./a.db', 'a.db', '/a.db', '/a.db', '/a.db', 'a b#.db'],
  );
  const moved = settings({ SAFE_DATA_DIR: '/srv/vault/' }).database;
  assert.equal(moved.url, 'file:/srv/vault/sallyport.db');
});

test('s3 needs an endpoint, a bucket and credentials, and a relative prefix', () => {
  const full = {
    SAFE_BLOB_BACKEND: 's3',
    SAFE_S3_ENDPOINT: 'https://s3.example',
    SAFE_S3_BUCKET: 'evidence',
    SAFE_S3_ACCESS_KEY_ID: 'id',
    SAFE_S3_SECRET_ACCESS_KEY: 'secret',
  };
  table([
    [full, ''],
    ...Object.keys(full)
      .slice(1)
      .map((name): readonly [Env, string] => [without(full, name), name]),
    ...['/a', 'a//b', '../a', 'a/./b', 'a\\b', '/'].map((prefix): readonly [Env, string] => [
      { ...full, SAFE_S3_PREFIX: prefix },
      'SAFE_S3_PREFIX',
    ]),
    [{ SAFE_BLOB_BACKEND: 'disk' }, 'SAFE_BLOB_BACKEND'],
    // A store that is only emptied has to be reached all the same.
    [{ ...full, SAFE_BLOB_BACKEND: 'libsql' }, ''],
    ...Object.keys(full)
      .slice(2)
      .map((name): readonly [Env, string] => [{ ...without(full, name), SAFE_BLOB_BACKEND: 'libsql' }, name]),
  ]);
  const { blobs } = settings({ ...full, SAFE_S3_PREFIX: 'a/b/' });
  assert.deepEqual(blobs, {
    backend: 's3',
    prefix: 'a/b',
    s3: {
      endpoint: 'https://s3.example',
      region: 'us-east-1',
      bucket: 'evidence',
      prefix: 'a/b',
      accessKeyId: 'id',
      secretAccessKey: 'secret',
      sessionToken: undefined,
      forcePathStyle: true,
      timeoutMs: 15_000,
    },
  });
});

test('coordination needs to know where', () => {
  table([
    [{ SAFE_COORDINATION_BACKEND: 'valkey' }, 'SAFE_VALKEY_ADDR'],
    [{ SAFE_COORDINATION_BACKEND: 'redis' }, 'SAFE_VALKEY_ADDR'],
    [{ SAFE_COORDINATION_BACKEND: 'redis', SAFE_VALKEY_ADDR: 'cache' }, 'SAFE_VALKEY_ADDR'],
    [{ SAFE_COORDINATION_BACKEND: 'redis', SAFE_VALKEY_ADDR: 'cache:0' }, 'SAFE_VALKEY_ADDR'],
    [{ SAFE_COORDINATION_BACKEND: 'redis', SAFE_VALKEY_ADDR: 'cache:6379' }, ''],
    [{ SAFE_UPLOAD_COORDINATION_LEASE_TTL: '0' }, 'SAFE_UPLOAD_COORDINATION_LEASE_TTL'],
  ]);
});

test('open registration needs mail and a page to lead to', () => {
  const full = {
    SAFE_ACCOUNT_REGISTRATION_MODE: 'open',
    SAFE_EMAIL_BACKEND: 'smtp',
    SAFE_SMTP_HOST: 'smtp.example',
    SAFE_SMTP_FROM: 'Sallyport <vault@example.org>',
    SAFE_PUBLIC_WEB_ORIGIN: 'https://app.example',
  };
  table([
    [full, ''],
    [without(full, 'SAFE_EMAIL_BACKEND'), 'SAFE_ACCOUNT_REGISTRATION_MODE'],
    [without(full, 'SAFE_PUBLIC_WEB_ORIGIN'), 'SAFE_PUBLIC_WEB_ORIGIN'],
    [without(full, 'SAFE_SMTP_HOST'), 'SAFE_SMTP_HOST'],
    [without(full, 'SAFE_SMTP_FROM'), 'SAFE_SMTP_FROM'],
    [{ ...full, SAFE_SMTP_PASSWORD: 'x' }, 'SAFE_SMTP_PASSWORD'],
    [{ ...full, SAFE_SMTP_PASSWORD: 'x', SAFE_SMTP_USERNAME: 'y' }, ''],
    [{ ...full, SAFE_SMTP_FROM: 'nobody' }, 'SAFE_SMTP_FROM'],
    [{ ...full, SAFE_SMTP_FROM: 'a@b.example, c@d.example' }, 'SAFE_SMTP_FROM'],
    [{ ...full, SAFE_SMTP_FROM: 'x\r\nBcc: a@b.example' }, 'SAFE_SMTP_FROM'],
    [{ ...full, SAFE_SMTP_STARTTLS: 'maybe' }, 'SAFE_SMTP_STARTTLS'],
    [{ SAFE_ACCOUNT_REGISTRATION_MODE: 'admin_only' }, ''],
    [{ SAFE_ACCOUNT_REGISTRATION_MODE: 'paid' }, ''],
  ]);
});

test('passkeys need a domain that every origin belongs to', () => {
  const full = {
    SAFE_WEBAUTHN_ENABLED: 'true',
    SAFE_WEBAUTHN_RP_ID: 'example.org',
    SAFE_WEBAUTHN_ALLOWED_ORIGINS: 'https://example.org,https://app.example.org:8443',
  };
  const changed = (id: string, origins: string): Env => ({
    ...full,
    SAFE_WEBAUTHN_RP_ID: id,
    SAFE_WEBAUTHN_ALLOWED_ORIGINS: origins,
  });
  table([
    [full, ''],
    [without(full, 'SAFE_WEBAUTHN_RP_ID'), 'SAFE_WEBAUTHN_RP_ID'],
    [without(full, 'SAFE_WEBAUTHN_ALLOWED_ORIGINS'), 'SAFE_WEBAUTHN_ALLOWED_ORIGINS'],
    [changed('example.org', 'https://notexample.org'), 'SAFE_WEBAUTHN_RP_ID'],
    [changed('example.org', 'https://example.org.evil.example'), 'SAFE_WEBAUTHN_RP_ID'],
    [changed('app.example.org', 'https://example.org'), 'SAFE_WEBAUTHN_RP_ID'],
    [changed('localhost', 'http://localhost:5173'), ''],
    [changed('example.org', 'http://example.org'), 'SAFE_WEBAUTHN_ALLOWED_ORIGINS'],
    [changed('https://example.org', 'https://example.org'), 'SAFE_WEBAUTHN_RP_ID'],
    [changed('Example.org', 'https://example.org'), 'SAFE_WEBAUTHN_RP_ID'],
    [changed('127.0.0.1', 'http://127.0.0.1'), 'SAFE_WEBAUTHN_RP_ID'],
    [changed('example.org', '*'), 'SAFE_WEBAUTHN_ALLOWED_ORIGINS'],
    [{ ...full, SAFE_WEBAUTHN_CHALLENGE_TTL: '0' }, 'SAFE_WEBAUTHN_CHALLENGE_TTL'],
  ]);
});

test('web origins are exact and a star is refused', () => {
  for (const text of [
    '*',
    'https://*.example',
    'https://a.example/',
    'a.example',
    'https://a.example,*',
    'null',
    'https://a.example,',
  ]) {
    assert.equal(blamed({ SAFE_WEB_ALLOWED_ORIGINS: text }), 'SAFE_WEB_ALLOWED_ORIGINS', text);
  }
  for (const text of ['*', 'https://a.example/x']) {
    assert.equal(blamed({ SAFE_PUBLIC_ORIGIN: text }), 'SAFE_PUBLIC_ORIGIN', text);
    assert.equal(blamed({ SAFE_PUBLIC_WEB_ORIGIN: text }), 'SAFE_PUBLIC_WEB_ORIGIN', text);
  }
});

test('a cookie without Secure is for loopback pages only, and then has no __Host- name', () => {
  const plain = {
    SAFE_WEB_SESSION_COOKIE_SECURE: 'false',
    SAFE_WEB_SESSION_COOKIE_NAME: 'sallyport_session',
  };
  table([
    [{ ...plain, SAFE_WEB_ALLOWED_ORIGINS: 'http://localhost:5173,http://[::1]:5173,http://127.0.0.1' }, ''],
    [
      { ...plain, SAFE_WEB_ALLOWED_ORIGINS: 'http://localhost:5173,https://app.example' },
      'SAFE_WEB_SESSION_COOKIE_SECURE',
    ],
    [plain, 'SAFE_WEB_SESSION_COOKIE_SECURE'],
    ...['__Host-x', '__host-x', '__Secure-x'].map((name): readonly [Env, string] => [
      { ...plain, SAFE_WEB_ALLOWED_ORIGINS: 'http://localhost', SAFE_WEB_SESSION_COOKIE_NAME: name },
      'SAFE_WEB_SESSION_COOKIE_NAME',
    ]),
    [{ SAFE_WEB_SESSION_COOKIE_NAME: 'a b' }, 'SAFE_WEB_SESSION_COOKIE_NAME'],
    [{ SAFE_WEB_SESSION_COOKIE_NAME: 'a=b;c' }, 'SAFE_WEB_SESSION_COOKIE_NAME'],
    [{ SAFE_WEB_SESSION_COOKIE_NAME: 'sallyport_admin_session' }, 'SAFE_WEB_SESSION_COOKIE_NAME'],
    [{ SAFE_WEB_SESSION_COOKIE_SAMESITE: 'none' }, 'SAFE_WEB_SESSION_COOKIE_SAMESITE'],
    [{ SAFE_WEB_CSRF_HEADER_NAME: 'Accept' }, 'SAFE_WEB_CSRF_HEADER_NAME'],
    [{ SAFE_WEB_CSRF_HEADER_NAME: 'X-Xsrf' }, ''],
  ]);
});

test('a window is above 0 wherever limits are on, and limits are not negative', () => {
  for (const group of [
    'SAFE_MAIN_API_RATE_LIMIT',
    'SAFE_PUBLIC_VIEWER_RATE_LIMIT',
    'SAFE_ADMIN_RATE_LIMIT',
  ]) {
    table([
      [{ [`${group}_WINDOW`]: '0' }, `${group}_WINDOW`],
      [{ [`${group}_WINDOW`]: '-1m' }, `${group}_WINDOW`],
      [{ [`${group}_WINDOW`]: '0', [`${group}_ENABLED`]: 'false' }, ''],
    ]);
  }
  table([
    [{ SAFE_MAIN_API_RATE_LIMIT_AUTH: '-1' }, 'SAFE_MAIN_API_RATE_LIMIT_AUTH'],
    [{ SAFE_MAIN_API_RATE_LIMIT_AUTH: '1.5' }, 'SAFE_MAIN_API_RATE_LIMIT_AUTH'],
    [{ SAFE_MAIN_API_RATE_LIMIT_ADMIN: '7' }, ''],
  ]);
});

test('paste settings keep to their bounds and to each other', () => {
  table([
    [{ SAFE_PASTE_CREATE: 'nobody' }, 'SAFE_PASTE_CREATE'],
    [{ SAFE_PASTE_MAX_EXPIRY: '4d' }, 'SAFE_PASTE_DEFAULT_EXPIRY'],
    [{ SAFE_PASTE_MAX_EXPIRY: '4d', SAFE_PASTE_DEFAULT_EXPIRY: '4d' }, ''],
    [{ SAFE_PASTE_DEFAULT_EXPIRY: '0' }, 'SAFE_PASTE_DEFAULT_EXPIRY'],
    [{ SAFE_PASTE_DEFAULT_EXPIRY: '1500ms' }, 'SAFE_PASTE_DEFAULT_EXPIRY'],
    [{ SAFE_PASTE_POW_DIFFICULTY: '32' }, ''],
    [{ SAFE_PASTE_POW_DIFFICULTY: '33' }, 'SAFE_PASTE_POW_DIFFICULTY'],
    [{ SAFE_PASTE_MIN_ENTROPY: '8' }, ''],
    [{ SAFE_PASTE_MIN_ENTROPY: '8.01' }, 'SAFE_PASTE_MIN_ENTROPY'],
    [{ SAFE_PASTE_DEDUP_WINDOW: '0' }, 'SAFE_PASTE_DEDUP_WINDOW'],
    [{ SAFE_PASTE_DEDUP_WINDOW: '0', SAFE_PASTE_DEDUP_MAX: '0' }, ''],
    [{ SAFE_PASTE_STORAGE_QUOTA: '0' }, 'SAFE_PASTE_STORAGE_QUOTA'],
    [{ SAFE_PASTE_MAX_BYTES_ANONYMOUS: '0.5B' }, 'SAFE_PASTE_MAX_BYTES_ANONYMOUS'],
    [{ SAFE_SWEEP_INTERVAL: '0' }, 'SAFE_SWEEP_INTERVAL'],
    [{ SAFE_URL_PREFIX: '/v1' }, 'SAFE_URL_PREFIX'],
    [{ SAFE_URL_PREFIX: '/paste/' }, 'SAFE_URL_PREFIX'],
    [{ SAFE_URL_PREFIX: '/paste/v1' }, ''],
    [{ SAFE_LOG_LEVEL: 'loud' }, 'SAFE_LOG_LEVEL'],
  ]);
});

test('no timer is asked to wait longer than timers can', () => {
  for (const name of [
    'SAFE_SWEEP_INTERVAL',
    'SAFE_DELETION_WORKER_INTERVAL',
    'SAFE_MAIN_IDLE_TIMEOUT',
    'SAFE_SMTP_TIMEOUT',
  ]) {
    table([
      [{ [name]: '24d' }, ''],
      [{ [name]: '25d' }, name],
    ]);
  }
});

test('webhooks are signed, known and to a URL', () => {
  const full = { SAFE_WEBHOOK_URL: 'https://hooks.example/x', SAFE_WEBHOOK_SECRET: `whsec_${KEY}` };
  table([
    [full, ''],
    [{ ...full, SAFE_WEBHOOK_SECRET: KEY }, ''],
    [without(full, 'SAFE_WEBHOOK_SECRET'), 'SAFE_WEBHOOK_URL'],
    [{ ...full, SAFE_WEBHOOK_URL: 'hooks.example' }, 'SAFE_WEBHOOK_URL'],
    [{ ...full, SAFE_WEBHOOK_SECRET: 'whsec_c2hvcnQ=' }, 'SAFE_WEBHOOK_SECRET'],
    [{ ...full, SAFE_WEBHOOK_SECRET: `whsec_${KEY},` }, 'SAFE_WEBHOOK_SECRET'],
    [{ ...full, SAFE_WEBHOOK_SECRET: Array(5).fill(KEY).join(',') }, 'SAFE_WEBHOOK_SECRET'],
    [{ ...full, SAFE_WEBHOOK_EVENTS: 'paste.created,paste.printed' }, 'SAFE_WEBHOOK_EVENTS'],
    [{ ...full, SAFE_WEBHOOK_EVENTS: 'paste.read,paste.read' }, 'SAFE_WEBHOOK_EVENTS'],
    [{ SAFE_WEBHOOK_EVENTS: 'paste.burned' }, ''],
  ]);
  const { webhook } = settings({ ...full, SAFE_WEBHOOK_EVENTS: 'paste.burned, paste.read' });
  assert.deepEqual(webhook?.events, ['paste.burned', 'paste.read']);
  assert.deepEqual(
    webhook?.secrets.map(({ length }) => length),
    [32],
  );
  const several = settings({ ...full, SAFE_WEBHOOK_SECRET: `whsec_${KEY}, whsec_${KEY},${KEY}` });
  assert.equal(several.webhook?.secrets.length, 3);
});

test('a rule says nothing about a value that was refused already', () => {
  assert.equal(blamed({ SAFE_TLS_CERT_FILE: 'c.pem', SAFE_TLS_KEY_FILE: '' }), 'SAFE_TLS_KEY_FILE');
  assert.equal(blamed({ SAFE_DATABASE_URL: 'libsql://db.example', SAFE_SECRET_KEY: 'x' }), 'SAFE_SECRET_KEY');
});

test('disuse ends sessions after ten minutes at least, or never', () => {
  for (const name of ['SAFE_SESSION_IDLE', 'SAFE_WEB_SESSION_IDLE', 'SAFE_ADMIN_SESSION_IDLE']) {
    table([
      [{ [name]: '0' }, ''],
      [{ [name]: '10m' }, ''],
      [{ [name]: '9m59s' }, name],
      [{ [name]: '1ms' }, name],
      [{ [name]: '-1h' }, name],
      [{ [name]: '' }, name],
    ]);
  }
  const { auth } = settings({ SAFE_SESSION_IDLE: '3h', SAFE_WEB_SESSION_IDLE: '30m' });
  assert.deepEqual(auth.sessionIdleMs, { bearer: 10_800_000, web: 1_800_000, admin_web: 3_600_000 });
});

test('words that passwords may not be made of are words, each of three letters at least', () => {
  const name = 'SAFE_PASSWORD_WORDS';
  table([
    [{ [name]: 'acme' }, ''],
    [{ [name]: 'Acme, night shift,Ärzte' }, ''],
    [{ [name]: 'ab' }, name],
    [{ [name]: 'acme,a-b' }, name],
    [{ [name]: 'acme,,vault' }, name],
    [{ [name]: 'x'.repeat(65) }, name],
    [{ [name]: Array.from({ length: 257 }, (_, n) => `word${n}`).join(',') }, name],
  ]);
  assert.deepEqual(settings({ [name]: 'Acme, night shift' }).auth.passwords, {
    listFile: undefined,
    words: ['Acme', 'night shift'],
  });
});
