/** `sallyport proxy-config`: what it writes, what it refuses, and what Caddy and Traefik say to it. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'smol-toml';
import { UsageError } from '../../cli/sallyport/command.ts';
import { allowList } from '../../cli/sallyport/exposed/allow-list.ts';
import { GROUPS } from '../../cli/sallyport/exposed/groups.ts';
import { proxyConfig } from '../../cli/sallyport/proxy-config.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { RawClient } from '../exposure/raw-socket.ts';
import { spellings } from '../exposure/spellings.ts';
import { makePair, type Pair } from '../support/certificates.ts';
import { debianProgram } from '../support/debian.ts';
import { freePorts, listens } from '../support/ports.ts';
import { sallyport } from '../support/sallyport.ts';
import { type TempDir, tempDir } from '../support/temp.ts';
import { tlsDoor } from '../support/tls-door.ts';
import { TRAEFIK_SCHEMA } from './traefik-schema.ts';

const NAME = 'vault.example';
const SECRET = 'not-a-real-proxy-secret';
const TOKEN = 'canary0123456789abcdefghijklmnopqrstuvwxyzA';

function placesOf(groups: typeof GROUPS) {
  const parsed = parseSettings({ env: {}, files: new Map() });
  assert.ok(parsed.ok);
  return allowList(parsed.settings, { groups, identified: false });
}

/** Runs it here: its exit code, and what a person is told where it fails. */
async function command(line: readonly string[], settings: Readonly<Record<string, string>> = {}) {
  Object.assign(process.env, settings);
  try {
    return { code: (await proxyConfig.run(line.slice(1))) ?? 0, said: '' };
  } catch (error) {
    assert.ok(error instanceof Error);
    return { code: error instanceof UsageError ? 2 : 1, said: error.message };
  } finally {
    for (const name of Object.keys(settings)) delete process.env[name];
  }
}

describe('the command', () => {
  let dir: TempDir;
  const base = ['proxy-config', 'nginx', '--expose', 'viewer', '--server-name', NAME];
  const tls = ['--cert', '/tls/cert.pem', '--key', '/tls/key.pem'];
  const place = (name: string) => join(dir.path, name);
  before(async () => {
    dir = await tempDir();
  });
  after(() => dir.remove());

  it('writes the same text each time, and never over a file unless it is told to', async () => {
    const out = ['--out', place('site.conf')];
    const printed = await sallyport(dir.path, [...base, ...tls]);
    assert.equal((await command([...base, ...tls, ...out])).code, 0);
    const written = await readFile(place('site.conf'), 'utf8');
    assert.equal(printed.out, written);
    assert.equal((await command([...base, ...tls, ...out, '--check'])).code, 0);
    await writeFile(place('site.conf'), `${written}# by hand\n`);
    assert.equal((await command([...base, ...tls, ...out, '--check'])).code, 1);
    const again = await command([...base, ...tls, ...out]);
    assert.equal(again.code, 1);
    assert.match(again.said, /site\.conf is there already; --force/);
    assert.equal((await command([...base, ...tls, ...out, '--force'])).code, 0);
    assert.equal(await readFile(place('site.conf'), 'utf8'), written);
  });

  it('keeps the proxy secret out of the configuration, in a file of its own that nobody else can read', async () => {
    const identity = (secret: string, out: string) => [
      ...['--client-ca', '/tls/ca.pem', '--secret-file', place(secret), '--out', place(out), '--force'],
    ];
    const line = [...base, ...tls, ...identity('secret.conf', 'clients.conf')];
    const ran = await command(line, { SAFE_PROXY_SECRET: SECRET });
    assert.equal(ran.code, 0, ran.said);
    assert.equal((await stat(place('secret.conf'))).mode & 0o777, 0o600);
    assert.ok((await readFile(place('secret.conf'), 'utf8')).includes(SECRET));
    const config = await readFile(place('clients.conf'), 'utf8');
    assert.ok(!config.includes(SECRET));
    assert.ok(config.includes(`include ${place('secret.conf')};`));
    const clash = await command(line, { SAFE_PROXY_SECRET: 'another-one' });
    assert.equal(clash.code, 1);
    assert.match(clash.said, /holds something else/);
    for (const secret of ['has$dollar', 'has{brace', 'has`quote']) {
      const fresh = [...base, ...tls, ...identity('other.conf', 'other-clients.conf')];
      const refused = await command(fresh, { SAFE_PROXY_SECRET: secret });
      assert.equal(refused.code, 1);
      assert.ok(!refused.said.includes(secret));
    }
  });

  it('refuses what would end up in the file as something else', async () => {
    for (const [line, said] of [
      [['proxy-config', 'haproxy', '--expose', 'viewer'], /There is nginx, caddy, traefik/],
      [[...base.slice(0, 2), '--expose', 'viewer,admin', '--server-name', NAME, ...tls], /--expose takes/],
      [[...base.slice(0, 4), ...tls], /--server-name NAME is needed/],
      [[...base.slice(0, 5), 'a.example;}', ...tls], /--server-name/],
      [[...base.slice(0, 5), '*.example', ...tls], /--server-name/],
      [base, /nginx needs --cert and --key/],
      [[...base, '--cert', 'a b.pem', '--key', 'key.pem'], /alone can stand in such a file/],
      [[...base, ...tls, '--listen', '443;'], /--listen takes/],
      [[...base, ...tls, '--upstream', 'https://127.0.0.1:8080'], /--upstream takes/],
      [[...base, ...tls, '--upstream', '127.0.0.1:8080/admin'], /--upstream takes/],
      [[...base, ...tls, '--hsts', '1;'], /--hsts takes/],
      [[...base, ...tls, '--client-ca', 'ca.pem'], /go together/],
      [[...base, ...tls, '--check'], /--out/],
      [
        ['proxy-config', 'traefik', ...base.slice(2), ...tls, '--client-ca', 'c', '--secret-file', 's'],
        /Traefik cannot/,
      ],
    ] as const) {
      const ran = await command(line);
      assert.equal(ran.code, 2, `${line.join(' ')}: ${ran.said}`);
      assert.match(ran.said, said, line.join(' '));
    }
  });
});

