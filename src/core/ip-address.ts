/** What counts as an IP address: one spelling of each part, so that no two programs read two addresses. */
import ipaddr from 'ipaddr.js';

/**
 * Whether a text is an IPv4 address of four decimal parts, or an IPv6 address (with a zone, where it has one).
 *
 * The library takes the IPv4 end of an IPv6 address in the old spellings too, and reads `::ffff:010.0.0.1` as
 * 8.0.0.1. RFC 4291 §2.2 knows decimal parts alone, and so does everybody else.
 */
export function isIpAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || isIpv6Address(text);
}

/** As {@link isIpAddress}, for IPv6 alone. */
export function isIpv6Address(text: string): boolean {
  if (!ipaddr.IPv6.isValid(text)) return false;
  const [address = ''] = text.split('%');
  const end = address.slice(address.lastIndexOf(':') + 1);
  return !end.includes('.') || ipaddr.IPv4.isValidFourPartDecimal(end);
}
