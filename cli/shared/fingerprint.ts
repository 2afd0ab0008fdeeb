/** A pinned server certificate, by the SHA-256 of its DER bytes, as `openssl x509 -fingerprint -sha256` prints it. */

import { createHash } from 'node:crypto';
import { usage } from './failure.ts';

/** 64 lower-case hex digits from `AA:BB:…`, `aabb…` or `sha256:…`. Throws a usage failure. */
export function fingerprintOf(text: string): string {
  const hex = text
    .trim()
    .toLowerCase()
    .replace(/^sha256:/, '')
    .replaceAll(':', '');
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw usage(
      'The server fingerprint must be the SHA-256 of its certificate: 64 hex digits, colons allowed.',
    );
  }
  return hex;
}

export function fingerprintOfDer(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex');
}