describe('Traefik', () => {
  it('is given a file of its own schema, with a router for every place', async () => {
    const dir = await tempDir();
    try {
      const line = ['proxy-config', 'traefik', '--expose', GROUPS.join(','), '--server-name', NAME];
      const ran = await sallyport(dir.path, [...line, '--cert', 'cert.pem', '--key', 'key.pem']);
      assert.equal(ran.code, 0, ran.said);
      const config = parse(ran.out) as unknown as { http: { routers: Record<string, { rule: string }> } };
      const valid = new Ajv({ allErrors: true }).compile(TRAEFIK_SCHEMA);
      assert.ok(valid(config), JSON.stringify(valid.errors?.slice(0, 3)));
      const routers = Object.values(config.http.routers);
      assert.equal(routers.length, placesOf(GROUPS).length);
      for (const { rule } of routers) {
        assert.ok(rule.startsWith(`Host(\`${NAME}\`) && (Method(\``), rule);
        assert.doesNotMatch(rule, /admin|metrics/);
        const [, regexp = '^$'] = /PathRegexp\(`([^`]+)`\)/.exec(rule) ?? [];
        for (const path of ['/admin', '/metrics', '/v1/admin', '/', ''])
          assert.doesNotMatch(path, new RegExp(regexp === '^$' ? '^\\0$' : regexp));
      }
    } finally {
      await dir.remove();
    }
  });
});

describe('Caddy', () => {
  let dir: TempDir;
  let pair: Pair;
  let me: Pair;
  before(async () => {
    dir = await tempDir();
    pair = makePair(dir.path, 'server', undefined, NAME);
    makePair(dir.path, 'authority');
    me = makePair(dir.path, 'me', 'authority');
  });
  after(() => dir.remove());

  it('takes the file, passes on what is exposed, refuses everything else, and logs no path', async () => {
    const caddy = debianProgram('caddy');
    const heard: IncomingMessage[] = [];
    const upstream = createServer((request, response) => {
      heard.push(request);
      request.resume().once('end', () => response.end('{}'));
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const [port = 0] = await freePorts(1);
    const file = join(dir.path, 'Caddyfile');
    const line = [
      ...['proxy-config', 'caddy', '--expose', 'viewer,pastes', '--server-name', NAME],
      ...['--cert', pair.certFile, '--key', pair.keyFile, '--log', join(dir.path, 'access.log')],
      ...['--client-ca', join(dir.path, 'authority.cert'), '--secret-file', join(dir.path, 'secret')],
      ...['--upstream', `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`],
      ...['--listen', `127.0.0.1:${port}`, '--listen-plain', 'none', '--out', file],
    ];
    const settings = { SAFE_PROXY_SECRET: SECRET, SAFE_PASTE_MAX_BYTES_IDENTIFIED: '5MiB' };
    const ran = await sallyport(dir.path, line, settings);
    assert.equal(ran.code, 0, ran.said);
    const env = {
      PATH: process.env.PATH,
      HOME: dir.path,
      XDG_DATA_HOME: dir.path,
      XDG_CONFIG_HOME: dir.path,
    };
    const options = ['--adapter', 'caddyfile', '--config', file];
    execFileSync(caddy, ['validate', ...options], { env, stdio: 'pipe' });

    // Its remote control would listen on a fixed port.
    await writeFile(file, (await readFile(file, 'utf8')).replace('\n{\n', '\n{\n\tadmin off\n'));
    const child = spawn(caddy, ['run', ...options], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = once(child, 'close');
    const raw = new RawClient(`https://127.0.0.1:${port}`, {
      host: NAME,
      tls: { servername: NAME, ca: pair.cert },
    });
    try {
      while (!(await listens(port))) {
        assert.equal(child.exitCode, null, said);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const place = { port, serverName: NAME, ca: pair.cert };
      const forged = ['X-Forwarded-For', 'X-Proxy-Secret', 'X-SSL-Client-SHA1', 'X-SSL-Client-SHA256'];
      const headers = {
        ...Object.fromEntries([...forged, 'X-Original-URL'].map((name) => [name, '203.0.113.9'])),
        host: `${NAME}:${port}`,
      };
      for (const path of ['/', '/challenge', `/i/${TOKEN}`, `/i/${TOKEN}/data?x=${TOKEN}`]) {
        const answer = await tlsDoor(place)(new Request(`https://${NAME}${path}`, { headers }));
        assert.equal(answer.status, 200, path);
        assert.match(answer.headers.get('strict-transport-security') ?? '', /^max-age=/);
        assert.equal(answer.headers.get('server'), null);
        const told = heard.at(-1)?.headers ?? {};
        assert.equal(heard.at(-1)?.url, path);
        assert.ok(!JSON.stringify(told).includes('203.0.113.9'), JSON.stringify(told));
        assert.equal(told['x-forwarded-for'], '127.0.0.1');
        assert.equal(told['x-forwarded-proto'], 'https');
        assert.equal(told['x-proxy-secret'], SECRET);
        assert.equal(told['x-ssl-client-sha256'], 'none');
      }
      await tlsDoor({ ...place, cert: me.cert, key: me.key })(new Request(`https://${NAME}/`));
      assert.match(String(heard.at(-1)?.headers['x-ssl-client-sha256']), /^[0-9a-f]{64}$/);

      const before = heard.length;
      for (const path of ['/admin', '/metrics', '/v1/account', `/e/${TOKEN}`]) {
        for (const target of spellings(path).filter(
          (one) => /^\/[!-~]*$/.test(one) && !/^\/[?#]/.test(one),
        )) {
          const answer = await raw.ask('GET', target);
          assert.ok(answer === undefined || answer.status === 404 || answer.status === 400, target);
        }
      }
      for (const [method, path] of [
        ['DELETE', '/'],
        ['POST', `/i/${TOKEN}`],
        ['PROPFIND', '/challenge'],
        ['TRACE', '/challenge'],
      ] as const)
        assert.equal((await raw.ask(method, path))?.status, 404, `${method} ${path}`);
      const large = new Uint8Array(5 * 1024 * 1024 + 10);
      const tooLarge = await tlsDoor(place)(
        new Request(`https://${NAME}/`, { method: 'POST', body: large }),
      ).catch(() => undefined);
      assert.ok(tooLarge === undefined || tooLarge.status >= 400, String(tooLarge?.status));
      assert.deepEqual(
        heard.slice(before).filter(({ method }) => method !== 'POST'),
        [],
      );
    } finally {
      raw.close();
      child.kill('SIGTERM');
      await ended;
      upstream.closeAllConnections();
      upstream.close();
    }
    const logged = `${said}${await readFile(join(dir.path, 'access.log'), 'utf8')}`;
    assert.ok(logged.includes('"status":200'));
    for (const secret of [TOKEN, SECRET, '203.0.113.9', 'challenge'])
      assert.ok(!logged.includes(secret), secret);
  });
});
