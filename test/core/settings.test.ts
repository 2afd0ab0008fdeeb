import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import {
  defaultSettings,
  describeSettings,
  formatProblems,
  limitFor,
  parseSettings,
  publicOrigin,
  type Settings,
  type SettingsInput,
  type SettingsProblem,
  secretFiles,
  settingsWarnings,
} from '../../src/core/settings.ts';
import { ENTRIES } from '../../src/core/settings-table.ts';

const KEY = Buffer.alloc(32, 7).toString('base64');

function settings(env: Record<string, string>, rest: Omit<SettingsInput, 'env'> = {}): Settings {
  const result = parseSettings({ env, ...rest });
  assert.ok(result.ok, result.ok ? '' : formatProblems(result.problems));
  return result.settings;
}

function refusals(
  env: Record<string, string>,
  rest: Omit<SettingsInput, 'env'> = {},
): readonly SettingsProblem[] {
  const result = parseSettings({ env, ...rest });
  assert.ok(!result.ok, 'the settings were accepted');
  return result.problems;
}

function inForce(from: Settings, name: string) {
  const row = describeSettings(from).find((candidate) => candidate.name === name);
  assert.ok(row !== undefined, name);
  return row;
}

test('somebody who sets nothing gets the documented defaults', () => {
  const { inForce: _, ...rest } = defaultSettings();
  assert.deepEqual(rest.main, { addresses: [{ host: '127.0.0.1', port: 8080 }], tls: undefined });
  assert.deepEqual(rest.admin, { addresses: [{ host: '127.0.0.1', port: 8081 }], tls: undefined });
  assert.deepEqual(rest.database, {
    kind: 'file',
    url: 'file:./data/sallyport.db',
    path: './data/sallyport.db',
    encryptionKey: undefined,
  });
  assert.deepEqual(rest.paste, {
    create: 'anyone',
    maxBytesAnonymous: 3 * 1024 ** 2,
    maxBytesIdentified: 50 * 1024 ** 2,
    defaultExpirySeconds: 5 * 86_400,
    maxExpirySeconds: 30 * 86_400,
    minEntropy: 0,
    powDifficulty: 0,
    dedupMax: 3,
    dedupWindowMs: 3_600_000,
    storageQuotaBytes: 10 * 1024 ** 3,
  });
  assert.deepEqual(rest.limits, {
    main: {
      enabled: true,
      windowMs: 60_000,
      perWindow: {
        auth: 30,
        auth_register: 10,
        auth_email_verify: 30,
        bootstrap: 5,
        account: 120,
        incident_read: 300,
        incident_write: 120,
        upload: 120,
        reconcile: 120,
        stream: 120,
        token: 60,
        download: 30,
        paste_create: 30,
        paste_read: 300,
        paste_manage: 60,
        paste_challenge: 60,
      },
    },
    viewer: {
      enabled: true,
      windowMs: 60_000,
      perWindow: { viewer_page: 60, viewer_data: 300, viewer_download: 12, static: 600 },
    },
    admin: {
      enabled: true,
      windowMs: 60_000,
      perWindow: { admin_dashboard: 60, admin_login: 10, admin_json: 60 },
    },
  });
  assert.deepEqual(rest.http, {
    main: { readHeaderMs: 10_000, readMs: 0, writeMs: 0, idleMs: 120_000 },
    admin: { readHeaderMs: 10_000, readMs: 30_000, writeMs: 300_000, idleMs: 120_000 },
  });
  assert.deepEqual(rest.uploads, {
    maxBytes: 250 * 1024 ** 2,
    accountQuotaBytes: 10 * 1024 ** 3,
    streamsPerIncident: 10_000,
    stagingQuotaBytes: 1024 ** 3,
    coordinationLeaseTtlMs: 120_000,
    cleanupAgeMs: 0,
    cleanupDryRun: false,
  });
  assert.deepEqual(rest.auth, {
    bootstrap: { kind: 'generated' },
    sessionTtlMs: 43_200_000,
    sessionIdleMs: { bearer: 0, web: 0, admin_web: 3_600_000 },
    emailChallengeTtlMs: 600_000,
    incidentTokenTtlMs: 86_400_000,
    passwords: { listFile: undefined, words: undefined },
  });
  assert.deepEqual(rest.web, {
    enabled: false,
    allowedOrigins: [],
    cookie: { name: '__Host-sallyport_session', secure: true, sameSite: 'lax' },
    csrfHeader: 'X-CSRF-Token',
  });
  assert.deepEqual(
    [rest.logLevel, rest.dataDir, rest.urlPrefix, rest.sweepIntervalMs],
    ['info', './data', '', 60_000],
  );
  assert.deepEqual(
    [rest.secretKey, rest.publicOrigin, rest.proxySecret, rest.metricsToken, rest.webhook],
    Array(5).fill(undefined),
  );
});

