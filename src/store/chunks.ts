/**
 * The chunk rooms of the storage interface, types only: committed chunks, uploads that can be resumed, and what a
 * bundle is made of. Sizes are bytes, times milliseconds since the epoch; times that the recording client stated are
 * text, RFC 3339 in UTC with as many decimals as it gave, at most nine.
 */
import type { AuditEntry } from './audit.ts';
import type { Checkin, Incident, MediaType, Stream } from './incidents.ts';
import type { Owned } from './owned.ts';
import type { PendingBytes, PlacedBytes } from './store.ts';

/** What the recording client states about a chunk. */
export interface ChunkStatement {
  readonly mediaType: MediaType;
  readonly startedAt: string;
  readonly endedAt: string;
  /** The last element of a path on the device: metadata, never a path of ours. */
  readonly originalFilename?: string;
}

export interface Chunk extends ChunkStatement {
  /** `chk_` and a ULID. */
  readonly id: string;
  readonly incidentId: string;
  /** Absent in legacy chunks, which only an import can have brought. */
  readonly streamId?: string;
  /** From 1. */
  readonly chunkIndex: number;
  readonly byteSize: number;
  /** Lower-case hex SHA-256 of the ciphertext. */
  readonly sha256: string;
  readonly createdAt: number;
}

/** A chunk, where its bytes lie, and what a ZIP entry needs of them. */
export interface KeptChunk extends Chunk {
  /** The name of its blob. */
  readonly blob: string;
  /** CRC-32 (ISO 3309) of the ciphertext. */
  readonly crc32: number;
}

export interface CommitChunk {
  readonly owned: Owned;
  readonly streamId: string;
  /** What it becomes. */
  readonly chunk: Omit<Chunk, 'incidentId' | 'streamId'> & { readonly crc32: number };
  readonly pending: PendingBytes | PlacedBytes;
  /** How a repetition is recognised. */
  readonly retry?: {
    /** Lower-case hex SHA-256 of the client's key, which is unique within an account. */
    readonly keyHash: string;
  };
  /** Lower-case hex SHA-256 over everything that two equivalent uploads have in common. */
  readonly fingerprint: string;
  /** Most bytes that an account's incidents may hold together. */
  readonly accountQuotaBytes: number;
}

export type CommitRefusal =
  | 'incident_not_found'
  | 'incident_deleting'
  | 'incident_closed'
  | 'stream_not_found'
  | 'stream_not_open'
  | 'stream_media_type_mismatch'
  | 'idempotency_conflict'
  | 'duplicate_chunk'
  | 'account_storage_quota_exceeded';

export type CommitChunkOutcome =
  | { readonly kind: 'committed' | 'replayed'; readonly chunk: Chunk }
  | { readonly kind: 'refused'; readonly fault: CommitRefusal }
  /** The staged bytes were swept before the commit, or are not as many as was said. */
  | { readonly kind: 'lost' };

export interface ChunkStore {
  /**
   * Makes staged bytes a chunk, together with its row, the memory of its retry key and its audit row. The order of
   * refusals is that of {@link CommitRefusal}; a replay is told from a refusal before the quota is looked at. Unless
   * the answer is `committed`, staged bytes are still the caller's to discard.
   */
  commit(input: CommitChunk, audit: AuditEntry): Promise<CommitChunkOutcome>;
  /** Whether a commit would make a chunk as things are. Changes nothing. */
  wouldCommit(input: CommitChunk): Promise<boolean>;
  /** Where the bytes of a chunk lie now; undefined when it is gone. */
  blobOf(id: string): Promise<string | undefined>;
  /** In the order of ids, those after the chunk `after`. */
  list(owned: Owned, after: string | undefined, limit: number): Promise<Chunk[] | 'incident_not_found'>;
  /** One chunk of a stream, in any state of it. */
  find(
    owned: Owned,
    streamId: string,
    chunkIndex: number,
  ): Promise<KeptChunk | 'incident_not_found' | 'incident_deleting' | 'stream_not_found' | 'chunk_not_found'>;
  /** A chunk that belongs to no stream. */
  findLegacy(
    owned: Owned,
    mediaType: MediaType,
    chunkIndex: number,
  ): Promise<KeptChunk | 'incident_not_found' | 'incident_deleting' | 'chunk_not_found'>;
  /** Chunks of a stream by index, those after `afterIndex`: what a bundle reads page by page. */
  page(streamId: string, afterIndex: number, limit: number): Promise<KeptChunk[]>;
  /** Whether every chunk of a stream that lies in the database has its first and last segment. */
  bytesPresent(streamId: string): Promise<boolean>;
  /** What the incidents of an account hold. */
  usage(accountId: string): Promise<number>;
}

