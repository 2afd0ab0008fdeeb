/**
 * The ports: everything that the core needs from outside, none with a default. A composition root makes them;
 * a test makes its own, so that it can advance the clock and read the log.
 */
import type { Keyring } from '../crypto/keyring.ts';
import type { Argon2id } from '../crypto/passwords.ts';
import type { Signer } from '../crypto/signed-note.ts';
import type { Blobs, Bytes, Store } from '../store/store.ts';
import type { BootstrapSecret } from './bootstrap.ts';
import type { LogFields } from './log-fields.ts';
import type { Mailer } from './mail.ts';
import type { CounterName, MetricName } from './metrics-table.ts';
import type { PasswordList } from './password-rules.ts';
import type { Settings } from './settings.ts';
import type { Turns } from './turns.ts';
import type { UploadLeases } from './upload-lease.ts';

export interface Deps {
  readonly settings: Settings;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly limiter: Limiter;
  readonly hasher: Hasher;
  readonly keys: Keyring;
  readonly turns: Turns;
  /** Absent where servers do not coordinate. */
  readonly uploadLeases?: UploadLeases | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly mailer: Mailer;
  readonly bootstrap: BootstrapSecret;
  /** Passwords that no account gets; absent where the operator named no list. */
  readonly passwordList?: PasswordList | undefined;
  /** Signs checkpoints and receipts; only the process at home has it. */
  readonly signer?: Signer;
  /**
   * Runs a task after the answer, whatever becomes of the connection. Bounded; what fails is logged under `name`.
   */
  background(name: string, task: () => Promise<void>): void;
  /** A deletion was decided: the worker of this process, where there is one, need not wait for its next round. */
  deletionDecided?(): void;
  /** When this process began to serve, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a clock that nobody sets, from any beginning: for how long something takes. */
  elapsed(): number;
  /** `length` unpredictable bytes. */
  random(length: number): Bytes;
  /** A fresh SHA-256, the runtime's native one, for bodies that are never whole in memory. */
  digest(): Digest;
  /**
   * CRC-32 (ISO 3309, as ZIP has it) of what came before and these bytes; the checksum of nothing is 0.
   * @returns an integer from 0 to 2^32 - 1
   */
  crc32(bytes: Uint8Array, previous: number): number;
  /** Calls `then` once after `ms` milliseconds unless the returned function was called before. */
  after(ms: number, then: () => void): () => void;
  /** A body of exactly `length` bytes, in the form in which this runtime announces Content-Length. */
  sized(stream: ReadableStream<Bytes>, length: number): ReadableStream<Bytes>;
  /**
   * Makes the answer; absent: the platform's own `Response`. For runtimes whose own costs more than what it carries.
   * @param init header names in lower case, each once; `own`: nobody else holds the bytes, nor will look at them
   */
  respond?(
    content: Bytes | ReadableStream<Bytes> | null,
    init: {
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly own?: boolean;
    },
  ): Response;
  /** Bytes that the disk under the data has left; absent or undefined where nothing can tell. */
  diskFree?(): Promise<number | undefined>;
  /** What links in answers start with (`https://host`), or undefined: then they are paths. */
  readonly origin: string | undefined;
}

/** Streaming SHA-256 (FIPS 180-4). */
export interface Digest {
  update(bytes: Uint8Array): void;
  /** The 32 bytes; the digest cannot be used afterwards. */
  finish(): Promise<Bytes>;
}

/** Argon2id away from the thread that answers requests, in one bounded queue. */
export interface Hasher {
  /** Rejects with the fault `service_busy` when the queue is full. */
  readonly argon2id: Argon2id;
}

/** Fixed-window request counting. Keys carry a class and a hashed peer, nothing else of a request. */
export interface Limiter {
  /**
   * Counts one request.
   * @param site the wider network that the peer is of, as `limiterSite` says: where places are bounded, it gets but some.
   * @returns undefined when it may go on, else the time (ms since the epoch) when the window ends.
   * @throws Fault `rate_limit_unavailable` when the count cannot be kept: refusing is safer than not counting.
   */
  hit(key: string, limit: number, windowMs: number, now: number, site?: number): Promise<number | undefined>;
}

/** What a scrape tells. Labels are names of ours and numbers, never anything that was sent. */
export interface Metrics {
  /** Milliseconds, with fractions, of a clock that nobody sets: for durations alone. */
  clock(): number;
  /**
   * One request was answered, `ms` milliseconds after it came.
   * @param route a pattern of the listener's table, or the one name for everything else
   */
  observe(listener: string, route: string, method: string, status: number, ms: number): void;
  /** Adds to a counter of this process. */
  add(name: CounterName, amount: number, labels?: MetricLabels): void;
  /** What a value is now; undefined: not known, and then it is absent. */
  set(name: MetricName, value: number | undefined, labels?: MetricLabels): void;
  /** Everything, in the text format of Prometheus 0.0.4. */
  render(): Promise<string>;
}

export type MetricLabels = Readonly<Record<string, string>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type { LogFields } from './log-fields.ts';

export interface Log {
  write(level: LogLevel, message: string, fields: LogFields): void;
}
