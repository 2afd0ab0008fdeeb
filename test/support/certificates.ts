/** Keys and certificates for tests, made by openssl in a folder. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Pair {
  /** PEM, and where it lies. */
  readonly key: string;
  readonly cert: string;
  readonly keyFile: string;
  readonly certFile: string;
}

/**
 * A key and a certificate for it, good for a month.
 * @param issuer the name of one made before in this folder; self-signed without
 */
export function makePair(folder: string, name: string, issuer?: string, host = 'localhost'): Pair {
  const path = (kind: string, of = name) => join(folder, `${of}.${kind}`);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path('key')];
  const subject = ['-subj', `/CN=${name}`];
  if (issuer === undefined) {
    const names = ['-addext', `subjectAltName=DNS:${host},IP:127.0.0.1`];
    openssl('req', '-x509', ...key, ...subject, ...names, '-days', '30', '-out', path('cert'));
  } else {
    openssl('req', ...key, ...subject, '-out', path('csr'));
    const by = ['-CA', path('cert', issuer), '-CAkey', path('key', issuer), '-CAcreateserial'];
    openssl('x509', '-req', '-in', path('csr'), ...by, '-days', '30', '-out', path('cert'));
  }
  return {
    keyFile: path('key'),
    certFile: path('cert'),
    key: readFileSync(path('key'), 'utf8'),
    cert: readFileSync(path('cert'), 'utf8'),
  };
}
