/**
 * Rate limiting: under which name a request is counted, and the counter for a service of one process.
 */
import ipaddr from 'ipaddr.js';
import type { Keyring } from '../crypto/keyring.ts';
import type { Limiter } from './deps.ts';
import { isIpv6Address } from './ip-address.ts';
import type { LimitClass } from './settings-types.ts';

export type ListenerName = 'main' | 'admin';

/** Longer than any spelling of an IPv6 address without a zone; whatever is longer is no address. */
const LONGEST_ADDRESS = 45;
const UNKNOWN = 'unknown';

/**
 * The IPv4 address behind an IPv6 one: mapped (RFC 4291 §2.5.5.2), translated (64:ff9b::/96, RFC 6052 §2.1: before an
 * IPv6-only server all of IPv4 comes from there, one /64), or the one to which all of a 6to4 /48 belongs (RFC 3056 §2).
 */
function ipv4Within([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0]: readonly number[]):
  | string
  | undefined {
  const text = (high: number, low: number) => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  if (a === 0x2002) return text(b, c);
  if ((c | d | e) !== 0) return undefined;
  const mapped = a === 0 && b === 0 && f === 0xffff;
  const translated = a === 0x64 && b === 0xff9b && f === 0;
  return mapped || translated ? text(g, h) : undefined;
}

/**
 * The network that counts as one peer: an IPv4 address itself, an IPv6 address's /64 (what one customer gets, and
 * may change within at will). IPv6 that carries an IPv4 address is IPv4, a zone id (`%eth0`) is dropped.
 *
 * @param address without port and brackets; undefined where the runtime knows none
 * @returns `192.0.2.7`, `2001:db8:0:1::/64`, or `unknown` for all that is no address in a usual spelling
 */
export function peerNetwork(address: string | undefined): string {
  const plain = address?.split('%', 1)[0] ?? '';
  if (plain === '' || plain.length > LONGEST_ADDRESS) return UNKNOWN;
  if (ipaddr.IPv4.isValidFourPartDecimal(plain)) return plain;
  if (!plain.includes(':') || !isIpv6Address(plain)) return UNKNOWN;
  const { parts } = ipaddr.IPv6.parse(plain);
  const within = ipv4Within(parts);
  if (within !== undefined) return within;
  const [a = 0, b = 0, c = 0, d = 0] = parts;
  return `${a.toString(16)}:${b.toString(16)}:${c.toString(16)}:${d.toString(16)}::/64`;
}

/**
 * The name under which a request is counted: `sallyport:rate:{listener}:v1:{class}:{hex HMAC-SHA-256(peer)}`.
 * The HMAC is of {@link peerNetwork}, since a plain hash of an IPv4 address is reversed by trying them all.
 */
export function limiterKey(
  keys: Keyring,
  listener: ListenerName,
  limitClass: LimitClass,
  peerAddress: string | undefined,
): string {
  return `sallyport:rate:${listener}:v1:${limitClass}:${peerKnownBy(keys, peerAddress ?? '').hashed}`;
}

/**
 * The first 48 bits of an IPv6 peer's address, which one site has to itself (RFC 6177); undefined for every other peer.
 */
export function limiterSite(keys: Keyring, peerAddress: string | undefined): number | undefined {
  return peerKnownBy(keys, peerAddress ?? '').site;
}

interface CountedPeer {
  readonly hashed: string;
  readonly site: number | undefined;
}

function countedPeer(keys: Keyring, address: string): CountedPeer {
  const network = peerNetwork(address);
  const parts = network.endsWith('::/64') ? network.split(':', 3) : undefined;
  const site = parts?.reduce((bits, part) => bits * 0x10000 + Number.parseInt(part, 16), 0);
  return { hashed: keys.macHex('limiter', network), site };
}

/** Peers seen lately, so that one that comes often costs one HMAC. Two generations, the older forgotten. */
interface RecentPeers {
  newer: Map<string, CountedPeer>;
  older: Map<string, CountedPeer>;
}

const RECENT_PEERS = 4096;
const recentPeersOf = new WeakMap<Keyring, RecentPeers>();

function peerKnownBy(keys: Keyring, address: string): CountedPeer {
  if (address.length > LONGEST_ADDRESS) return countedPeer(keys, address);
  let recent = recentPeersOf.get(keys);
  if (recent === undefined) {
    recent = { newer: new Map(), older: new Map() };
    recentPeersOf.set(keys, recent);
  }
  const known = recent.newer.get(address);
  if (known !== undefined) return known;
  const peer = recent.older.get(address) ?? countedPeer(keys, address);
  if (recent.newer.size >= RECENT_PEERS) {
    recent.older = recent.newer;
    recent.newer = new Map();
  }
  recent.newer.set(address, peer);
  return peer;
}

