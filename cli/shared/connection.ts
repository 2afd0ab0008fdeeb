/**
 * Sockets to a server. The request is only handed a socket whose handshake is over and whose certificate was
 * accepted, so that nothing of it, headers included, reaches a server that is not the right one.
 */

import { readFile, stat } from 'node:fs/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { errorCode, Failure, usage } from './failure.ts';
import { fingerprintOfDer } from './fingerprint.ts';

/** How one server is reached and known. */
export interface Route {
  /** PEM of the certificate that we show, with its key. */
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
  /** 64 hex digits: this certificate and no other, whoever signed it. */
  readonly fingerprint: string | undefined;
  /** PEM of the authorities to trust in place of the runtime's. */
  readonly ca: string | undefined;
}

/** A route that shows no certificate and trusts what the runtime trusts. */
export const ORDINARY_ROUTE: Route = { client: undefined, fingerprint: undefined, ca: undefined };

const CONNECT_TIMEOUT_MS = 30_000;

/** What the files of the settings say. Throws a usage failure when one cannot be used as it is. */
export async function loadRoute(files: {
  readonly clientCertificate: string | undefined;
  readonly clientKey: string | undefined;
  readonly serverFingerprint: string | undefined;
  readonly caFile: string | undefined;
  readonly platform: string;
}): Promise<Route> {
  const { clientCertificate, clientKey, serverFingerprint: fingerprint, caFile, platform } = files;
  const ca = caFile === undefined ? undefined : await readPem(caFile, 'The CA file');
  if (clientCertificate === undefined || clientKey === undefined)
    return { client: undefined, fingerprint, ca };
  await checkPrivate(clientKey, platform);
  const certificate = await readPem(clientCertificate, 'The client certificate');
  const key = await readPem(clientKey, 'The client key');
  if (key.includes('ENCRYPTED'))
    throw usage('The client key has a passphrase, which cannot be asked for here. Use a key without one.');
  return { client: { certificate, key }, fingerprint, ca };
}

async function checkPrivate(file: string, platform: string): Promise<void> {
  if (platform === 'win32') return;
  const { mode } = await stat(file).catch((error: unknown) => {
    throw usage(`The client key ${file} cannot be read (${errorCode(error)}).`);
  });
  if ((mode & 0o077) !== 0)
    throw usage(`The client key ${file} can be read by others. Run: chmod 600 ${file}`);
}

async function readPem(file: string, what: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw usage(`${what} ${file} cannot be read (${errorCode(error)}).`);
  });
  if (!text.includes('-----BEGIN ')) throw usage(`${what} ${file} is not PEM.`);
  return text;
}

/**
 * A connected socket, its certificate checked. Rejects with a network failure; one that says `passing` may go
 * better later.
 */
export async function openSocket(url: URL, route: Route): Promise<Socket> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (url.protocol === 'http:') {
    if (route.fingerprint !== undefined || route.client !== undefined) {
      throw usage('A pinned fingerprint and a client certificate need an https server.');
    }
    return await ready(connectTcp({ host, port, noDelay: true }), 'connect', url);
  }
  const socket = await ready(secureSocket(host, port, route), 'secureConnect', url);
  if (route.fingerprint !== undefined) checkFingerprint(socket, route.fingerprint);
  return socket;
}

function secureSocket(host: string, port: number, { client, fingerprint, ca }: Route): TLSSocket {
  try {
    return connectTls({
      host,
      port,
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      // With a pin the certificate itself is the authority: no chain and no name could add to that.
      rejectUnauthorized: fingerprint === undefined,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
      ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
    });
  } catch (error) {
    throw usage(`The client certificate, its key or the CA file cannot be used (${errorCode(error)}).`);
  }
}

function checkFingerprint(socket: TLSSocket, wanted: string): void {
  const der = socket.getPeerCertificate()?.raw;
  if (der !== undefined && fingerprintOfDer(der) === wanted) return;
  socket.destroy();
  throw new Failure(
    'network',
    'wrong_fingerprint',
    'The server showed another certificate than the pinned one; nothing was sent. If the server has a new certificate, change server_fingerprint; otherwise somebody is in between.',
  );
}

function ready<T extends Socket>(socket: T, event: string, url: URL): Promise<T> {
  return new Promise((done, fail) => {
    const over = (error: unknown): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      // What a destroyed socket still reports is nobody's news, and unheard it would end the process.
      socket.on('error', () => undefined);
      if (error === undefined) {
        done(socket);
        return;
      }
      socket.destroy();
      fail(connectFailure(errorCode(error), url));
    };
    const timer = setTimeout(() => over({ code: 'ETIMEDOUT' }), CONNECT_TIMEOUT_MS);
    socket.once(event, () => over(undefined));
    socket.once('error', over);
    socket.once('close', () => over({ code: 'ECONNRESET' }));
  });
}

/** Names of what OpenSSL and the runtimes report when a certificate is not accepted. */
const CERTIFICATE_TROUBLE = /CERT|SIGNED|VERIFY|ISSUER|ALTNAME|CRL/;

function connectFailure(code: string, url: URL): Failure {
  const where = url.host;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new Failure(
      'network',
      'host_not_found',
      `The name of the server ${where} cannot be resolved. Check --server.`,
      code === 'EAI_AGAIN',
    );
  }
  if (CERTIFICATE_TROUBLE.test(code)) {
    return new Failure(
      'network',
      'certificate_not_trusted',
      `The certificate of ${where} is not trusted (${code}); nothing was sent. Set ca_file for a private authority, or server_fingerprint.`,
    );
  }
  const passing = code !== 'ECONNREFUSED';
  return new Failure(
    'network',
    'no_connection',
    `There is no connection to ${where} (${code}). Is the server running, and the address right?`,
    passing,
  );
}
