/** A timestamp authority on loopback: OpenSSL behind an HTTP server, with a certificate authority of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { tempDir } from './temp.ts';

/** Why there can be none here, for a test to say; undefined where there can. */
export const noTimestamps: string | false =
  spawnSync('openssl', ['version']).status === 0
    ? false
    : 'OpenSSL is not installed (apt-get install openssl)';

export interface TimestampAuthority {
  readonly url: string;
  /** PEM of the certificate that its answers lead to. */
  readonly authorities: string;
  /** From now on it answers 500, or again as it should. */
  broken: boolean;
  /** How often it was asked. */
  asked: number;
  close(): Promise<void>;
}

const CONFIG = `[tsa]
default_tsa = authority
[authority]
dir = .
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
certs = ./ca.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
`;

export async function timestampAuthority(): Promise<TimestampAuthority> {
  const dir = await tempDir();
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: dir.path, stdio: ['ignore', 'ignore', 'ignore'] });
  await writeFile(join(dir.path, 'tsa.cnf'), CONFIG);
  await writeFile(join(dir.path, 'serial'), '01\n');
  await writeFile(join(dir.path, 'ext'), 'extendedKeyUsage=critical,timeStamping\n');
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=CA', '-days', '2');
  openssl('req', ...key, '-keyout', 'tsa.key', '-out', 'tsa.csr', '-subj', '/CN=Authority');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'ext', '-days', '2'];
  openssl('x509', '-req', '-in', 'tsa.csr', '-out', 'tsa.pem', ...signed);

  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    authority.asked += 1;
    if (authority.broken) {
      response.writeHead(500).end('not now');
      return;
    }
    await writeFile(join(dir.path, 'query'), Buffer.concat(parts));
    openssl('ts', '-reply', '-config', 'tsa.cnf', '-queryfile', 'query', '-out', 'answer');
    response.setHeader('content-type', 'application/timestamp-reply');
    response.end(await readFile(join(dir.path, 'answer')));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const authority: TimestampAuthority = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    authorities: await readFile(join(dir.path, 'ca.pem'), 'utf8'),
    broken: false,
    asked: 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await dir.remove();
    },
  };
  return authority;
}