interface Count {
  hits: number;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

/** Counts that began in the same epoch-aligned window. */
interface Generation {
  readonly counts: Map<string, Count>;
  /** How many of them are of one site, or of one provider. */
  readonly networks: Map<number, number>;
}

/**
 * The counts of one window length. `current` holds those that began in the present epoch-aligned window,
 * `previous` those of the one before; what is older has ended, so it is dropped as a whole, not searched for.
 */
interface Generations {
  index: number;
  current: Generation;
  previous: Generation;
}

export interface MemoryLimiterOptions {
  /** The most peers counted at a time, over all classes; about 250 bytes each. */
  readonly maxEntries: number;
}

/** What one site and one provider (IPv6 /48 and /32) may have of the places once half of them are taken. */
const SITE_SHARE = 1 / 64;
const PROVIDER_SHARE = 1 / 16;

/**
 * A {@link Limiter} in the memory of one process. A window begins with a key's first hit.
 *
 * Memory is bounded: when `maxEntries` keys are being counted, newcomers share one count per class (the key
 * without its last part) until windows end. Keys that are already counted keep their own.
 *
 * Who holds an IPv6 /48 has 65,536 peers, and a provider's /32 as many times more. Once half of the places are
 * taken, newcomers of a network that has its share of them have one count per class for that network together, so
 * that the other half is left to everybody else.
 */
export function memoryLimiter({ maxEntries }: MemoryLimiterOptions): Limiter {
  // One for each window length, of which settings have a handful.
  const windows = new Map<number, Generations>();

  const taken = (places: number, now: number): boolean => {
    if (entries(windows) < places) return false;
    for (const [windowMs, generations] of windows) advance(generations, windowMs, now);
    return entries(windows) >= places;
  };

  /** Under which name a newcomer is counted. */
  const nameFor = (key: string, site: number | undefined, now: number): string => {
    if (site !== undefined && taken(maxEntries / 2, now)) {
      for (const [network, share] of [
        [site, SITE_SHARE],
        [providerOf(site), PROVIDER_SHARE],
      ] as const) {
        if (entriesOf(windows, network) >= maxEntries * share) return sharedKey(key, `newcomers ${network}`);
      }
    }
    return taken(maxEntries, now) ? sharedKey(key, 'newcomers') : key;
  };

  const hit = (key: string, limit: number, windowMs: number, now: number, site?: number) => {
    if (limit <= 0) return undefined;
    let generations = windows.get(windowMs);
    if (generations === undefined) {
      generations = { index: 0, current: newGeneration(), previous: newGeneration() };
      windows.set(windowMs, generations);
    }
    advance(generations, windowMs, now);
    let count = liveCount(generations, key, windowMs, now);
    if (count === undefined) {
      // Whoever was counted before has a place already and takes it again.
      const placed = generations.current.counts.has(key) || generations.previous.counts.has(key);
      const name = placed ? key : nameFor(key, site, now);
      count = liveCount(generations, name, windowMs, now);
      if (count === undefined) {
        count = { hits: 0, endsAt: now + windowMs };
        const of = name === key ? site : undefined;
        if (generations.previous.counts.delete(name)) tally(generations.previous, of, -1);
        if (!generations.current.counts.has(name)) tally(generations.current, of, 1);
        generations.current.counts.set(name, count);
      }
    }
    if (count.hits >= limit) return count.endsAt;
    count.hits += 1;
    return undefined;
  };

  return { hit: async (key, limit, windowMs, now, site) => hit(key, limit, windowMs, now, site) };
}

const newGeneration = (): Generation => ({ counts: new Map(), networks: new Map() });

/** A site's provider: its first 32 bits, as a number that no site has. */
const providerOf = (site: number): number => -1 - Math.floor(site / 0x10000);

function tally({ networks }: Generation, site: number | undefined, change: 1 | -1): void {
  if (site === undefined) return;
  for (const network of [site, providerOf(site)]) {
    const now = (networks.get(network) ?? 0) + change;
    if (now > 0) networks.set(network, now);
    else networks.delete(network);
  }
}

function entries(windows: ReadonlyMap<number, Generations>): number {
  let total = 0;
  for (const { current, previous } of windows.values()) total += current.counts.size + previous.counts.size;
  return total;
}

function entriesOf(windows: ReadonlyMap<number, Generations>, network: number): number {
  let total = 0;
  for (const { current, previous } of windows.values())
    total += (current.networks.get(network) ?? 0) + (previous.networks.get(network) ?? 0);
  return total;
}

function advance(generations: Generations, windowMs: number, now: number): void {
  const index = Math.floor(now / windowMs);
  // A clock that is corrected by a little may step back over a boundary; nothing is forgotten for that.
  if (index === generations.index || index === generations.index - 1) return;
  generations.previous = index === generations.index + 1 ? generations.current : newGeneration();
  generations.current = newGeneration();
  generations.index = index;
}

function liveCount(
  { current, previous }: Generations,
  key: string,
  windowMs: number,
  now: number,
): Count | undefined {
  const count = current.counts.get(key) ?? previous.counts.get(key);
  // A window that ends much later than one length from now is left from before the clock was set back.
  return count !== undefined && count.endsAt > now && count.endsAt <= now + 2 * windowMs ? count : undefined;
}

/** Keys end in the peer; what is before is the class. Classes and crowded networks are few: these need no bound. */
function sharedKey(key: string, name: string): string {
  return `${key.slice(0, key.lastIndexOf(':') + 1)}${name}`;
}
