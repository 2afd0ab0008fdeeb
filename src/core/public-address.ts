/** Which addresses something that was told to us may be sent to: by default, only those that all of the net can reach. */
import ipaddr from 'ipaddr.js';
import { isIpAddress } from './ip-address.ts';

/** Global unicast, the only part of IPv6 that is handed out (RFC 4291, IANA). */
const GLOBAL_UNICAST = ipaddr.IPv6.parse('2000::');

/** Of one's own network, by the names that ipaddr.js has for ranges. */
const PRIVATE: ReadonlySet<string> = new Set([
  'private',
  'carrierGradeNat',
  'linkLocal',
  'loopback',
  'uniqueLocal',
]);

/**
 * Whether an address may be connected to. Addresses that carry another one inside (IPv4 in IPv6, NAT64, 6to4, Teredo)
 * are not public, whatever they carry: it is the inner one that would be reached.
 * @param address as a resolver writes it; anything else is refused
 * @param allowPrivate also private, shared (RFC 6598), link-local, unique local and loopback addresses
 */
export function mayConnect(address: string, allowPrivate: boolean): boolean {
  // The library alone would read 8.8.8 as 8.8.0.8, and 010 as 8.
  if (!isIpAddress(address)) return false;
  let parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) {
    if (!allowPrivate) return false;
    parsed = parsed.toIPv4Address();
  }
  const range = parsed.range();
  if (allowPrivate && PRIVATE.has(range)) return true;
  if (range !== 'unicast') return false;
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST, 3);
}
