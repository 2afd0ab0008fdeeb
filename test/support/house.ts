/**
 * A whole Sallyport without a port: both handlers on a real libSQL, with a clock that a test advances and a log
 * that it reads.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeHasher } from '../../runtime/argon2.ts';
import { nodeCrc32, nodeDigest } from '../../runtime/digest.ts';
import type { Deps, Hasher, LogFields, LogLevel } from '../../src/core/deps.ts';
import { memoryLimiter } from '../../src/core/limiter.ts';
import type { MailMessage } from '../../src/core/mail.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { parseSettings } from '../../src/core/settings.ts';
import { sweep } from '../../src/core/sweep.ts';
import { keyedTurns } from '../../src/core/turns.ts';
import { openKeyring } from '../../src/crypto/keyring.ts';
import { createAdmin } from '../../src/handlers/admin.ts';
import { createMain, type Handler } from '../../src/handlers/main.ts';
import { libsqlBlobs } from '../../src/store/blobs/libsql.ts';
import type { Db } from '../../src/store/db.ts';
import { migrate } from '../../src/store/libsql/migrate.ts';
import { migrations } from '../../src/store/libsql/migrations/index.ts';
import { libsqlStore } from '../../src/store/libsql/store.ts';
import { openEmbedded } from '../../src/store/native/embedded.ts';
import { memoryDatabase } from './memory-database.ts';

export interface LogLine extends LogFields {
  readonly level: LogLevel;
  readonly msg: string;
}

/** A clock that stands still until somebody moves it. */
export class TestClock {
  #now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  #elapsed = 0;
  #timers: { at: number; then: () => void }[] = [];

  now = (): number => this.#now;

  elapsed = (): number => this.#elapsed;

  after = (ms: number, then: () => void): (() => void) => {
    const timer = { at: this.#elapsed + ms, then };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Moves on by `ms` milliseconds and rings what is due. */
  advance(ms: number): void {
    this.#now += ms;
    this.#elapsed += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#elapsed);
    this.#timers = this.#timers.filter(({ at }) => at > this.#elapsed);
    for (const { then } of due) then();
  }

  /** Somebody sets it, by `ms` milliseconds either way: no time passes, and nothing rings. */
  set(ms: number): void {
    this.#now += ms;
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.length;
  }
}

export interface HouseOptions {
  /** `SAFE_…` settings. Limits are off unless one is given. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the data lies: `memory` unless given. A driver is used as it is and not closed. */
  readonly data?: 'memory' | 'file' | Db;
  readonly clock?: TestClock;
  /** Replaces single ports. */
  readonly ports?: Partial<Deps>;
  readonly secret?: Uint8Array;
}

export interface House {
  readonly main: Handler;
  readonly admin: Handler;
  readonly deps: Deps;
  readonly db: Db;
  readonly clock: TestClock;
  readonly log: LogLine[];
  /** Lines of `debug`. */
  readonly details: LogLine[];
  /** What was mailed, oldest first. */
  readonly mail: MailMessage[];
  /** Waits for what goes on after answers. */
  settled(): Promise<void>;
  /** The database file, where there is one. */
  readonly file: string | undefined;
  sweep(): ReturnType<typeof sweep>;
  close(): Promise<void>;
}

const LIMITS_OFF = {
  SAFE_MAIN_API_RATE_LIMIT_ENABLED: 'false',
  SAFE_PUBLIC_VIEWER_RATE_LIMIT_ENABLED: 'false',
  SAFE_ADMIN_RATE_LIMIT_ENABLED: 'false',
};

/** What the first admin proves itself with in tests. */
export const BOOTSTRAP_SECRET = 'the bootstrap secret of the tests';

/** The origin that links start with in tests. */
export const ORIGIN = 'http://127.0.0.1:8080';

/** The real one, at its real cost. It holds nothing that anybody must close. */
export const USUAL_HASHER = nodeHasher({ maxQueued: 256 });

/**
 * The same Argon2id in a house, but with a three-hundredth of its memory, whatever is asked of it: what tests of rules
 * want is that the right password opens and a wrong one does not. What it derives verifies here alone.
 */
export const QUICK_HASHER: Hasher = {
  argon2id: (password, salt, { length }) =>
    USUAL_HASHER.argon2id(password, salt, { memoryKiB: 64, iterations: 1, parallelism: 1, length }),
};

/** Opens a file, or one in memory where none is named, at the newest schema. A driver is brought to it. */
async function databaseOf(data: Db | string | undefined, now: number): Promise<Db> {
  if (data === undefined) return memoryDatabase(now);
  const db = typeof data === 'object' ? data : await openEmbedded({ path: data });
  await migrate(db, migrations, now);
  return db;
}

/** Builds one. The caller closes it. */
export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const parsed = parseSettings({ env: { ...LIMITS_OFF, ...options.env } });
  if (!parsed.ok) throw new Error(parsed.problems.map((problem) => JSON.stringify(problem)).join('\n'));
  const { settings } = parsed;
  const clock = options.clock ?? new TestClock();
  const log: LogLine[] = [];
  const details: LogLine[] = [];
  const mail: MailMessage[] = [];
  const tasks: Promise<void>[] = [];
  let bootstrap: string | undefined = BOOTSTRAP_SECRET;
  const { data = 'memory' } = options;
  const folder = data === 'file' ? await mkdtemp(join(tmpdir(), 'sallyport-house-')) : undefined;
  const file = folder && join(folder, 'sallyport.db');
  const db = await databaseOf(typeof data === 'object' ? data : file, clock.now());
  const deps: Deps = {
    settings,
    store: libsqlStore(db, settings.webhook?.events),
    blobs: libsqlBlobs(db, {
      stagingQuotaBytes: settings.uploads.stagingQuotaBytes,
      stagingLifetimeMs: 60 * 60 * 1000,
    }),
    limiter: memoryLimiter({ maxEntries: 10_000 }),
    hasher: QUICK_HASHER,
    keys: openKeyring(options.secret ?? new Uint8Array(32).fill(7)),
    turns: keyedTurns(),
    log: {
      write: (level, msg, fields) => (level === 'debug' ? details : log).push({ level, msg, ...fields }),
    },
    metrics: noMetrics,
    mailer: {
      async send(message) {
        mail.push(message);
      },
    },
    bootstrap: {
      current: async () => bootstrap,
      async spent() {
        bootstrap = undefined;
      },
    },
    background(_name, task) {
      tasks.push(task().catch(() => {}));
    },
    startedAt: clock.now(),
    now: clock.now,
    elapsed: clock.elapsed,
    random: (length) => new Uint8Array(randomBytes(length)),
    digest: nodeDigest,
    crc32: nodeCrc32,
    after: clock.after,
    sized: (stream) => stream,
    origin: ORIGIN,
    ...options.ports,
  };
  return {
    main: createMain(deps),
    admin: createAdmin(deps),
    deps,
    db,
    clock,
    log,
    details,
    mail,
    file,
    async settled() {
      await Promise.all(tasks);
    },
    sweep: () => sweep(deps),
    async close() {
      if (typeof data !== 'object') await db.close();
      if (folder !== undefined) await rm(folder, { recursive: true });
    },
  };
}

/** Runs `use` in a house of its own. */
export async function inHouse(options: HouseOptions, use: (house: House) => Promise<void>): Promise<void> {
  const house = await openHouse(options);
  try {
    await use(house);
  } finally {
    await house.close();
  }
}
