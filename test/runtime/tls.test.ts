import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { type Probe, startProbe } from '../support/probe.ts';
import { runtimes } from '../support/server.ts';

/** A key and a certificate for it, made by openssl in a folder. */
interface Pair {
  readonly key: string;
  readonly cert: string;
}

function makePair(folder: string, name: string, issuer?: string): Pair {
  const path = (kind: string) => join(folder, `${name}.${kind}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path('key')];
  const subject = ['-subj', `/CN=${name}`];
  const alternative = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  if (issuer === undefined) {
    openssl('req', '-x509', ...key, ...subject, ...alternative, '-days', '2', '-out', path('cert'));
  } else {
    openssl('req', ...key, ...subject, '-out', path('csr'));
    const by = [
      '-CA',
      join(folder, `${issuer}.cert`),
      '-CAkey',
      join(folder, `${issuer}.key`),
      '-CAcreateserial',
    ];
    openssl('x509', '-req', '-in', path('csr'), ...by, '-days', '2', '-out', path('cert'));
  }
  return { key: readFileSync(path('key'), 'utf8'), cert: readFileSync(path('cert'), 'utf8') };
}

/** What the door took for the peer. */
function ask(probe: Probe, client: ConnectionOptions): Promise<{ secure?: boolean; certificate?: unknown }> {
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host: '127.0.0.1',
        port: probe.port,
        path: '/peer',
        rejectUnauthorized: false,
        agent: false,
        ...client,
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (more: string) => {
          text += more;
        });
        answer.on('end', () => resolve(JSON.parse(text)));
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}

const fingerprint = ({ cert }: Pair) =>
  new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase();

describe('TLS that the door ends itself', () => {
  let folder = '';
  let server: Pair;
  let authority: Pair;
  let client: Pair;
  let stranger: Pair;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-tls-'));
    server = makePair(folder, 'server');
    authority = makePair(folder, 'authority');
    client = makePair(folder, 'client', 'authority');
    stranger = makePair(folder, 'stranger');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const runtime of runtimes) {
    it(`tells the handler that the way is secure, on ${runtime}`, async () => {
      await using probe = await startProbe(runtime, { tls: server });
      assert.match(probe.urls[0] ?? '', /^https:/);
      assert.deepEqual(await ask(probe, {}), { secure: true, address: '127.0.0.1' });
    });
  }

  const versions = ['TLSv1.2', 'TLSv1.3'] as const;
  for (const version of versions) {
    const only = { minVersion: version, maxVersion: version };

    it(`takes a certificate of its authority for an identity, and no other, over ${version}`, async () => {
      await using probe = await startProbe('node', { tls: { ...server, clientCa: authority.cert } });
      assert.deepEqual((await ask(probe, { ...client, ...only })).certificate, {
        sha256: fingerprint(client),
      });
      assert.equal((await ask(probe, { ...stranger, ...only })).certificate, undefined);
      assert.equal((await ask(probe, only)).certificate, undefined);
    });

    it(`does not take a resumed session's word for a certificate, over ${version}`, async () => {
      await using probe = await startProbe('node', { tls: { ...server, clientCa: authority.cert } });
      for (const who of [{}, stranger]) {
        const sessions: Buffer[] = [];
        const first = connect({
          host: '127.0.0.1',
          port: probe.port,
          rejectUnauthorized: false,
          ...who,
          ...only,
        });
        first.on('session', (session: Buffer) => sessions.push(session));
        const closed = new Promise((resolve) => first.once('close', resolve));
        first.end('GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n').resume();
        await closed;
        const session = sessions.at(-1) ?? first.getSession();
        const again = await ask(probe, { ...only, ...(session !== undefined && { session }) });
        assert.equal(again.certificate, undefined);
      }
    });
  }

  it('speaks no cipher without authenticated encryption, and no version before 1.2', async () => {
    await using probe = await startProbe('node', { tls: server });
    const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
    assert.equal((await ask(probe, { ...old, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' })).secure, true);
    await assert.rejects(ask(probe, { ...old, ciphers: 'ECDHE-ECDSA-AES128-SHA' }));
    const older = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' } as const;
    await assert.rejects(ask(probe, { ...older, ciphers: 'DEFAULT@SECLEVEL=0' }));
  });

  it('refuses to start on Bun with an authority for clients, and says what to do', async (t) => {
    if (!runtimes.includes('bun')) return t.skip('npm has no Bun for this platform');
    await using probe = await startProbe('bun', { tls: { ...server, clientCa: authority.cert } });
    const { message } = await probe.event('refused');
    assert.match(String(message), /^SAFE_TLS_CLIENT_CA_FILE needs Node: .*SAFE_PROXY_SECRET/);
  });

  it('says in a sentence that a key does not fit its certificate', async () => {
    await using probe = await startProbe('node', { tls: { cert: server.cert, key: client.key } });
    const { name, message } = await probe.event('refused');
    assert.equal(name, 'StartError');
    assert.match(String(message), /SAFE_TLS_CERT_FILE/);
  });
});
