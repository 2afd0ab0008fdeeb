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
 * The network that counts as one peer: an IPv4 address itself, an IPv6 address's /64 (what one customer gets, and
 * may change within at will). IPv4-mapped IPv6 is IPv4, a zone id (`%eth0`) is dropped.
 *
 * @param address without port and brackets; undefined where the runtime knows none
 * @returns `192.0.2.7`, `2001:db8:0:1::/64`, or `unknown` for all that is no address in a usual spelling
 */
export function peerNetwork(address: string | undefined): string {
  const plain = address?.split('%', 1)[0] ?? '';
  if (plain === '' || plain.length > LONGEST_ADDRESS) return UNKNOWN;
  if (ipaddr.IPv4.isValidFourPartDecimal(plain)) return plain;
  if (!plain.includes(':') || !isIpv6Address(plain)) return UNKNOWN;
  const parsed = ipaddr.IPv6.parse(plain);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const [a = 0, b = 0, c = 0, d = 0] = parsed.parts;
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
  return `sallyport:rate:${listener}:v1:${limitClass}:${hashedPeer(keys, peerAddress ?? '')}`;
}

/** HMACs of peers seen lately, so that a peer that comes often costs one. Two generations, the older forgotten. */
interface RecentPeers {
  newer: Map<string, string>;
  older: Map<string, string>;
}

const RECENT_PEERS = 4096;
const recentPeersOf = new WeakMap<Keyring, RecentPeers>();

function hashedPeer(keys: Keyring, address: string): string {
  if (address.length > LONGEST_ADDRESS) return keys.macHex('limiter', peerNetwork(address));
  let recent = recentPeersOf.get(keys);
  if (recent === undefined) {
    recent = { newer: new Map(), older: new Map() };
    recentPeersOf.set(keys, recent);
  }
  const known = recent.newer.get(address);
  if (known !== undefined) return known;
  const hashed = recent.older.get(address) ?? keys.macHex('limiter', peerNetwork(address));
  if (recent.newer.size >= RECENT_PEERS) {
    recent.older = recent.newer;
    recent.newer = new Map();
  }
  recent.newer.set(address, hashed);
  return hashed;
}

interface Count {
  hits: number;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

/**
 * The counts of one window length. `current` holds those that began in the present epoch-aligned window,
 * `previous` those of the one before; what is older has ended, so it is dropped as a whole, not searched for.
 */
interface Generations {
  index: number;
  current: Map<string, Count>;
  previous: Map<string, Count>;
}

export interface MemoryLimiterOptions {
  /** The most peers counted at a time, over all classes; about 250 bytes each. */
  readonly maxEntries: number;
}

/**
 * A {@link Limiter} in the memory of one process. A window begins with a key's first hit.
 *
 * Memory is bounded: when `maxEntries` keys are being counted, newcomers share one count per class (the key
 * without its last part) until windows end. Keys that are already counted keep their own.
 */
export function memoryLimiter({ maxEntries }: MemoryLimiterOptions): Limiter {
  // One for each window length, of which settings have a handful.
  const windows = new Map<number, Generations>();

  const isFull = (now: number): boolean => {
    if (entries(windows) < maxEntries) return false;
    for (const [windowMs, generations] of windows) advance(generations, windowMs, now);
    return entries(windows) >= maxEntries;
  };

  const hit = (key: string, limit: number, windowMs: number, now: number): number | undefined => {
    if (limit <= 0) return undefined;
    let generations = windows.get(windowMs);
    if (generations === undefined) {
      generations = { index: 0, current: new Map(), previous: new Map() };
      windows.set(windowMs, generations);
    }
    advance(generations, windowMs, now);
    let count = liveCount(generations, key, windowMs, now);
    if (count === undefined) {
      // Whoever was counted before has a place already and takes it again.
      const placed = generations.current.has(key) || generations.previous.has(key);
      const name = placed || !isFull(now) ? key : sharedKey(key);
      count = liveCount(generations, name, windowMs, now);
      if (count === undefined) {
        count = { hits: 0, endsAt: now + windowMs };
        generations.previous.delete(name);
        generations.current.set(name, count);
      }
    }
    if (count.hits >= limit) return count.endsAt;
    count.hits += 1;
    return undefined;
  };

  return { hit: async (key, limit, windowMs, now) => hit(key, limit, windowMs, now) };
}

function entries(windows: ReadonlyMap<number, Generations>): number {
  let total = 0;
  for (const { current, previous } of windows.values()) total += current.size + previous.size;
  return total;
}

function advance(generations: Generations, windowMs: number, now: number): void {
  const index = Math.floor(now / windowMs);
  // A clock that is corrected by a little may step back over a boundary; nothing is forgotten for that.
  if (index === generations.index || index === generations.index - 1) return;
  generations.previous = index === generations.index + 1 ? generations.current : new Map();
  generations.current = new Map();
  generations.index = index;
}

function liveCount(
  { current, previous }: Generations,
  key: string,
  windowMs: number,
  now: number,
): Count | undefined {
  const count = current.get(key) ?? previous.get(key);
  // A window that ends much later than one length from now is left from before the clock was set back.
  return count !== undefined && count.endsAt > now && count.endsAt <= now + 2 * windowMs ? count : undefined;
}

/** Keys end in the peer; what is before is the class. Classes are few, so these names need no bound. */
function sharedKey(key: string): string {
  return `${key.slice(0, key.lastIndexOf(':') + 1)}newcomers`;
}