test('every default and every example has the shape that its row demands', () => {
  for (const [name, entry] of ENTRIES) {
    const example = entry.example ?? entry.kind.example;
    for (const text of entry.secret ? [] : [example, entry.default ?? example]) {
      assert.ok(v.safeParse(entry.kind.schema, text).success, `${name}=${text}`);
    }
    assert.ok(entry.meaning.length > 3 && entry.kind.shape.length > 3 && example !== '', name);
  }
});

test('the environment wins over the TOML file, and the file over the defaults', () => {
  const toml = {
    paste: { max_expiry: '10d', default_expiry: '2d', dedup_max: 7 },
    server: { main_bind_addrs: ['127.0.0.1:9000', '[::1]:9000'] },
  };
  const read = settings({ SAFE_PASTE_MAX_EXPIRY: '20d' }, { toml, tomlName: './sallyport.toml' });
  assert.deepEqual(
    [read.paste.maxExpirySeconds, read.paste.defaultExpirySeconds, read.paste.dedupMax],
    [1_728_000, 172_800, 7],
  );
  assert.equal(read.main.addresses.length, 2);
  assert.equal(inForce(read, 'SAFE_PASTE_MAX_EXPIRY').source, 'environment');
  assert.deepEqual(inForce(read, 'SAFE_PASTE_DEFAULT_EXPIRY'), {
    name: 'SAFE_PASTE_DEFAULT_EXPIRY',
    value: '2d',
    secret: false,
    source: 'toml',
  });
  assert.equal(inForce(read, 'SAFE_PASTE_CREATE').source, 'default');
  assert.equal(inForce(read, 'SAFE_CONFIG_FILE').value, './sallyport.toml');
});

test('TOML takes its own numbers, booleans and lists where they fit, and nothing else', () => {
  const toml = {
    paste: { max_bytes_anonymous: 2048, min_entropy: 7.2, dedup_window: 0, dedup_max: 0 },
    web_auth: { enabled: true, allowed_origins: ['https://a.example', 'https://b.example'] },
    webauthn: { enabled: false },
    rate_limits: { main_api: { paste_create: 5 }, admin: { window: '2m' } },
  };
  const read = settings({}, { toml });
  assert.deepEqual(
    [read.paste.maxBytesAnonymous, read.paste.minEntropy, read.web.allowedOrigins.length],
    [2048, 7.2, 2],
  );
  assert.deepEqual(limitFor(read, 'paste_create'), { limit: 5, windowMs: 60_000 });
  assert.deepEqual(limitFor(read, 'admin_json'), { limit: 60, windowMs: 120_000 });
  const wrong: [object, string][] = [
    [{ paste: { create: 5 } }, 'paste.create'],
    [{ paste: { create: ['anyone'] } }, 'paste.create'],
    [{ paste: { create: { a: 1 } } }, 'paste.create'],
    [{ paste: { max_expiry: new Date(0) } }, 'paste.max_expiry'],
    [{ paste: { max_expiry: 5 } }, 'paste.max_expiry'],
    [{ web_auth: { enabled: 'maybe' } }, 'web_auth.enabled'],
    [{ web_auth: { enabled: 1 } }, 'web_auth.enabled'],
    [{ web_auth: { allowed_origins: ['https://a.example,https://b.example'] } }, 'web_auth.allowed_origins'],
    [{ web_auth: { allowed_origins: [1] } }, 'web_auth.allowed_origins'],
    [{ paste: 5 }, 'paste'],
    [{ paste: [{ create: 'anyone' }] }, 'paste'],
    [{ server: { proxy_secret: 12345 } }, 'server.proxy_secret'],
  ];
  for (const [table, key] of wrong) {
    const problems = refusals({}, { toml: table, tomlName: 'x.toml' });
    assert.deepEqual(
      problems.map((problem) => problem.name),
      [`${key} in x.toml`],
      JSON.stringify(table),
    );
  }
});

