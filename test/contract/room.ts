/** What the store and blob contracts have in common: what they test, and the pastes that they make. */
import type {
  Blobs,
  Bytes,
  CreatePaste,
  CreatePasteOutcome,
  NewPaste,
  PasteStore,
  ReplacePaste,
  Store,
} from '../../src/store/store.ts';

export interface Stores {
  readonly store: Store;
  readonly blobs: Blobs;
}

export interface StoresUnderTest extends Stores {
  /** The same stores by a second, independent driver, or undefined where there is no such thing. */
  readonly other: (() => Promise<Stores>) | undefined;
  /** What lies there that no paste owns: segments, and names of blobs on their way in or out. */
  loose(): Promise<{ readonly segments: number; readonly names: number }>;
  /** Closes the drivers and removes the database. */
  close(): Promise<void>;
}

export interface StoresOptions {
  readonly stagingQuotaBytes?: number;
  readonly stagingLifetimeMs?: number;
}

/** Makes empty stores. Unless it is told otherwise: 64 MiB to stage in, and an hour to do it. */
export type StoresFactory = (options?: StoresOptions) => Promise<StoresUnderTest>;

export interface Case {
  readonly name: string;
  run(): Promise<void>;
}

export type It = (
  name: string,
  body: (subject: StoresUnderTest) => Promise<void>,
  options?: StoresOptions,
) => void;

/** Collects cases, each on stores of its own. */
export function casesOf(make: StoresFactory, declare: readonly ((it: It) => void)[]): readonly Case[] {
  const cases: Case[] = [];
  const it: It = (name, body, options) => {
    cases.push({
      name,
      async run() {
        const subject = await make(options);
        try {
          await body(subject);
        } finally {
          await subject.close();
        }
      },
    });
  };
  for (const part of declare) part(it);
  return cases;
}

/** The time at which everything in the contracts begins, milliseconds since the epoch. */
export const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** 32 hex digits that stand for a number. */
export const refOf = (n: number): string => n.toString(16).padStart(32, '0');
/** 64 hex digits that stand for a number. */
export const hashOf = (n: number): string => n.toString(16).padStart(64, 'a');

/** Bytes that differ from those of any other seed; fresh ones, since drivers keep what they are given. */
export function bytesOf(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 0xff;
  return bytes;
}

export function pasteOf(n: number, wish: Partial<NewPaste> = {}): NewPaste {
  return {
    ref: refOf(n),
    pending: { kind: 'inline', bytes: bytesOf(10, n) },
    mimeType: 'application/octet-stream',
    sealed: false,
    burn: false,
    deleteTokenHash: hashOf(n),
    createdAt: NOW,
    expiresAt: NOW + HOUR,
    ...wish,
  };
}

/** Creates paste number `n`; `wish` overrides the paste, `more` the rest of the create. */
export function create(
  pastes: PasteStore,
  n: number,
  wish: Partial<NewPaste> = {},
  more: Partial<CreatePaste> = {},
): Promise<CreatePasteOutcome> {
  const now = more.now ?? NOW;
  const paste = pasteOf(n, { createdAt: now, expiresAt: now + HOUR, ...wish });
  return pastes.create({ paste, now, quotaBytes: 2 ** 40, ...more });
}

export function replacement(n: number, wish: Partial<ReplacePaste> = {}): ReplacePaste {
  return {
    ref: refOf(n),
    revision: 1,
    now: NOW,
    pending: { kind: 'inline', bytes: bytesOf(20, n + 100) },
    mimeType: 'text/plain',
    sealed: false,
    quotaBytes: 2 ** 40,
    ...wish,
  };
}

/** Stages `sizes` as segments under a name. */
export async function stage(
  { blobs }: Stores,
  name: string,
  sizes: readonly number[],
  now = NOW,
): Promise<{ readonly kind: 'staged'; readonly blob: string; readonly size: number }> {
  for (const [index, size] of sizes.entries()) {
    if (!(await blobs.append(name, index, bytesOf(size, index + 1), now))) {
      throw new Error(`no room for segment ${index} of ${name}`);
    }
  }
  return { kind: 'staged', blob: name, size: sizes.reduce((sum, size) => sum + size, 0) };
}

/** How often each kind of outcome came. */
export function tally(outcomes: readonly { readonly kind: string }[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** The stores of this driver and, where there can be one, of a second: requests are dealt out over them. */
export async function allOf(subject: StoresUnderTest): Promise<readonly [Stores, Stores]> {
  return [subject, subject.other === undefined ? subject : await subject.other()];
}

/** `count` calls at once, every second one by the second driver. */
export function together<T>(
  stores: readonly [Stores, Stores],
  count: number,
  call: (stores: Stores, i: number) => Promise<T>,
): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => call(i % 2 === 0 ? stores[0] : stores[1], i)));
}
