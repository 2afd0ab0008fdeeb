/** Text to value: addresses, networks, origins and URLs. Pure functions that never resolve a name. */
import ipaddr from 'ipaddr.js';
import { isIpAddress, isIpv6Address } from './ip-address.ts';
import { bad, good, type Parsed } from './settings-parse.ts';

/** A place to listen on or to connect to. IPv6 hosts are without brackets. */
export interface Address {
  readonly host: string;
  /** 0 to 65535; 0 lets the system choose. */
  readonly port: number;
}

/** A network: addresses whose first `prefix` bits are those of `bytes` (4 bytes for IPv4, 16 for IPv6). */
export interface Cidr {
  readonly text: string;
  readonly bytes: readonly number[];
  readonly prefix: number;
}

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * `host:port`, an IPv6 host in brackets. Names come back in lower case without a trailing dot, IP addresses in
 * their canonical spelling. Anything that some resolvers read as a number (`127.1`, `0x7f.0.0.1`, `010.0.0.1`) is
 * refused: two programs would read it differently.
 */
export function parseAddress(text: string): Parsed<Address> {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(0|[1-9]\d{0,4})$/.exec(text);
  if (match === null) {
    if (/^[^[\]]*:[^[\]]*:[^[\]]*$/.test(text)) return bad('needs brackets around an IPv6 address');
    return bad('is not host:port');
  }
  const [, bracketed, plain = '', digits = ''] = match;
  const port = Number(digits);
  if (port > 65_535) return bad('has a port above 65535');
  if (bracketed !== undefined) {
    if (!isIpv6Address(bracketed)) return bad('has no valid IPv6 address in its brackets');
    return good({ host: ipaddr.IPv6.parse(bracketed).toString(), port });
  }
  if (plain === '') return bad('has no host (write 0.0.0.0 or [::] to mean every interface)');
  const host = parseHostName(plain);
  return host.ok ? good({ host: host.value, port }) : host;
}

/** `host:port`, an IPv6 host in brackets. */
export function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An IPv4 address in four decimal parts, or a DNS name in lower case. */
export function parseHostName(text: string): Parsed<string> {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return good(text);
  const name = text.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  if (/^(\d+|0x[\da-f]*)$/.test(labels.at(-1) ?? '')) return bad('is no IPv4 address of four decimal parts');
  if (name.length > 253 || !labels.every((label) => LABEL.test(label))) return bad('has no valid host name');
  return good(name);
}

/** Whether a host, in the spelling of {@link parseAddress}, is this machine alone. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback';
}

/**
 * Whether listening on both would claim one socket, as far as spelling tells: equal hosts in any spelling, a name of
 * this machine and its loopback addresses, or an every-interface address (`0.0.0.0`, and `::`, which takes IPv4 too)
 * and anything below it. Port 0 never clashes. Two different DNS names for one address are the system's to refuse,
 * as the second bind fails.
 */
export function addressesClash(one: Address, other: Address): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  const left = spellings(one.host);
  const right = spellings(other.host);
  return left.some((a) => right.some((b) => a === b || covers(a, b) || covers(b, a)));
}

function spellings(host: string): readonly string[] {
  if (ipaddr.isValid(host)) return [ipaddr.process(host).toString()];
  return isLoopback(host) ? ['127.0.0.1', '::1'] : [host];
}

function covers(wildcard: string, host: string): boolean {
  if (wildcard === '::') return true;
  // A name may well have an IPv4 address, so that it counts as covered.
  return wildcard === '0.0.0.0' && !isIpv6Address(host);
}

/** An address or a network in CIDR notation; the bits after the prefix must be zero, as a typing error would set them. */
export function parseCidr(text: string): Parsed<Cidr> {
  const match = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text);
  const [, host = '', digits] = match ?? [];
  if (!isIpAddress(host)) return bad('is not a network');
  if (host.includes('%')) return bad('must not have an IPv6 zone');
  const written = ipaddr.parse(host);
  const width = written.kind() === 'ipv4' ? 32 : 128;
  const prefix = digits === undefined ? width : Number(digits);
  if (prefix > width) return bad(`has a prefix longer than ${width} bits`);
  const bytes = written.toByteArray();
  if (!bytes.every((byte, index) => hostBits(byte, index, prefix) === 0)) {
    return bad('has bits set after its prefix: write the first address of the network');
  }
  // Peers come as plain IPv4 whatever the socket calls them, so a mapped network is its IPv4 one.
  const mapped = written.range() === 'ipv4Mapped' && prefix >= 96;
  const [kept, bits] = mapped ? [bytes.slice(12), prefix - 96] : [bytes, prefix];
  return good({ text: `${ipaddr.fromByteArray(kept).toString()}/${bits}`, bytes: kept, prefix: bits });
}

function hostBits(byte: number, index: number, prefix: number): number {
  return byte & (0xff >> fixedBits(index, prefix));
}

/** Whether an IP address, in any spelling, lies in one of the networks. Anything that is no address does not. */
export function inNetworks(networks: readonly Cidr[], address: string): boolean {
  if (networks.length === 0) return false;
  if (!isIpAddress(address)) return false;
  const bytes = ipaddr.process(address).toByteArray();
  return networks.some(
    ({ bytes: network, prefix }) =>
      network.length === bytes.length &&
      network.every((byte, index) => (byte ^ (bytes[index] ?? 0)) >> (8 - fixedBits(index, prefix)) === 0),
  );
}

/** How many leading bits of byte number `index` a prefix covers. */
function fixedBits(index: number, prefix: number): number {
  return Math.min(8, Math.max(0, prefix - index * 8));
}

/** An exact web origin, spelled as browsers send it (RFC 6454 section 6.2): no path, no default port, lower case. */
export function parseOrigin(text: string): Parsed<string> {
  if (text.includes('*'))
    return bad('must name each origin exactly: "*" would let other sites act for their visitors');
  const url = parseUrl(text);
  if (!url.ok) return bad('is not a web origin');
  if (text !== url.value.origin) return bad(`must be an origin alone, spelled exactly ${url.value.origin}`);
  return good(text);
}

/** An absolute http or https URL without user information and without a fragment. */
export function parseUrl(text: string): Parsed<URL> {
  if (text.length > 2048 || !/^https?:\/\/[^\s\\]+$/i.test(text) || !URL.canParse(text))
    return bad('is not an http or https URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return bad('must not hold a user name or password');
  if (text.includes('#')) return bad('must not have a fragment');
  return good(url);
}

const RESERVED = ['admin', 'v1', 'i', 'e', 'static', 'metrics'];

/** `''`, or one or more plain lower-case segments, each after a slash, the first none of the listeners' own. */
export function parseUrlPrefix(text: string): Parsed<string> {
  if (text === '') return good('');
  if (text.length > 200 || !/^(\/[a-z0-9][a-z0-9_-]*)+$/.test(text)) {
    return bad('is not made of plain lower-case segments, each after a slash and none after the last');
  }
  const first = text.split('/')[1] ?? '';
  return RESERVED.includes(first)
    ? bad(`must not begin with /${first}, which belongs to other routes`)
    : good(text);
}
