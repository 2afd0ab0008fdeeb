/** Who asks, before any account is involved. */
import ipaddr from 'ipaddr.js';
import { isIpAddress } from './ip-address.ts';

export interface Visitor {
  /** IP address in plain form, or `unknown`. */
  readonly address: string;
  /** The way to us was encrypted, as far as we can know. */
  readonly secure: boolean;
  /** Fingerprint of a client certificate: 64 hex digits (SHA-256), or `sha1:` and 40. It is an identity. */
  readonly owner?: string;
}

/**
 * An IP address in its canonical spelling, an IPv4-mapped IPv6 address as IPv4, without a zone.
 * Undefined for anything else, a host name or a port included.
 */
export function plainAddress(text: string): string | undefined {
  if (!isIpAddress(text)) return undefined;
  return ipaddr.process(text.replace(/%.*$/, '')).toString();
}