/** What a bundle says about an incident. Everything in it is committed. */
export interface BundleContents {
  readonly incident: Incident;
  readonly latestCheckin?: Checkin;
  /** Complete streams in the order of creation. */
  readonly streams: readonly Stream[];
}

export interface BundleStore {
  /** A stream in any state; whose incident it is was asked before. */
  stream(incidentId: string, streamId: string): Promise<Stream | 'incident_deleting' | 'stream_not_found'>;
  /** Undefined once the incident is not active any more. */
  contents(incidentId: string): Promise<BundleContents | undefined>;
}

/** An upload in pieces, over several requests. Its bytes are a staged blob; how many there are is its offset. */
export interface Upload extends ChunkStatement {
  /** `uop_` and a ULID. */
  readonly id: string;
  readonly accountId: string;
  readonly incidentId: string;
  readonly streamId: string;
  readonly chunkIndex: number;
  /** Which protocol made it; the other one does not see it. */
  readonly protocol: 'draft' | 'tus';
  readonly blob: string;
  /** Lower-case hex SHA-256 that the whole must have. */
  readonly sha256: string;
  /** All bytes, as soon as they are known. */
  readonly length?: number;
  readonly offset: number;
  readonly retryKeyHash?: string;
  /** What the client said of it in its protocol's own words, at most 4096 bytes of ASCII. */
  readonly metadata?: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The chunk that it became. */
  readonly chunkId?: string;
  /** Why it can never become one: the fault of its commit. */
  readonly refusal?: string;
}

/** Whose turn it is to add to an upload: a random name, or nobody's. */
export type Writer = string | null;

export interface UploadStore {
  /**
   * Remembers it together with its staged blob, which has no bytes yet, lives until `expiresAt`, is held by the
   * upload's account and is the writer's to add to.
   * @returns false when the account has `most` unfinished ones, or the incident is not active any more
   */
  create(
    upload: Omit<Upload, 'offset' | 'chunkId' | 'refusal'>,
    writer: Writer,
    most: number,
  ): Promise<boolean>;
  /** Not after `expiresAt`, nor once its bytes were swept. */
  find(id: string, accountId: string, now: number): Promise<Upload | undefined>;
  /**
   * As `find`, for one of this protocol, after giving the turn to add to it away: whoever had it before fails with
   * the next bytes, so that the offset stays what it is here until the new writer adds to it.
   */
  take(
    upload: Pick<Upload, 'id' | 'accountId' | 'protocol'>,
    now: number,
    writer: Writer,
  ): Promise<Upload | undefined>;
  /** Says how long it is, once. @returns false when another length was said before */
  setLength(id: string, length: number): Promise<boolean>;
  /** Records what became of it. */
  conclude(id: string, outcome: { readonly chunkId: string } | { readonly refusal: string }): Promise<void>;
  /** Forgets it. Its bytes are out of reach, and the next sweep erases them where nobody discards them before. */
  remove(id: string): Promise<void>;
  /** Forgets what has expired, at most `max`. @returns whether all are gone */
  sweep(now: number, max: number): Promise<boolean>;
}
