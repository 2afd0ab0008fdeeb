/** From a Worker's variables to the main door: the ports are made here, for workerd. */
import { waitUntil } from 'cloudflare:workers';
import type { Deps, Hasher, Log } from '../../src/core/deps.ts';
import { errorFields } from '../../src/core/faults.ts';
import { noMailer } from '../../src/core/mail.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { outboxMailer } from '../../src/core/outbox.ts';
import { keyIsKept } from '../../src/core/secret-key.ts';
import { formatProblems, parseSettings } from '../../src/core/settings.ts';
import type { Settings } from '../../src/core/settings-types.ts';
import { crc32 } from '../../src/crypto/crc32.ts';
import { type Keyring, openKeyring } from '../../src/crypto/keyring.ts';
import { createMain, type Handler } from '../../src/handlers/main.ts';
import { type Db, DbError } from '../../src/store/db.ts';
import { checkSchema, SchemaError } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openRemote } from '../../src/store/remote.ts';
import type { Bytes, Store } from '../../src/store/store.ts';
import { bucketOf, edgeBlobs } from './blobs.ts';
import { edgeDigest } from './digest.ts';
import { consoleLog } from './log.ts';
import { Misfit } from './misfit.ts';
import { edgeTurns } from './turns.ts';

/** What one peer's guesses, or the ends of one upload, wait for each other at most. */
const TURN_PATIENCE_MS = 15_000;
/** A request that takes longer has been ended by the runtime. */
const LONGEST_TURN_MS = 120_000;

export interface Composition {
  readonly handle: Handler;
  readonly log: Log;
}

/** Every variable and secret of the Worker that is a setting. Bindings are objects and none of ours. */
function settingsOf(env: Readonly<Record<string, unknown>>): Settings {
  const texts = Object.entries(env).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  const parsed = parseSettings({ env: Object.fromEntries(withoutStore(env, texts)) });
  if (!parsed.ok) throw new Misfit(formatProblems(parsed.problems));
  return parsed.settings;
}

/** A bucket that is bound needs no address and no credentials, which a backend that is named by a setting does. */
function withoutStore(env: Readonly<Record<string, unknown>>, texts: readonly [string, string][]) {
  return bucketOf(env) === undefined ? texts : texts.filter(([name]) => name !== 'SAFE_BLOB_BACKEND');
}

async function fitting(settings: Settings, store: Store): Promise<Keyring> {
  if (settings.secretKey === undefined) {
    throw new Misfit(
      'SAFE_SECRET_KEY is missing. Set it as a secret of the Worker, to what the server at home has.',
    );
  }
  const keys = openKeyring(settings.secretKey);
  if (await keyIsKept(store.secretKey, keys)) return keys;
  throw new Misfit(
    'The database belongs to another SAFE_SECRET_KEY. Set the one that the server at home has; if that one is new, start it once with this database.',
  );
}

/**
 * Opens the database and makes the main door. The schema is checked and never changed: home migrates.
 * @throws Misfit when the operator has to do something; DbError when the database cannot be asked
 */
export async function composeEdge(
  env: Readonly<Record<string, unknown>>,
  hasher: Hasher,
): Promise<Composition> {
  const settings = settingsOf(env);
  const { database } = settings;
  if (database.kind !== 'remote') {
    throw new Misfit(
      'SAFE_DATABASE_URL must name a libSQL server (https://… or libsql://…): there are no files here.',
    );
  }
  if (settings.auth.passwords.listFile !== undefined) {
    throw new Misfit(
      'SAFE_PASSWORD_LIST names a file, and there are no files here. Leave it out; SAFE_PASSWORD_WORDS can stay.',
    );
  }
  const now = () => Date.now();
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const log = consoleLog(settings.logLevel, now);
  const { url, authToken, timeoutMs } = database;
  const db = keptAlive(openRemote({ url, authToken, timeoutMs }));
  try {
    await checkSchema(db, migrations);
  } catch (thrown) {
    if (!(thrown instanceof SchemaError)) throw thrown;
    if (thrown.cause instanceof DbError && thrown.cause.kind === 'denied') {
      throw new Misfit(
        'The libSQL server refuses SAFE_DATABASE_AUTH_TOKEN: the token is missing, wrong or has expired.',
      );
    }
    // Of a failure to read, the message quotes what the driver said; the rest are sentences of ours.
    throw thrown.problem === 'failed' ? (thrown.cause ?? thrown) : new Misfit(thrown.message);
  }
  // Home delivers webhooks and has said which events it wants; here they are only written down.
  const store = libsqlStore(db, await libsqlStore(db).webhooks.announced());
  const keys = await fitting(settings, store);
  const deps: Deps = {
    settings,
    store,
    blobs: await edgeBlobs(db, settings, { env, now, random, sized: exactly }),
    limiter: store.limits,
    hasher,
    keys,
    turns: edgeTurns({
      maxWaiting: 100,
      patienceMs: TURN_PATIENCE_MS,
      longestMs: LONGEST_TURN_MS,
      now,
    }),
    log,
    metrics: noMetrics,
    mailer: settings.email.backend === 'none' ? noMailer : outboxMailer({ store, keys, now, random }),
    // The first admin is made at home.
    bootstrap: { current: async () => undefined, spent: async () => {} },
    background(name, task) {
      waitUntil(
        task().catch((error: unknown) =>
          log.write('warn', 'a background task failed', { task: name, ...errorFields(error) }),
        ),
      );
    },
    startedAt: now(),
    now,
    elapsed: () => performance.now(),
    random,
    digest: edgeDigest,
    crc32,
    after(ms, then) {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
    sized: exactly,
    origin: settings.publicOrigin,
  };
  return { handle: createMain(deps), log };
}

/**
 * A driver whose batches end whatever becomes of the request that sent them. When a client hangs up, workerd drops what
 * its request waited for, also what stands in a `finally`; a place in the driver's queue would never be given back.
 */
function keptAlive(db: Db): Db {
  return {
    batch(statements, mode) {
      const running = db.batch(statements, mode);
      waitUntil(running.catch(() => {}));
      return running;
    },
    close: () => db.close(),
  };
}

/** workerd announces the length of a body that went through one of its own streams of fixed length, and of no other. */
function exactly(stream: ReadableStream<Bytes>, length: number): ReadableStream<Bytes> {
  const { FixedLengthStream } = globalThis as unknown as {
    readonly FixedLengthStream: new (length: number) => TransformStream<Bytes, Bytes>;
  };
  return stream.pipeThrough(new FixedLengthStream(length));
}
