/** What the contracts of chunks, uploads, bundles and viewer links test, and what they record in it. */
import type { AuditAction, AuditEntry } from '../../src/store/audit.ts';
import type { CommitChunk, CommitChunkOutcome, Upload } from '../../src/store/chunks.ts';
import type { Db } from '../../src/store/db.ts';
import type { MediaType } from '../../src/store/incidents.ts';
import type { Owned } from '../../src/store/owned.ts';
import { accountId, accountOf, audit as entry } from './account-room.ts';
import { bytesOf, type Case, HOUR, hashOf, NOW, type Stores, type StoresOptions } from './room.ts';

export interface ChunksUnderTest extends Stores {
  readonly db: Db;
  /** The same stores by a second, independent driver, or undefined where there is no such thing. */
  readonly other: Stores | undefined;
  /** What was written to the audit since the case began, oldest first. */
  audited(): Promise<AuditEntry[]>;
}

/** Makes stores with nobody and nothing in them. Unless it is told otherwise: 64 MiB to stage in. */
export type ChunksFactory = (options?: StoresOptions) => Promise<ChunksUnderTest>;

export type ChunkIt = (
  name: string,
  body: (subject: ChunksUnderTest) => Promise<void>,
  options?: StoresOptions,
) => void;

/** Collects cases, each on stores of its own. */
export function chunkCases(make: ChunksFactory, parts: readonly ((it: ChunkIt) => void)[]): readonly Case[] {
  const cases: Case[] = [];
  const it: ChunkIt = (name, body, options) =>
    cases.push({ name, run: async () => body(await make(options)) });
  for (const part of parts) part(it);
  return cases;
}

/** An id with a number in place of the ULID, so that the order of numbers is the order of ids. */
const idOf = (prefix: string, n: number): string => `${prefix}_${String(n).padStart(26, '0')}`;
export const incidentId = (n: number): string => idOf('inc', n);
export const streamId = (n: number): string => idOf('str', n);
export const chunkId = (n: number): string => idOf('chk', n);
export const uploadId = (n: number): string => idOf('uop', n);

/** Incident `n`, of account `of`. */
export const owned = (n: number, of = n): Owned => ({ incidentId: incidentId(n), accountId: accountId(of) });

/** An entry that names the incident. */
export const audit = (action: AuditAction, incident = 1): AuditEntry =>
  entry(action, { incidentId: incidentId(incident) });

/** Account, incident and open stream of the number `n`. */
export async function recording(
  { store }: Stores,
  n = 1,
  mediaType: MediaType = 'video',
  of = n,
): Promise<void> {
  if (of === n) await store.accounts.create(accountOf(n), entry('account_create'));
  const incident = { id: incidentId(n), ownerAccountId: accountId(of), createdAt: NOW };
  await store.incidents.create(incident, audit('incident_create', n));
  await openStream({ store }, n, n, mediaType, of);
}

/** Stream `n` of incident `incident`. */
export async function openStream(
  { store }: Pick<Stores, 'store'>,
  n: number,
  incident: number,
  mediaType: MediaType = 'video',
  of = incident,
): Promise<void> {
  const stream = { id: streamId(n), incidentId: incidentId(incident), mediaType, createdAt: NOW };
  const made = await store.streams.create(owned(incident, of), stream, 100, audit('stream_create', incident));
  if (made !== 'created') throw new Error(made);
}

export interface ChunkWish extends Partial<Omit<CommitChunk, 'chunk'>> {
  readonly chunk?: Partial<CommitChunk['chunk']>;
  /** The incident and stream; 1 unless it is said. */
  readonly to?: number;
}

let made = 0;

/** A commit of ten bytes as chunk `index`; each has an id of its own. */
export function chunkOf(index: number, { chunk, to = 1, ...wish }: ChunkWish = {}): CommitChunk {
  made += 1;
  const pending = wish.pending ?? { kind: 'inline', bytes: bytesOf(10, index) };
  return {
    owned: owned(to),
    streamId: streamId(to),
    chunk: {
      id: chunkId(made),
      chunkIndex: index,
      mediaType: 'video',
      startedAt: '2026-01-02T03:04:05Z',
      endedAt: '2026-01-02T03:04:07.25Z',
      byteSize: pending.kind === 'inline' ? pending.bytes.length : pending.size,
      sha256: hashOf(index),
      createdAt: NOW,
      crc32: 4_000_000_000 + index,
      ...chunk,
    },
    pending,
    fingerprint: hashOf(5000 + index),
    accountQuotaBytes: 2 ** 40,
    ...wish,
  };
}

/** Commits chunk `index`. */
export function commit({ store }: Stores, index: number, wish: ChunkWish = {}): Promise<CommitChunkOutcome> {
  const entry = audit('chunk_commit', wish.to ?? 1);
  return store.chunks.commit(chunkOf(index, wish), entry);
}

/** The key of a client, by number. */
export const retry = (n: number): { readonly retry: { readonly keyHash: string } } => ({
  retry: { keyHash: hashOf(9000 + n) },
});

/** An upload in pieces of chunk 1 to stream 1. */
export function uploadOf(
  n: number,
  wish: Partial<Omit<Upload, 'offset'>> = {},
): Omit<Upload, 'offset' | 'chunkId' | 'refusal'> {
  return {
    id: uploadId(n),
    accountId: accountId(1),
    incidentId: incidentId(1),
    streamId: streamId(1),
    chunkIndex: n,
    mediaType: 'video',
    startedAt: '2026-01-02T03:04:05Z',
    endedAt: '2026-01-02T03:04:07Z',
    protocol: 'draft',
    blob: `uop_blob_${n}`,
    sha256: hashOf(n),
    createdAt: NOW,
    expiresAt: NOW + HOUR,
    ...wish,
  };
}

/** What became of each, in short: the kind, or the fault of a refusal. */
export const short = (outcome: CommitChunkOutcome): string =>
  outcome.kind === 'refused' ? outcome.fault : outcome.kind;

/** How often each word comes. */
export function tallyOf(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** Outcomes of the rows about chunks, oldest first. */
export async function commitRows(subject: ChunksUnderTest): Promise<readonly string[]> {
  const rows = (await subject.audited()).filter(({ action }) => action === 'chunk_commit');
  return rows.map(({ outcome }) => outcome);
}

/** One number that a query answers. */
export async function numberOf({ db }: Pick<ChunksUnderTest, 'db'>, sql: string): Promise<number> {
  return Number((await db.batch([{ sql }], 'read'))[0]?.rows[0]?.[0]);
}

/** The two drivers, or one twice. */
export const both = (subject: ChunksUnderTest): readonly [Stores, Stores] => [
  subject,
  subject.other ?? subject,
];
