/**
 * Rate limits that several processes share, in Valkey or Redis. Only short-lived counts lie there: losing them all
 * loses nothing but a minute's counting.
 */
import { Redis } from 'iovalkey';
import type { Limiter, Log } from '../src/core/deps.ts';
import { Fault } from '../src/core/faults.ts';
import type { CoordinationSettings } from '../src/core/settings-types.ts';
import { StartError } from './listener.ts';

export interface Coordination {
  readonly limiter: Limiter;
  close(): Promise<void>;
}

/** Counts and, with the first hit of a window, sets its end: one step, so that no count is left without an end. */
const COUNT = `
local hits = redis.call('INCR', KEYS[1])
if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {hits, redis.call('PTTL', KEYS[1])}`;

/** How long to wait before a lost connection is tried again, at most. */
const LONGEST_PAUSE_MS = 2_000;

type Shared = Extract<CoordinationSettings, { readonly backend: 'valkey' | 'redis' }>;

/**
 * Connects.
 * @throws StartError when the server cannot be reached or refuses the credentials: a server that starts without
 *   counting would be worse than one that does not start
 */
export async function openCoordination(settings: Shared, log: Log): Promise<Coordination> {
  const { address, username, password, db, tls, dialTimeoutMs, readTimeoutMs, writeTimeoutMs } = settings;
  const client = new Redis({
    host: address.host,
    port: address.port,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    lazyConnect: true,
    connectTimeout: dialTimeoutMs,
    commandTimeout: Math.max(readTimeoutMs, writeTimeoutMs),
    // Requests are not held back while the connection is away: they are refused, and say when to come again.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 100, LONGEST_PAUSE_MS),
  });
  let state: 'starting' | 'there' | 'away' | 'closed' = 'starting';
  // What the library throws can hold the password; only that something happened is said, once each time.
  client.on('error', () => {});
  client.on('close', () => {
    if (state !== 'there') return;
    state = 'away';
    log.write('error', 'coordination is away', { backend: settings.backend });
  });
  client.on('ready', () => {
    if (state === 'away') log.write('info', 'coordination is back', { backend: settings.backend });
    if (state !== 'closed') state = 'there';
  });
  try {
    await client.connect();
    await client.ping();
  } catch {
    state = 'closed';
    client.disconnect();
    throw new StartError(
      `The ${settings.backend} server of SAFE_VALKEY_ADDR cannot be used. Check that it runs there, and its user, password, number and TLS.`,
    );
  }
  return {
    limiter: valkeyLimiter(client),
    async close() {
      state = 'closed';
      client.disconnect();
    },
  };
}

/** @see Limiter. Windows follow the clock of that server. */
export function valkeyLimiter(client: Redis): Limiter {
  return {
    async hit(key, limit, windowMs, now) {
      if (limit <= 0) return undefined;
      let answer: unknown;
      try {
        answer = await client.eval(COUNT, 1, key, windowMs);
      } catch {
        throw new Fault('rate_limit_unavailable', { retryAfterSeconds: 1 });
      }
      const [hits, left] = answer as [number, number];
      return hits > limit ? now + Math.max(1, left) : undefined;
    },
  };
}
