/** Client certificates and pinned fingerprints, against the Node listener that terminates TLS itself. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { clientRuntimes, type Fpaste, installFpaste } from '../support/fpaste.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openWire } from '../support/wire.ts';

const skip =
  spawnSync('openssl', ['version']).status === 0 ? false : 'there is no openssl to make certificates with';

describe('TLS', { skip }, () => {
  let folder: string;
  let server: TestServer;
  let fpaste: Fpaste;
  let pin: string;
  let marks = 0;
  /** How many requests have reached the server. Its log comes in order: the line of one more ends the wait for it. */
  const requests = async (): Promise<number> => {
    marks += 1;
    const mark = `mark-${marks}`;
    await fetch(`${server.admin}/nowhere`, { headers: { 'x-request-id': mark } });
    for (;;) {
      const lines = server.lines();
      if (lines.some((line) => line.request_id === mark))
        return lines.filter(
          ({ method, request_id: id }) => method !== undefined && !/^mark-/.test(String(id)),
        ).length;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const file = (name: string): string => join(folder, name);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fpaste-tls-'));
    const openssl = (...args: readonly string[]): void => {
      execFileSync('openssl', [...args], { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] });
    };
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'server.key',
      '-out',
      'server.pem',
      '-days',
      '2',
      '-subj',
      '/CN=server',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    );
    openssl(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=Clients',
    );
    openssl('req', ...key, '-keyout', 'client.key', '-out', 'client.csr', '-subj', '/CN=somebody');
    openssl(
      'x509',
      '-req',
      '-in',
      'client.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-out',
      'client.pem',
    );
    pin = new X509Certificate(await readFile(file('server.pem'))).fingerprint256;
    server = await startServer({
      settings: {
        SAFE_TLS_CERT_FILE: file('server.pem'),
        SAFE_TLS_KEY_FILE: file('server.key'),
        SAFE_TLS_CLIENT_CA_FILE: file('ca.pem'),
      },
    });
    fpaste = await installFpaste(server.main);
  });

  after(async () => {
    await fpaste?.remove();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('a certificate that nobody vouches for is refused, and nothing is sent', async () => {
    const lines = await requests();
    const { code, stderr } = await fpaste.run(['create', '-e'], { input: 'x' });
    assert.equal(code, 3);
    assert.match(stderr, /not trusted .*nothing was sent.*ca_file/);
    assert.equal(await requests(), lines);
  });

  test('a CA file vouches for it, and not for another name', async () => {
    const lines = await requests();
    const link = await fpaste.ok(['create', '-e', '--ca-file', file('server.pem')], { input: 'vouched' });
    assert.ok((await requests()) > lines, 'what reaches the server is in its log');
    assert.equal(await fpaste.ok(['get', '--ca-file', file('server.pem'), link]), 'vouched');
    const other = await fpaste.run([
      'info',
      '--ca-file',
      file('server.pem'),
      '--server',
      server.main.replace('127.0.0.1', 'localhost'),
    ]);
    assert.equal(other.code, 3);
  });

  for (const [name, runtime] of clientRuntimes()) {
    test(`a pinned fingerprint, and a certificate as identity, on ${name}`, async () => {
      const env = {
        FPASTE_SERVER_FINGERPRINT: pin,
        FPASTE_CLIENT_CERTIFICATE: file('client.pem'),
        FPASTE_CLIENT_KEY: file('client.key'),
      };
      const home = await installFpaste(server.main);
      try {
        const link = await home.ok(['create', '-e'], { input: 'mine', env, runtime });
        assert.equal(await home.ok(['get', link], { env, runtime }), 'mine');
        await rm(join(home.home, '.local'), { recursive: true });
        // Without the token, the certificate is what proves whose it is.
        const { FPASTE_SERVER_FINGERPRINT } = env;
        assert.equal(
          (await home.run(['delete', link], { env: { FPASTE_SERVER_FINGERPRINT }, runtime })).code,
          2,
        );
        await home.ok(['delete', link], { env, runtime });
      } finally {
        await home.remove();
      }
    });

    test(`a wrong fingerprint ends before anything is sent on ${name}`, async () => {
      const lines = await requests();
      const wrong = `00${pin.slice(2)}`.replace(/^00:/, pin.startsWith('00:') ? '11:' : '00:');
      const wire = await openWire(server.main);
      try {
        const { code, stderr } = await fpaste.run(
          ['create', '-e', '--server', wire.url.replace('http:', 'https:'), '--server-fingerprint', wrong],
          { input: 'x', runtime },
        );
        assert.equal(code, 3);
        assert.match(stderr, /another certificate than the pinned one; nothing was sent/);
        assert.equal(wire.connections(), 1);
        assert.equal(await requests(), lines);
      } finally {
        await wire.close();
      }
    });
  }

  test('a key that others can read is refused', async () => {
    await writeFile(file('open.key'), await readFile(file('client.key')), { mode: 0o644 });
    const { code, stderr } = await fpaste.run([
      'info',
      '--client-certificate',
      file('client.pem'),
      '--client-key',
      file('open.key'),
    ]);
    assert.equal(code, 2);
    assert.match(stderr, /chmod 600/);
  });

  test('a pin and a certificate are refused, not ignored, where there is no TLS', async () => {
    for (const options of [
      ['--server-fingerprint', pin],
      ['--client-certificate', file('client.pem'), '--client-key', file('client.key')],
    ]) {
      const { code } = await fpaste.run(['info', '--server', 'http://127.0.0.1:1', ...options]);
      assert.equal(code, 2);
    }
  });

  test('a link to another server is followed without the certificate of this one', async () => {
    // Whatever connects is told nothing; what it says first is kept.
    const said: Buffer[] = [];
    const stranger = createServer((socket) => {
      socket.on('data', (piece: Buffer) => {
        said.push(piece);
        socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      });
    });
    stranger.listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    try {
      const { port } = stranger.address() as AddressInfo;
      const env = {
        FPASTE_SERVER_FINGERPRINT: pin,
        FPASTE_CLIENT_CERTIFICATE: file('client.pem'),
        FPASTE_CLIENT_KEY: file('client.key'),
      };
      const { code } = await fpaste.run(['get', `http://127.0.0.1:${port}/${'0'.repeat(26)}`], { env });
      assert.equal(code, 1);
      assert.match(Buffer.concat(said).toString(), /^GET \/0{26} HTTP/);
    } finally {
      stranger.close();
    }
  });

  test('the configuration file says all of this, and options win', async () => {
    const config = await fpaste.write(
      'config.toml',
      `server = "${server.main}"\nserver_fingerprint = "${pin}"\nclient_certificate = "${file('client.pem')}"\nclient_key = "${file('client.key')}"\nencrypt = true\nmax_wait = "10s"\n`,
    );
    const env = { FPASTE_SERVER: '' };
    const link = await fpaste.ok(['create', '--config', config], { input: 'configured', env });
    assert.match(link, /#[A-Za-z0-9_-]{43}$/);
    assert.doesNotMatch(
      await fpaste.ok(['create', '--no-encrypt', '--config', config], { input: 'plain', env }),
      /#/,
    );
    assert.doesNotMatch(
      await fpaste.ok(['create', '--config', config], {
        input: 'plain again',
        env: { ...env, FPASTE_ENCRYPT: 'no' },
      }),
      /#/,
    );
    for (const wrong of [
      'sever = "x"',
      'encrypt = "yes"',
      'server_fingerprint = "ab"',
      'client_key = "x"',
      'not toml',
    ]) {
      await fpaste.write('wrong.toml', wrong);
      assert.equal((await fpaste.run(['list', '--config', 'wrong.toml'])).code, 2, wrong);
    }
  });
});
