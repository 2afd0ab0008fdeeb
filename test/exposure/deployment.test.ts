/** `sallyport exposure` against deployments on loopback: right ones, and ones with a mistake each. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import Database from 'libsql';
import { UsageError } from '../../cli/sallyport/command.ts';
import { spellings } from '../../cli/sallyport/exposure/spellings.ts';
import { examine } from '../../cli/sallyport/exposure.ts';
import { proxyConfig } from '../../cli/sallyport/proxy-config.ts';
import { adminRoutes } from '../../src/handlers/admin.ts';
import { mainRoutes } from '../../src/handlers/main.ts';
import { makePair, type Pair } from '../support/certificates.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';
import { freePorts } from '../support/ports.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type TempDir, tempDir } from '../support/temp.ts';

interface Report {
  readonly fine: boolean;
  readonly findings: readonly { kind: string; detail: string }[];
  readonly routes: readonly {
    readonly id: string;
    readonly door: string;
    readonly method: string;
    readonly path: string;
    readonly expected: string;
    readonly outcome: string;
    readonly findings: readonly { kind: string; detail: string }[];
  }[];
}

const run = (...args: string[]) => examine(args);

async function report(...args: string[]): Promise<Report & { code: number }> {
  const found = await run(...args, '--json');
  return { ...(JSON.parse(found.report) as Report), code: found.code };
}

const kindsOf = ({ findings, routes }: Report) => [
  ...new Set([...findings, ...routes.flatMap((row) => row.findings)].map(({ kind }) => kind)),
];

describe('a deployment, asked from outside', () => {
  let dir: TempDir;
  let pair: Pair;
  let server: TestServer;
  let nginx: Nginx;
  let url: string;
  let plain: string;
  before(async () => {
    dir = await tempDir();
    pair = makePair(dir.path, 'server');
    server = await startServer({
      settings: {
        SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
        SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
        SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
      },
    });
    const [port = 0, plainPort = 0] = await freePorts(2);
    url = `https://localhost:${port}`;
    plain = `http://localhost:${plainPort}`;
    await proxyConfig.run([
      ...['nginx', '--expose', 'viewer,pastes', '--server-name', 'localhost', '--upstream', server.main],
      ...['--cert', pair.certFile, '--key', pair.keyFile, '--listen', `127.0.0.1:${port}`],
      ...['--listen-plain', `127.0.0.1:${plainPort}`, '--log', join(dir.path, 'access.log')],
      ...['--out', join(dir.path, 'site.conf')],
    ]);
    nginx = await startNginx(dir.path, join(dir.path, 'site.conf'), port);
  });
  after(async () => {
    await nginx?.close();
    await server?.stop();
    await dir.remove();
  });
  const front = () => ['--ca-file', pair.certFile, '--plain', plain];

  it('is fine behind the proxy that was written for it, and every route of both doors was asked for', async () => {
    const found = await report(url, '--expose', 'viewer,pastes', '--strict', ...front());
    assert.deepEqual(kindsOf(found), []);
    assert.equal(found.code, 0);
    assert.equal(found.fine, true);
    const ids = new Set(found.routes.map(({ id }) => id));
    for (const { id } of [...mainRoutes, ...adminRoutes]) assert.ok(ids.has(id), id);
    for (const row of found.routes)
      assert.ok(row.expected === 'reachable' || row.outcome === 'refused', JSON.stringify(row));
    const { report: text } = await run(url, '--expose', 'viewer,pastes', ...front());
    assert.match(text, /^ok +main +GET \/i\/\{token\}/m);
    assert.match(text, /^ok +admin POST \/admin\/login/m);
    assert.match(text, /Nothing was found\.\n$/);
  });

  it('is not, where it exposes more or less than it should', async () => {
    const more = await report(url, '--expose', 'viewer', ...front());
    assert.equal(more.code, 1);
    assert.deepEqual(kindsOf(more), ['exposed']);
    const pastes = more.routes.filter(({ findings }) => findings.length > 0).map(({ id }) => id);
    assert.ok(pastes.length > 0 && pastes.every((id) => /^(?:pastes|client|challenge)\./.test(id)));
    const less = await report(url, '--expose', 'viewer,pastes,product', ...front());
    assert.deepEqual(kindsOf(less), ['unreachable']);
  });

  it('is not, where the private door is what answers', async () => {
    const found = await report(server.admin, '--expose', 'none');
    assert.deepEqual(kindsOf(found).sort(), ['exposed', 'tls_missing']);
    const open = new Set(found.routes.filter(({ findings }) => findings.length > 0).map(({ id }) => id));
    // The token of /metrics is not set: then it is not there.
    for (const { id, path } of adminRoutes) assert.ok(open.has(id) || path === '/metrics', id);
  });

  it('tells what a proxy refuses from what only the server does', async () => {
    const expose = ['--expose', 'viewer,pastes,product'];
    const direct = await report(server.main, ...expose);
    assert.deepEqual(kindsOf(direct), ['tls_missing']);
    const strict = await report(server.main, ...expose, '--strict');
    assert.deepEqual(kindsOf(strict).sort(), ['reaches_server', 'tls_missing']);
  });

  it('makes, changes and removes nothing', async () => {
    const folder = await tempDir();
    const other = await startServer({ folder: folder.path });
    try {
      // With its limits: no class of them is used up by being asked.
      const found = await report(other.main, '--expose', 'viewer,pastes,product');
      assert.deepEqual(kindsOf(found), ['tls_missing']);
    } finally {
      await other.stop();
    }
    const db = new Database(join(folder.path, 'data', 'sallyport.db'), { readonly: true });
    const sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    const filled = (db.prepare(sql).all() as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => db.prepare(`SELECT 1 FROM ${name} LIMIT 1`).get() !== undefined);
    // What every database has, and the checkpoint of an empty log.
    const begun = [
      'schema_migrations',
      'migrations',
      'totals',
      'secret_key',
      'log_progress',
      'webhook_state',
      'log_checkpoints',
    ];
    assert.deepEqual(
      filled.filter((name) => !begun.includes(name)),
      [],
    );
    db.close();
    await folder.remove();
  });

  it('is not, where its certificate is not trusted', async () => {
    const found = await report(url, '--expose', 'viewer,pastes', '--plain', 'none');
    assert.deepEqual(kindsOf(found), ['certificate']);
  });
});

describe('a deployment with a mistake', () => {
  let dir: TempDir;
  let pair: Pair;
  before(async () => {
    dir = await tempDir();
    pair = makePair(dir.path, 'server');
  });
  after(() => dir.remove());

  /** Answers everything itself, over TLS or without. */
  async function asked(answer: RequestListener, tls: object | undefined, args: string[]): Promise<Report> {
    const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
      return await report(url, '--ca-file', pair.certFile, ...args);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it('is told which headers are missing, what leaks, and what other sites may read', async () => {
    const found = await asked(
      (request, response) => {
        response.setHeader('x-request-id', String(request.headers['x-request-id']));
        response.setHeader('server', 'nginx/1.22.1');
        response.setHeader('access-control-allow-origin', '*');
        response.setHeader('content-security-policy', "script-src 'unsafe-inline'");
        response.setHeader('strict-transport-security', 'max-age=60');
        response.end('{}');
      },
      { key: pair.key, cert: pair.cert },
      ['--expose', 'viewer'],
    );
    assert.deepEqual(kindsOf(found).sort(), ['cors', 'exposed', 'hsts', 'leaks_version', 'wrong_header']);
    const details = found.routes.flatMap(({ findings }) => findings.map(({ detail }) => detail));
    for (const part of [
      'referrer-policy is missing',
      'content-security-policy is "script-src',
      'nginx/1.22.1',
    ])
      assert.ok(
        details.some((detail) => detail.includes(part)),
        part,
      );
  });

  it('is told that it still speaks TLS 1.1, and that a redirect is no refusal', async () => {
    const found = await asked(
      (_, response) => response.writeHead(301, { location: 'https://127.0.0.1/admin/' }).end(),
      { key: pair.key, cert: pair.cert, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
      ['--expose', 'none'],
    );
    assert.ok(kindsOf(found).includes('old_tls') && kindsOf(found).includes('exposed'));
  });

  it('is told that nobody answers, with a code of its own, also where a server says nothing', async () => {
    const [port = 0] = await freePorts(1);
    assert.equal((await run(`http://127.0.0.1:${port}`, '--expose', 'viewer')).code, 3);
    assert.equal((await run(`https://127.0.0.1:${port}`, '--expose', 'viewer')).code, 3);
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const url = `http://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    assert.equal((await run(url, '--expose', 'viewer', '--timeout', '1')).code, 3);
    mute.closeAllConnections();
    mute.close();
  });

  it('is not asked at all, where the command line is wrong', async () => {
    for (const line of [
      ['http://127.0.0.1:1'],
      ['http://127.0.0.1:1/path', '--expose', 'viewer'],
      ['ftp://127.0.0.1', '--expose', 'viewer'],
      ['http://127.0.0.1:1', '--expose', 'everything'],
      ['http://127.0.0.1:1', '--expose', 'viewer', '--connections', '99'],
      ['http://127.0.0.1:1', '--expose', 'viewer', '--ca-file', '/nowhere/at/all'],
    ])
      await assert.rejects(examine(line), UsageError, line.join(' '));
  });
});

describe('the spellings', () => {
  it('never spell a path that is exposed, and can stand in a request line', () => {
    for (const path of ['/admin', '/admin/api/stats', '/metrics']) {
      const every = spellings(path);
      assert.equal(new Set(every).size, every.length);
      for (const target of every) assert.match(target, /^[!-~]+$/);
      assert.ok(!every.includes('/'));
    }
  });
});
