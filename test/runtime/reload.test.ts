/** What a running server takes up without a restart, by SIGHUP and by `sallyport reload`, and what it refuses to. */
import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { difference, KNOWN_SECRETS } from '../../runtime/reload.ts';
import { parseSettings, type Settings } from '../../src/core/settings.ts';
import { ENTRIES } from '../../src/core/settings-table.ts';
import { makePair, type Pair } from '../support/certificates.ts';
import { sallyport } from '../support/sallyport.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

function settingsOf(env: Record<string, string>): Settings {
  const parsed = parseSettings({ env });
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.settings;
}

describe('a running server, told to read everything again', () => {
  let dir: TempDir;
  let first: Pair;
  let second: Pair;
  let server: TestServer;
  const place = (name: string) => join(dir.path, name);
  /** In one step, as a tool that renews certificates does it. */
  async function put(name: string, text: string): Promise<void> {
    await writeFile(place(`${name}.new`), text);
    await rename(place(`${name}.new`), place(name));
  }
  const config = (more: string) =>
    put('sallyport.toml', `[server]\nlog_level = "info"\nproxy_secret_file = "proxy-secret"\n${more}\n`);
  before(async () => {
    dir = await tempDir();
    first = makePair(dir.path, 'first');
    second = makePair(dir.path, 'second');
    await put('cert.pem', first.cert);
    await put('key.pem', first.key);
    await put('proxy-secret', 'the-first-proxy-secret\n');
    await put('metrics-token', 'the-first-metrics-token\n');
    await config('');
    server = await startServer({
      folder: dir.path,
      settings: {
        SAFE_TLS_CERT_FILE: 'cert.pem',
        SAFE_TLS_KEY_FILE: 'key.pem',
        SAFE_METRICS_TOKEN_FILE: 'metrics-token',
      },
    });
  });
  after(async () => {
    await server?.stop();
    await dir.remove();
  });

  /** Whose certificate a new connection is shown. */
  function shown(): Promise<string> {
    return new Promise((resolve, reject) => {
      const at = { host: '127.0.0.1', port: Number(new URL(server.main).port), rejectUnauthorized: false };
      const socket: TLSSocket = connect(at, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.once('error', reject);
    });
  }
  /** The next line of the log with this message, after those that are there. */
  async function line(msg: string, from: number): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      const found = server
        .lines()
        .slice(from)
        .find((one) => one.msg === msg);
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  async function hangUp(msg: string) {
    const from = server.lines().length;
    server.kill('SIGHUP');
    return line(msg, from);
  }
  const metrics = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${server.admin}/metrics`, { headers })).status;
  };

  it('shows the new certificate to whoever comes, and drops nobody who is there', async () => {
    // A paste whose upload is under way while the certificate changes, on a connection made before.
    const { port } = new URL(server.main);
    const at = { host: '127.0.0.1', port, path: '/', method: 'POST', rejectUnauthorized: false };
    const answered = new Promise<number>((resolve, reject) => {
      const upload = request({ ...at, agent: false, headers: { 'content-length': 10 } }, (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
      });
      upload.once('error', reject);
      upload.write('first', () => {
        void (async () => {
          assert.equal(await shown(), 'first');
          await put('cert.pem', second.cert);
          await put('key.pem', second.key);
          await hangUp('reloaded');
          assert.equal(await shown(), 'second');
          upload.end('after');
        })().catch(reject);
      });
    });
    assert.equal(await answered, 201);
  });

  it('stays as it was where a certificate and its key do not belong together, and says so', async () => {
    await put('cert.pem', first.cert);
    const refused = await hangUp('reload refused');
    assert.deepEqual([refused.level, refused.reason], ['error', 'tls']);
    assert.equal(await shown(), 'second');
    // It is said elsewhere than it is logged, and may be read later.
    while (!/everything stays as it was\. The certificate and the key of the main door/.test(server.said()))
      await new Promise((resolve) => setTimeout(resolve, 5));
    await put('cert.pem', second.cert);
  });

  it('takes up a secret that lies in a file', async () => {
    assert.equal(await metrics('the-first-metrics-token'), 200);
    await put('metrics-token', 'the-second-metrics-token\n');
    assert.equal((await hangUp('reloaded')).setting, 'SAFE_METRICS_TOKEN');
    assert.equal(await metrics('the-first-metrics-token'), 401);
    assert.equal(await metrics('the-second-metrics-token'), 200);
    await put('proxy-secret', 'the-second-proxy-secret\n');
    const from = server.lines().length;
    const ran = await sallyport(dir.path, ['reload', '--json'], {});
    assert.equal(ran.code, 0, ran.said);
    assert.deepEqual(JSON.parse(ran.out), { applied: ['SAFE_PROXY_SECRET'], restart: [] });
    assert.equal((await line('reloaded', from)).setting, 'SAFE_PROXY_SECRET');
    assert.ok(!server.log().includes('-proxy-secret') && !server.log().includes('-metrics-token'));
  });

  it('logs from another level on, told by its file or for a while by a command', async () => {
    const debug = () => server.lines().filter(({ level }) => level === 'debug').length;
    const ask = () => fetch(`${server.admin}/nowhere`);
    await ask();
    assert.equal(debug(), 0);
    await put('sallyport.toml', '[server]\nlog_level = "debug"\nproxy_secret_file = "proxy-secret"\n');
    assert.equal((await hangUp('reloaded')).setting, 'SAFE_LOG_LEVEL');
    const from = server.lines().length;
    await ask();
    assert.equal((await line('refused', from)).code, 'not_found');
    const back = await sallyport(dir.path, ['log-level', 'warn']);
    assert.equal(back.code, 0, back.said);
    const before = server.lines().length;
    await ask();
    // Lines come in order: this one is later than that of the request would be.
    await put('key.pem', first.key);
    await hangUp('reload refused');
    await put('key.pem', second.key);
    const since = server.lines().slice(before);
    assert.deepEqual(
      since.map(({ msg }) => msg),
      ['reload refused'],
    );
    assert.equal((await sallyport(dir.path, ['log-level', 'loud'])).code, 1);
  });

  it('refuses settings that are wrong, all of them, and names what needs a restart', async () => {
    await config('trusted_proxies = ["127.0.0.1"]\nurl_prefix = "nonsense"');
    const ran = await sallyport(dir.path, ['reload'], {});
    assert.notEqual(ran.code, 0);
    assert.match(ran.said, /SAFE_URL_PREFIX|url_prefix/);
    await config('trusted_proxies = ["127.0.0.1"]\nurl_prefix = "/paste"');
    const done = await sallyport(dir.path, ['reload', '--json'], {});
    assert.deepEqual(JSON.parse(done.out), {
      applied: ['SAFE_LOG_LEVEL', 'SAFE_TRUSTED_PROXIES'],
      restart: ['SAFE_URL_PREFIX'],
    });
  });
});

describe('what a reload takes up', () => {
  it('knows of every secret there is whether it can', () => {
    const secrets = ENTRIES.filter(([, { secret }]) => secret === true).map(([name]) => name);
    assert.deepEqual(
      secrets.filter((name) => !KNOWN_SECRETS.includes(name)),
      [],
    );
  });

  it('leaves to a restart what was switched on or off, and what is taken up once', () => {
    const mail = {
      SAFE_EMAIL_BACKEND: 'smtp',
      SAFE_SMTP_HOST: 'smtp.example',
      SAFE_SMTP_FROM: 'a@example.org',
      SAFE_SMTP_USERNAME: 'a',
    };
    for (const [from, to, applied, restart] of [
      [{}, {}, [], []],
      [{}, { SAFE_METRICS_TOKEN: 'on' }, [], ['SAFE_METRICS_TOKEN']],
      [{ SAFE_METRICS_TOKEN: 'a' }, { SAFE_METRICS_TOKEN: 'b' }, ['SAFE_METRICS_TOKEN'], []],
      [
        { ...mail, SAFE_SMTP_PASSWORD: 'a' },
        { ...mail, SAFE_SMTP_PASSWORD: 'b' },
        ['SAFE_SMTP_PASSWORD'],
        [],
      ],
      [
        { SAFE_AUTH_BOOTSTRAP_SECRET: 'a' },
        { SAFE_AUTH_BOOTSTRAP_SECRET: 'b' },
        [],
        ['SAFE_AUTH_BOOTSTRAP_SECRET'],
      ],
      [{}, { SAFE_TLS_CERT_FILE: 'a', SAFE_TLS_KEY_FILE: 'b' }, [], ['SAFE_TLS_CERT_FILE']],
      [{ SAFE_SLOW_REQUEST: '1s' }, { SAFE_SLOW_REQUEST: '2s' }, ['SAFE_SLOW_REQUEST'], []],
    ] as const) {
      const found = difference(settingsOf({ ...from }), settingsOf({ ...to }));
      assert.deepEqual(found, { applied, restart }, JSON.stringify(to));
    }
  });
});
