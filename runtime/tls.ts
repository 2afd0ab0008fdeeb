/** TLS that a listener ends itself, and which client certificates count as an identity. */
import { constants, createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { TLSSocket } from 'node:tls';
import type { TlsMaterial } from './listener.ts';

/**
 * Forward secrecy and authenticated encryption alone, as RFC 9325 section 4.2 recommends. Node's own list has static
 * RSA and CBC behind these, for clients of the past.
 */
const CIPHERS = [
  ...['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'],
  ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
].join(':');

/** What each new handshake is made with. */
export function secureContext({ cert, key, clientCa }: TlsMaterial): SecureContextOptions {
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ciphers: CIPHERS,
    // No resumption where certificates are asked for: each connection shows its own and has it checked.
    ...(clientCa !== undefined && { ca: clientCa, secureOptions: constants.SSL_OP_NO_TICKET }),
  };
}

/** @param handshakeMs how long a handshake may take; 0 for a bound of ten seconds all the same */
export function tlsOptions(tls: TlsMaterial, handshakeMs: number): TlsOptions {
  return {
    ...secureContext(tls),
    handshakeTimeout: handshakeMs === 0 ? 10_000 : handshakeMs,
    ...(tls.clientCa !== undefined && {
      requestCert: true,
      // Visitors without a certificate, or with a stranger's, are served too: as nobody.
      rejectUnauthorized: false,
    }),
  };
}

const known = new WeakMap<Socket, string | undefined>();

/** Lower-case hex SHA-256 of the DER form of a client certificate that chained to our CA. */
export function verifiedCertificate(socket: Socket): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  if (!known.has(socket)) {
    // `authorized` alone is also true where no certificate was shown at all.
    const raw: Uint8Array | undefined = socket.getPeerCertificate()?.raw;
    known.set(socket, raw === undefined ? undefined : createHash('sha256').update(raw).digest('hex'));
  }
  return known.get(socket);
}