test('an unknown name refuses to start and the nearest known one is named', () => {
  const wrong: Record<string, string> = {
    SAFE_PASTE_MAX_EXPRY: 'SAFE_PASTE_MAX_EXPIRY',
    SAFE_MAIN_BIND_ADRS: 'SAFE_MAIN_BIND_ADDRS',
    SAFE_SECRET_KEY_FIL: 'SAFE_SECRET_KEY_FILE',
    SAFE_PASTE_CREATE_FILE: 'SAFE_PASTE_CREATE',
    SAFE_METRIC_TOKEN: 'SAFE_METRICS_TOKEN',
  };
  for (const [name, nearest] of Object.entries(wrong)) {
    const [problem, ...others] = refusals({ [name]: 'x' });
    assert.deepEqual([problem?.name, others.length], [name, 0]);
    assert.match(problem?.wrong ?? '', new RegExp(`nearest known one is ${nearest}$`));
  }
  const keys: [object, string, string][] = [
    [{ paste: { max_expry: '1d' } }, 'paste.max_expry', 'paste.max_expiry'],
    [{ pastes: { max_expiry: '1d' } }, 'pastes', 'paste'],
    [{ max_expiry: '1d' }, 'max_expiry', 'paste.max_expiry'],
    [{ rate_limits: { main: { auth: 1 } } }, 'rate_limits.main', 'rate_limits.main_api'],
    [{ paste: { create_file: 'x' } }, 'paste.create_file', 'paste.create'],
    [{ 'paste.create': 'anyone' }, 'paste.create', 'paste.create'],
  ];
  for (const [toml, key, nearest] of keys) {
    const [problem, ...others] = refusals({}, { toml, tomlName: 'x.toml' });
    assert.deepEqual([problem?.name, others.length], [`${key} in x.toml`, 0]);
    assert.match(problem?.wrong ?? '', new RegExp(`nearest known key is ${nearest.replaceAll('.', '\\.')}$`));
  }
  assert.equal(
    settings({ PATH: '/bin', safe_x: '1', FPASTE_SERVER: 'x' }).logLevel,
    'info',
    'other programs have names too',
  );
});

test('names of other objects are not names of settings', () => {
  for (const key of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const toml = Object.fromEntries([[key, { x: 1 }]]);
    assert.equal(refusals({}, { toml }).length, 1, key);
    assert.equal(refusals({}, { toml: { paste: Object.fromEntries([[key, 'x']]) } }).length, 1, key);
    assert.equal(refusals({ [`SAFE_${key}`]: 'x' }).length, 1, key);
  }
});

test('everything that is wrong is said at once, with shape and example', () => {
  const problems = refusals({
    SAFE_PASTE_MAX_EXPIRY: 'soon',
    SAFE_PASTE_POW_DIFFICULTY: '33',
    SAFE_SECRET_KEY: 'short',
    SAFE_NOPE: '1',
    SAFE_SMTP_PASSWORD: 'opensesame',
  });
  assert.deepEqual(problems.map(({ name }) => name).sort(), [
    'SAFE_NOPE',
    'SAFE_PASTE_MAX_EXPIRY',
    'SAFE_PASTE_POW_DIFFICULTY',
    'SAFE_SECRET_KEY',
    'SAFE_SMTP_PASSWORD',
  ]);
  for (const problem of problems.filter(({ name }) => name !== 'SAFE_NOPE')) {
    assert.ok(problem.shape && problem.example, problem.name);
  }
  const text = formatProblems(problems);
  assert.match(
    text,
    /SAFE_PASTE_MAX_EXPIRY is not a duration\.\n {2}It is: +soon\n {2}Should be: a duration.*\n {2}Example: +30d/,
  );
});

