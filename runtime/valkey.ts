/**
 * What several processes share in Valkey or Redis: rate limits, and leases of uploads. Only what lives shortly lies
 * there: losing all of it loses a minute's counting.
 */
import { randomBytes } from 'node:crypto';
import { Redis } from 'iovalkey';
import type { Limiter, Log } from '../src/core/deps.ts';
import { Fault } from '../src/core/faults.ts';
import type { CoordinationSettings } from '../src/core/settings-types.ts';
import type { UploadLeases } from '../src/core/upload-lease.ts';
import { StartError } from './listener.ts';

export interface Coordination {
  readonly limiter: Limiter;
  readonly uploadLeases: UploadLeases;
  close(): Promise<void>;
}

/** Counts and, with the first hit of a window, sets its end: one step, so that no count is left without an end. */
const COUNT = `
local hits = redis.call('INCR', KEYS[1])
if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {hits, redis.call('PTTL', KEYS[1])}`;

/** Takes a lease that nobody has: 0, or how long somebody else has it yet in milliseconds. */
const TAKE = `
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))`;

/** Gives a lease back that is one's own. */
const GIVE_BACK = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** Whoever has a lease needs it for a moment, unless it died. */
const SOON_SECONDS = 5;

/** How long to wait before a lost connection is tried again, at most. */
const LONGEST_PAUSE_MS = 2_000;

const AWAY =
  'The server of SAFE_VALKEY_ADDR does not answer. Check that it runs, and the network between; until it is back, ' +
  'requests that are counted are refused with 503.';

type Shared = Extract<CoordinationSettings, { readonly backend: 'valkey' | 'redis' }>;

/**
 * Connects.
 * @param leaseTtlMs how long an upload's lease lasts when nobody gives it back
 * @throws StartError when the server cannot be reached or refuses the credentials: a server that starts without
 *   counting would be worse than one that does not start
 */
export async function openCoordination(
  settings: Shared,
  leaseTtlMs: number,
  log: Log,
): Promise<Coordination> {
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
  // What the library throws can hold the password: a word of it is kept while it starts, and nothing after that.
  let why: string | undefined;
  client.on('error', (error) => {
    if (state === 'starting') why ??= wordOf(error);
  });
  client.on('close', () => {
    if (state !== 'there') return;
    state = 'away';
    log.write('error', 'coordination is away', { backend: settings.backend, what_to_do: AWAY });
  });
  client.on('ready', () => {
    if (state === 'away') log.write('info', 'coordination is back', { backend: settings.backend });
    if (state !== 'closed') state = 'there';
  });
  try {
    await client.connect();
    // Else a number that is refused goes unnoticed, and another database is used.
    await client.select(db);
    await client.ping();
  } catch (error) {
    state = 'closed';
    client.disconnect();
    throw cannotStart(settings.backend, why ?? wordOf(error));
  }
  return {
    limiter: valkeyLimiter(client),
    uploadLeases: valkeyLeases(client, leaseTtlMs),
    async close() {
      state = 'closed';
      client.disconnect();
    },
  };
}

/** The name of a system error, or the word that an answer of the server begins with: `ECONNREFUSED`, `WRONGPASS`. */
function wordOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const word = 'code' in error ? String(error.code) : (error.message.split(' ', 1)[0] ?? '');
  return /^[A-Z][A-Z0-9_]{2,40}$/.test(word) ? word : undefined;
}

function cannotStart(backend: string, why = 'no answer'): StartError {
  const what = `The ${backend} server of SAFE_VALKEY_ADDR cannot be used (${why}).`;
  switch (why) {
    case 'NOAUTH':
    case 'WRONGPASS':
    case 'NOPERM':
      return new StartError(
        `${what} It does not take SAFE_VALKEY_USERNAME and SAFE_VALKEY_PASSWORD, or that user may not do what is needed.`,
      );
    case 'ERR':
      return new StartError(`${what} It refuses the database of SAFE_VALKEY_DB, or its user. Check both.`);
    default:
      return new StartError(
        `${what} Check that it runs there, SAFE_VALKEY_TLS and SAFE_VALKEY_USERNAME, and the network between.`,
      );
  }
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

/** @see UploadLeases. They end by the clock of that server alone. */
function valkeyLeases(client: Redis, ttlMs: number): UploadLeases {
  return {
    async take(key) {
      const owner = randomBytes(16).toString('hex');
      let left: unknown;
      try {
        left = await client.eval(TAKE, 1, key, owner, ttlMs);
      } catch {
        throw new Fault('upload_coordination_unavailable', { retryAfterSeconds: 1 });
      }
      if (left !== 0) {
        const retryAfterSeconds = Math.min(SOON_SECONDS, Math.ceil(Number(left) / 1000));
        throw new Fault('upload_in_progress', { retryAfterSeconds });
      }
      return async () => {
        // One that cannot be given back ends by itself.
        await client.eval(GIVE_BACK, 1, key, owner).catch(() => {});
      };
    },
  };
}
