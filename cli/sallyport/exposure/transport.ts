/** What can be said about a deployment before any route: its TLS, its certificate, and what plain HTTP does. */
import { isIP } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { hostnameOf, openClient } from './client.ts';
import type { Finding } from './judge.ts';

/** A certificate that ends sooner should have been renewed. */
const RENEWED_DAYS = 14;

interface Handshake {
  readonly authorized: boolean;
  readonly reason: string;
  readonly protocol: string;
  /** Milliseconds since the epoch. */
  readonly validTo: number;
}

function handshake(url: URL, timeoutMs: number, options: ConnectionOptions): Promise<Handshake | undefined> {
  return new Promise((resolve) => {
    const host = hostnameOf(url);
    const socket = connect({
      host,
      port: Number(url.port || 443),
      ...(isIP(host) === 0 && { servername: host }),
      rejectUnauthorized: false,
      ...options,
    });
    const timer = setTimeout(() => socket.destroy(), timeoutMs);
    socket.once('secureConnect', () => {
      const { valid_to } = socket.getPeerCertificate();
      resolve({
        authorized: socket.authorized,
        reason: String(socket.authorizationError ?? ''),
        protocol: socket.getProtocol() ?? '',
        validTo: Date.parse(valid_to),
      });
      socket.destroy();
    });
    socket.once('error', () => {});
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

export interface TransportOptions {
  readonly timeoutMs: number;
  readonly ca?: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** TLS at this URL. @returns undefined when nobody answers there */
export async function tlsFindings(
  url: URL,
  { timeoutMs, ca, now }: TransportOptions,
): Promise<readonly Finding[] | undefined> {
  const trust = ca === undefined ? {} : { ca };
  const made = await handshake(url, timeoutMs, trust);
  if (made === undefined) return undefined;
  const findings: Finding[] = [];
  if (!made.authorized)
    findings.push({ kind: 'certificate', detail: `the certificate does not verify: ${made.reason}` });
  const days = Math.floor((made.validTo - now) / 86_400_000);
  if (days < RENEWED_DAYS)
    findings.push({ kind: 'certificate', detail: `the certificate ends in ${days} days` });
  // A lower security level, or this side would not even offer them.
  const old: ConnectionOptions = {
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  };
  const outdated = await handshake(url, timeoutMs, old);
  if (outdated !== undefined)
    findings.push({ kind: 'old_tls', detail: `${outdated.protocol} is accepted; TLS 1.2 is the least` });
  return findings;
}

/** Plain HTTP beside a deployment with TLS: closed, refusing, or leading to TLS at the same host. */
export async function plainFindings(
  plain: URL,
  secure: URL,
  { timeoutMs }: TransportOptions,
  requestId: string,
): Promise<readonly Finding[]> {
  const client = openClient({ base: plain, timeoutMs, connections: 1, untrusted: false });
  try {
    const answer = await client.ask('GET', '/', { 'x-request-id': requestId });
    if ('silence' in answer) return [];
    const { status, headers } = answer;
    if (headers['x-request-id'] === requestId)
      return [{ kind: 'tls_missing', detail: `${plain.origin} reaches the server without TLS` }];
    if (status >= 400) return [];
    const place = headers.location;
    const target = place !== undefined && URL.canParse(place, plain) ? new URL(place, plain) : undefined;
    if (status >= 300 && target?.protocol === 'https:' && target.hostname === secure.hostname) return [];
    return [
      {
        kind: 'tls_missing',
        detail: `${plain.origin} answers ${status} and does not lead to TLS at this host`,
      },
    ];
  } finally {
    client.close();
  }
}