test('a value in a refusal is short and shows no control character', () => {
  const [problem] = refusals({ SAFE_PASTE_CREATE: `\u001b[31m${'x'.repeat(500)}` });
  assert.match(problem?.value ?? '', /^\?\[31mx+…$/);
  assert.ok((problem?.value ?? '').length < 70);
});

test('an empty value is refused rather than guessed at', () => {
  const allowed = ['SAFE_URL_PREFIX', 'SAFE_S3_PREFIX', 'SAFE_AUTH_BOOTSTRAP_SECRET'];
  for (const [name] of ENTRIES) {
    assert.equal(parseSettings({ env: { [name]: '' } }).ok, allowed.includes(name), name);
  }
});

test('a public bind address refuses to start, even empty, wherever it is said', () => {
  for (const name of ['SAFE_PUBLIC_BIND_ADDR', 'SAFE_PUBLIC_BIND_ADDRS']) {
    for (const value of ['', '127.0.0.1:8080', '0.0.0.0:80']) {
      const [problem, ...others] = refusals({ [name]: value });
      assert.deepEqual([problem?.name, others.length], [name, 0]);
      assert.match(problem?.wrong ?? '', /even when empty: it once opened a public viewer/);
    }
    const key = name.slice('SAFE_'.length).toLowerCase();
    assert.match(refusals({}, { toml: { server: { [key]: '' } } })[0]?.wrong ?? '', /even when empty/);
  }
});

test('the plural name beats the singular one, and both beat nothing', () => {
  const ports = (env: Record<string, string>): number[] =>
    settings(env).main.addresses.map(({ port }) => port);
  assert.deepEqual(ports({ SAFE_MAIN_BIND_ADDR: '127.0.0.1:1' }), [1]);
  assert.deepEqual(
    ports({ SAFE_MAIN_BIND_ADDRS: '127.0.0.1:2,127.0.0.1:3', SAFE_MAIN_BIND_ADDR: '127.0.0.1:1' }),
    [2, 3],
  );
  assert.deepEqual(ports({ SAFE_PRIVATE_BIND_ADDR: '127.0.0.1:4' }), [4]);
  assert.deepEqual(
    ports({ SAFE_PRIVATE_BIND_ADDRS: '127.0.0.1:5', SAFE_PRIVATE_BIND_ADDR: '127.0.0.1:4' }),
    [5],
  );
  assert.deepEqual(settings({ SAFE_ADMIN_BIND_ADDR: '127.0.0.1:6' }).admin.addresses, [
    { host: '127.0.0.1', port: 6 },
  ]);
});

test('an old name means the new one, and must not contradict it', () => {
  assert.ok(
    parseSettings({ env: { SAFE_MAIN_BIND_ADDRS: '[::1]:80', SAFE_PRIVATE_BIND_ADDR: '[0::1]:80' } }).ok,
  );
  const [problem] = refusals({ SAFE_MAIN_BIND_ADDR: '127.0.0.1:1', SAFE_PRIVATE_BIND_ADDRS: '127.0.0.1:2' });
  assert.equal(problem?.name, 'SAFE_PRIVATE_BIND_ADDRS');
  assert.match(problem?.wrong ?? '', /keep SAFE_MAIN_BIND_ADDR alone/);
  assert.equal(refusals({ SAFE_MAIN_BIND_ADDRS: '127.0.0.1:1', SAFE_PRIVATE_BIND_ADDRS: '' }).length, 1);
  assert.equal(refusals({ SAFE_PRIVATE_BIND_ADDR: '' })[0]?.name, 'SAFE_PRIVATE_BIND_ADDR');
  assert.equal(settings({ SAFE_PRIVATE_READ_TIMEOUT: '5s' }).http.main.readMs, 5000);
  assert.equal(refusals({ SAFE_PRIVATE_READ_TIMEOUT: '5s', SAFE_MAIN_READ_TIMEOUT: '6s' }).length, 1);
  assert.ok(parseSettings({ env: { SAFE_PRIVATE_READ_TIMEOUT: '60s', SAFE_MAIN_READ_TIMEOUT: '1m' } }).ok);
});

test('a database path is an old name of a file: URL', () => {
  const read = settings({ SAFE_DB_PATH: '/var/lib/a b#1/x.db' });
  assert.deepEqual(read.database, {
    kind: 'file',
    url: 'file:/var/lib/a b%231/x.db',
    path: '/var/lib/a b#1/x.db',
    encryptionKey: undefined,
  });
  assert.ok(parseSettings({ env: { SAFE_DB_PATH: './x.db', SAFE_DATABASE_URL: 'file:./x.db' } }).ok);
  assert.equal(
    refusals({ SAFE_DB_PATH: './x.db', SAFE_DATABASE_URL: 'file:./y.db' })[0]?.name,
    'SAFE_DB_PATH',
  );
  for (const path of ['', ':memory:', 'data/'])
    assert.equal(refusals({ SAFE_DB_PATH: path })[0]?.name, 'SAFE_DB_PATH');
});

test('a secret file wins over the variable, and one line end at its end is dropped', () => {
  const read = (text: string): Settings =>
    settings(
      { SAFE_METRICS_TOKEN: 'from-variable', SAFE_METRICS_TOKEN_FILE: '/run/t' },
      { files: new Map([['/run/t', { text }]]) },
    );
  assert.equal(read('from-file\n').metricsToken, 'from-file');
  assert.equal(read('from-file\r\n').metricsToken, 'from-file');
  assert.equal(read('from-file').metricsToken, 'from-file');
  assert.equal(inForce(read('from-file'), 'SAFE_METRICS_TOKEN').source, 'file');
  for (const text of ['', '\n', '\r\n', 'from-file\n\n', ' from-file', 'two\nlines']) {
    const [problem] = refusals(
      { SAFE_METRICS_TOKEN_FILE: '/run/t' },
      { files: new Map([['/run/t', { text }]]) },
    );
    assert.equal(problem?.name, 'SAFE_METRICS_TOKEN_FILE', JSON.stringify(text));
  }
  assert.equal(refusals({ SAFE_METRICS_TOKEN_FILE: '/run/t' }).length, 1, 'where no file can be read');
  assert.match(refusals({ SAFE_METRICS_TOKEN_FILE: ' ' })[0]?.wrong ?? '', /names no file/);
});

test('in TOML a secret stands there or in a file, not both, and the environment wins', () => {
  const toml = { server: { metrics_token_file: '/run/t' } };
  const files = new Map([['/run/t', { text: 'from-file\n' }]]);
  assert.equal(settings({}, { toml, files }).metricsToken, 'from-file');
  assert.equal(
    settings({ SAFE_METRICS_TOKEN: 'from-variable' }, { toml }).metricsToken,
    'from-variable',
    'the file is not even read',
  );
  const both = { server: { metrics_token_file: '/run/t', metrics_token: 'there' } };
  assert.equal(refusals({}, { toml: both, files }).length, 1);
  assert.deepEqual(secretFiles({ env: { SAFE_PROXY_SECRET_FILE: '/run/p' }, toml }), ['/run/p', '/run/t']);
  assert.deepEqual(secretFiles({ env: { SAFE_METRICS_TOKEN: 'x' }, toml }), []);
});

test('the bootstrap secret is generated, given, or off', () => {
  assert.deepEqual(settings({}).auth.bootstrap, { kind: 'generated' });
  assert.deepEqual(settings({ SAFE_AUTH_BOOTSTRAP_SECRET: 'correct horse' }).auth.bootstrap, {
    kind: 'given',
    secret: 'correct horse',
  });
  assert.deepEqual(settings({ SAFE_AUTH_BOOTSTRAP_SECRET: '' }).auth.bootstrap, { kind: 'disabled' });
  const files = new Map([['/run/b', { text: '' }]]);
  assert.equal(
    refusals({ SAFE_AUTH_BOOTSTRAP_SECRET_FILE: '/run/b' }, { files }).length,
    1,
    'an empty file is a mistake',
  );
});

test('a secret with a bad shape never appears in what is said about it', () => {
  const canary = 'c4n4ry\u0001value';
  for (const [name, entry] of ENTRIES.filter(([, candidate]) => candidate.secret || candidate.guarded)) {
    const said = [JSON.stringify(refusals({ [name]: canary })), formatProblems(refusals({ [name]: canary }))];
    if (entry.secret) {
      const files = new Map([['/run/x', { text: canary }]]);
      said.push(formatProblems(refusals({ [`${name}_FILE`]: '/run/x' }, { files })));
    }
    if (entry.toml !== undefined) {
      const [leaf = '', ...sections] = entry.toml.split('.').reverse();
      for (const value of [canary, [canary], { a: canary }]) {
        const toml = sections.reduce<object>((inner, section) => ({ [section]: inner }), { [leaf]: value });
        said.push(JSON.stringify(refusals({}, { toml })));
      }
    }
    for (const text of said) assert.ok(!text.includes('c4n4ry'), name);
  }
});

test('secrets in force are only said to be set, and URLs show no more than where they lead', () => {
  const canary = 'c4n4ryvalue0123456789';
  const read = settings({
    SAFE_SECRET_KEY: KEY,
    SAFE_METRICS_TOKEN: canary,
    SAFE_PROXY_SECRET: canary,
    SAFE_SMTP_USERNAME: 'someone',
    SAFE_SMTP_PASSWORD: canary,
    SAFE_AUTH_BOOTSTRAP_SECRET: canary,
    SAFE_WEBHOOK_URL: `https://hooks.example.org/${canary}?x=${canary}`,
    SAFE_WEBHOOK_SECRET: `whsec_${KEY}`,
  });
  const text = JSON.stringify(describeSettings(read));
  assert.ok(!text.includes('c4n4ry') && !text.includes(KEY));
  assert.equal(inForce(read, 'SAFE_METRICS_TOKEN').value, 'set');
  assert.equal(inForce(read, 'SAFE_DATABASE_AUTH_TOKEN').value, 'not set');
  assert.equal(inForce(read, 'SAFE_WEBHOOK_URL').value, 'https://hooks.example.org/…');
  assert.equal(inForce(read, 'SAFE_DATABASE_URL').value, 'file:./data/sallyport.db');
  assert.equal(describeSettings(read).length, ENTRIES.length);
});

test('a user name or password typed into any URL is not repeated', () => {
  for (const name of [
    'SAFE_PUBLIC_ORIGIN',
    'SAFE_WEB_ALLOWED_ORIGINS',
    'SAFE_DATABASE_URL',
    'SAFE_S3_ENDPOINT',
    'SAFE_TIMESTAMP_URL',
  ]) {
    const text = formatProblems(refusals({ [name]: 'https://someone:c4n4ry@host.example' }));
    assert.ok(!text.includes('c4n4ry'), text);
  }
});

test('the secret key is 32 bytes of base64', () => {
  assert.deepEqual([...(settings({ SAFE_SECRET_KEY: KEY }).secretKey ?? [])], Array(32).fill(7));
  for (const text of [
    KEY.slice(4),
    `${KEY}AAAA`,
    ` ${KEY}`,
    'x',
    Buffer.alloc(31).toString('base64'),
    Buffer.alloc(32).toString('hex'),
  ]) {
    assert.equal(refusals({ SAFE_SECRET_KEY: text })[0]?.name, 'SAFE_SECRET_KEY');
  }
});

test('links start with the origin that was set, or with a loopback address, or with nothing', () => {
  const from = (env: Record<string, string>, port?: number) =>
    publicOrigin(settings(env), port === undefined ? undefined : { port });
  assert.equal(from({}), 'http://127.0.0.1:8080');
  assert.equal(from({ SAFE_MAIN_BIND_ADDR: '127.0.0.1:0' }, 41_234), 'http://127.0.0.1:41234');
  assert.equal(from({ SAFE_MAIN_BIND_ADDR: '[::1]:8080' }), 'http://[::1]:8080');
  assert.equal(from({ SAFE_MAIN_BIND_ADDR: 'localhost:80' }), 'http://localhost');
  assert.equal(from({ SAFE_MAIN_BIND_ADDR: '0.0.0.0:8080' }), undefined);
  assert.equal(from({ SAFE_MAIN_BIND_ADDRS: '10.0.0.1:8080,127.0.0.1:8080' }), undefined);
  assert.equal(
    from({ SAFE_PUBLIC_ORIGIN: 'https://paste.example.org', SAFE_MAIN_BIND_ADDR: '0.0.0.0:8080' }, 1),
    'https://paste.example.org',
  );
  assert.equal(from({ SAFE_TLS_CERT_FILE: 'c.pem', SAFE_TLS_KEY_FILE: 'k.pem' }), 'https://127.0.0.1:8080');
});

test('a limit is off when its group is, or when it is 0', () => {
  assert.deepEqual(limitFor(settings({}), 'viewer_download'), { limit: 12, windowMs: 60_000 });
  assert.equal(limitFor(settings({ SAFE_MAIN_API_RATE_LIMIT_PASTE_READ: '0' }), 'paste_read'), undefined);
  const off = settings({ SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false', SAFE_MAIN_API_RATE_LIMIT_WINDOW: '0' });
  assert.equal(limitFor(off, 'auth'), undefined);
  assert.ok(limitFor(off, 'admin_login'));
  assert.ok(limitFor(off, 'static'));
});

test('what is allowed but unwise is said', () => {
  const said = (env: Record<string, string>): string => {
    const read = settings(env);
    return settingsWarnings(read, publicOrigin(read)).join('\n');
  };
  assert.equal(said({}), '');
  assert.match(said({ SAFE_MAIN_BIND_ADDR: '0.0.0.0:8080' }), /SAFE_PUBLIC_ORIGIN/);
  assert.match(said({ SAFE_ADMIN_BIND_ADDR: '[::]:8081' }), /admin door listens on \[::\]:8081/);
  assert.match(said({ SAFE_TRUSTED_PROXIES: '0.0.0.0/0' }), /every address/);
  assert.match(said({ SAFE_METRICS_TOKEN: 'c4n4ry' }), /^SAFE_METRICS_TOKEN is shorter(?!.*c4n4ry)/);
  const plainCookie = { SAFE_WEB_SESSION_COOKIE_SECURE: '0', SAFE_WEB_SESSION_COOKIE_NAME: 'session' };
  assert.match(
    said({ ...plainCookie, SAFE_WEB_ALLOWED_ORIGINS: 'http://localhost:3000' }),
    /For development only/,
  );
  const mail = { SAFE_EMAIL_BACKEND: 'smtp', SAFE_SMTP_HOST: 'smtp.example', SAFE_SMTP_FROM: 'a@b.example' };
  assert.match(said({ ...mail, SAFE_SMTP_STARTTLS: 'opportunistic' }), /SAFE_SMTP_STARTTLS is opportunistic/);
  assert.equal(
    said(mail) + said({ ...mail, SAFE_SMTP_STARTTLS: 'disabled', SAFE_SMTP_HOST: 'localhost' }),
    '',
  );
  const cache = { SAFE_COORDINATION_BACKEND: 'valkey', SAFE_VALKEY_ADDR: 'cache.example:6379' };
  assert.match(said(cache), /SAFE_VALKEY_TLS is false/);
  assert.equal(said({ ...cache, SAFE_VALKEY_TLS: 'true' }), '');
  assert.match(said({ SAFE_DATABASE_URL: 'http://db.example:8080', SAFE_SECRET_KEY: KEY }), /no TLS/);
  assert.match(said({ SAFE_DATABASE_URL: 'libsql://db.example:8080?tls=0', SAFE_SECRET_KEY: KEY }), /no TLS/);
  assert.equal(said({ SAFE_DATABASE_URL: 'http://127.0.0.1:8080', SAFE_SECRET_KEY: KEY }), '');
  assert.equal(said({ SAFE_DATABASE_URL: 'libsql://db.example', SAFE_SECRET_KEY: KEY }), '');
});

test('no environment makes the reading of it throw', () => {
  const name = fc.constantFrom(...ENTRIES.map(([known]) => known));
  fc.assert(
    fc.property(
      fc.dictionary(
        name,
        fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('0', '1', 'true', '1h', '*')),
        { maxKeys: 6 },
      ),
      (env) => {
        const result = parseSettings({ env });
        assert.ok(result.ok || formatProblems(result.problems).length > 0);
      },
    ),
  );
});

test('no TOML document makes the reading of it throw', () => {
  const leaf = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.date(), fc.array(fc.string()));
  const key = fc.oneof(
    fc.constantFrom('paste', 'server', 'rate_limits', 'main_api', 'max_expiry', 'http', 'main'),
    fc.string(),
  );
  const table = fc.dictionary(
    key,
    fc.oneof(leaf, fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)))),
    { maxKeys: 4 },
  );
  fc.assert(
    fc.property(table, (toml) => {
      const result = parseSettings({ env: {}, toml });
      assert.ok(result.ok || formatProblems(result.problems).length > 0);
    }),
  );
});
