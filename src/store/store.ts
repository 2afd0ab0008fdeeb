/**
 * The storage interface, types only. A verb is one transaction: it decides and acts in one batch, so that two
 * processes on one database can never both win. Times are milliseconds since the epoch, sizes are bytes.
 */
import type { AccountStore } from './accounts.ts';
import type { AuditStore } from './audit.ts';
import type { ChunkMoveStore } from './chunk-moves.ts';
import type { BundleStore, ChunkStore, UploadStore } from './chunks.ts';
import type { LeaseStore, LimitStore, OutboxStore } from './coordination.ts';
import type { CheckinStore, DeletionStore, IncidentStore, StreamStore } from './incidents.ts';
import type { DeletionWorkStore, RetentionStore } from './letting-go.ts';
import type { ListingStore } from './listing.ts';
import type { LogStore } from './log.ts';
import type { IncidentListingStore, ReassignmentStore } from './operator-incidents.ts';
import type { SecretKeyStore } from './secret-key.ts';
import type { ContactKeyStore, GrantStore, RecipientKeyStore, WrappedKeyStore } from './sharing.ts';
import type { ViewerStore, ViewerTokenStore } from './viewing.ts';
import type { Vitals } from './vitals.ts';
import type { WebhookStore } from './webhooks.ts';

export type Bytes = Uint8Array<ArrayBuffer>;

/** Everything that is kept, room by room. */
export interface Store {
  readonly pastes: PasteStore;
  readonly accounts: AccountStore;
  readonly audit: AuditStore;
  readonly listing: ListingStore;
  readonly secretKey: SecretKeyStore;
  readonly incidents: IncidentStore;
  readonly checkins: CheckinStore;
  readonly streams: StreamStore;
  readonly deletion: DeletionStore;
  readonly deletionWork: DeletionWorkStore;
  readonly retention: RetentionStore;
  readonly incidentListing: IncidentListingStore;
  readonly reassignments: ReassignmentStore;
  readonly chunks: ChunkStore;
  readonly chunkMoves: ChunkMoveStore;
  readonly uploads: UploadStore;
  readonly bundles: BundleStore;
  readonly viewerTokens: ViewerTokenStore;
  readonly viewer: ViewerStore;
  readonly contactKeys: ContactKeyStore;
  readonly recipientKeys: RecipientKeyStore;
  readonly grants: GrantStore;
  readonly wrappedKeys: WrappedKeyStore;
  readonly log: LogStore;
  readonly limits: LimitStore;
  readonly leases: LeaseStore;
  readonly outbox: OutboxStore;
  readonly webhooks: WebhookStore;
  /** Sums of everything, read at one moment. */
  vitals(): Promise<Vitals>;
}

/** How a reader proves that a protected paste may be shown. */
export type PasteAccess =
  /** An Argon2id PHC string of a human password. */
  | { readonly kind: 'password'; readonly phc: string }
  /** Lower-case hex SHA-256 of a proof that the client derived itself. */
  | { readonly kind: 'proof'; readonly sha256: string };

/** Bytes that are about to become a paste: small ones travel inside the commit, large ones were staged before it. */
export type PendingBytes =
  | { readonly kind: 'inline'; readonly bytes: Bytes }
  | { readonly kind: 'staged'; readonly blob: string; readonly size: number };

/** Bytes that lie in an object store, and become a chunk's with its commit. */
export interface PlacedBytes {
  readonly kind: 'placed';
  readonly blob: string;
  readonly size: number;
  /** Who put them there, for as long as nobody took them over. */
  readonly writer: string;
  /** The staged blob that they came from, which the commit gives up. */
  readonly staged?: string;
}

/** What a paste is, without its bytes. */
export interface Paste {
  /** First 32 hex digits of SHA-256(id). The id itself is a capability and is not stored. */
  readonly ref: string;
  /** Where its bytes lie, when they are too large for the row. */
  readonly blob?: string;
  readonly size: number;
  readonly mimeType: string;
  readonly sealed: boolean;
  readonly burn: boolean;
  readonly access?: PasteAccess;
  /** Fingerprint of the client certificate that created it. */
  readonly owner?: string;
  /** Lower-case hex SHA-256 of the delete token. */
  readonly deleteTokenHash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Rises with each replacement; what was decided on one revision is never done to another. */
  readonly revision: number;
}

export interface NewPaste extends Omit<Paste, 'revision' | 'size' | 'blob'> {
  readonly pending: PendingBytes;
}

/** What is needed to answer a repeated create like the first one. */
export interface PasteReplay {
  /** Lower-case hex HMAC of scope and key. */
  readonly keyHash: string;
  /** Lower-case hex HMAC of the whole create. */
  readonly fingerprint: string;
  /** Lower-case hex. With the key itself, it gives the paste's id again. */
  readonly nonce: string;
  readonly expiresAt: number;
}

export interface CreatePaste {
  readonly paste: NewPaste;
  readonly now: number;
  readonly replay?: PasteReplay;
  /** The token that is spent with the create, and when it would have expired anyway. */
  readonly work?: {
    readonly tokenHash: string;
    readonly expiresAt: number;
    /** The token has expired: it serves for the first answer of a create that was done, never for a new one. */
    readonly onlyReplay: boolean;
  };
  readonly dedup?: { readonly contentHash: string; readonly max: number; readonly windowMs: number };
  readonly quotaBytes: number;
}

export type CreatePasteOutcome =
  | { readonly kind: 'created' }
  /** The same create was done before: `first` is what it made. */
  | { readonly kind: 'replayed'; readonly nonce: string; readonly first: FirstAnswer }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'work_spent' }
  | { readonly kind: 'duplicate'; readonly freeAt: number }
  | { readonly kind: 'quota' }
  /** The staged bytes were swept before the commit. */
  | { readonly kind: 'lost' };

/** The first answer of a create, as far as it cannot be derived again. */
export interface FirstAnswer {
  readonly size: number;
  readonly mimeType: string;
  readonly burn: boolean;
  readonly protected: boolean;
  readonly owner?: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ReplacePaste {
  readonly ref: string;
  readonly revision: number;
  readonly now: number;
  readonly pending: PendingBytes;
  readonly mimeType: string;
  readonly sealed: boolean;
  readonly burn?: boolean;
  readonly access?: PasteAccess;
  readonly expiresAt?: number;
  readonly dedup?: { readonly contentHash: string; readonly max: number; readonly windowMs: number };
  readonly quotaBytes: number;
}

export type ReplacePasteOutcome =
  | { readonly kind: 'replaced'; readonly paste: Paste }
  /** Gone, or changed since the revision was read. */
  | { readonly kind: 'stale' }
  | { readonly kind: 'duplicate'; readonly freeAt: number }
  | { readonly kind: 'quota' }
  | { readonly kind: 'lost' };

/** A paste with its bytes, where they are small enough to lie in its row. */
export interface OpenedPaste {
  readonly paste: Paste;
  readonly body?: Bytes;
}

/** How many wrong passwords were given for a paste, and whether that shuts anybody out. */
export interface GuessState {
  /** When this peer may try again, if it is locked out now. */
  readonly lockedUntil?: number;
}

export interface GuessLimits {
  readonly perPeer: number;
  readonly overall: number;
  /** Failures further apart than this start a new count. */
  readonly windowMs: number;
  readonly lockMs: number;
}

export interface SweptPastes {
  readonly removed: number;
  readonly bytes: number;
  /** False when the batch's bound was reached and there may be more. */
  readonly done: boolean;
}

export interface PasteStore {
  create(input: CreatePaste): Promise<CreatePasteOutcome>;
  /** Whether a create was already done under this key. It saves a client whose proof of work has expired. */
  knowsReplay(keyHash: string, now: number): Promise<boolean>;
  find(ref: string, now: number): Promise<Paste | undefined>;
  /** As `find`, with the bytes of a small paste that neither burns nor is protected: one round trip. */
  look(ref: string, now: number): Promise<OpenedPaste | undefined>;
  /** The bytes of a protected paste, at the revision whose access was checked. Never those of a burn paste. */
  open(ref: string, revision: number, now: number): Promise<OpenedPaste | undefined>;
  /**
   * Takes a burn paste, once over all processes: the row is gone, and bytes that lie outside of it are the
   * caller's to take until `keepUntil`, when a sweep may erase them.
   */
  claim(ref: string, revision: number, now: number, keepUntil: number): Promise<OpenedPaste | undefined>;
  replace(input: ReplacePaste): Promise<ReplacePasteOutcome>;
  /**
   * Writes down that the bytes at this revision are about to be given out. Absent where nobody wants to know.
   * @returns false when the paste is gone or was replaced: then nothing was written down
   */
  noteRead?(ref: string, revision: number, now: number): Promise<boolean>;
  /** True when this call deleted it. */
  remove(ref: string, now: number): Promise<boolean>;
  guesses(ref: string, peerKey: string, now: number): Promise<GuessState>;
  /** Counts one wrong password before it is answered. */
  recordWrongGuess(ref: string, peerKey: string, now: number, limits: GuessLimits): Promise<void>;
  /** Removes what has expired, at most `max` pastes a call. */
  sweep(now: number, max: number): Promise<SweptPastes>;
  /** Forgets creates up to `before` (for deduplication), at most `max` a call. @returns whether all are gone. */
  forgetContents(before: number, max: number): Promise<boolean>;
  totals(): Promise<PasteTotals>;
}

export interface PasteTotals {
  readonly count: number;
  readonly bytes: number;
  /** All that were ever created. */
  readonly createdEver: number;
}

/** The right to add to a staged blob, for as long as nobody took it over ({@link UploadStore.take}). */
export interface WriterTurn {
  readonly writer: string;
  /** Most bytes that the blob's holder may have staged together. */
  readonly holderMost: number;
}

/**
 * Where bytes lie that are too large for a commit: segments of at most {@link Blobs.segmentBytes}. Bytes are
 * staged under a name that nothing refers to, and become visible when a store verb adopts the name.
 */
export interface Blobs {
  /** Largest segment in bytes. A source of at most this size is better sent inline. */
  readonly segmentBytes: number;
  /**
   * Appends one segment to the staged blob, creating it with segment 0.
   * @returns false when the staging quota has no room; nothing was kept of this segment.
   */
  append(name: string, index: number, bytes: Bytes, now: number): Promise<boolean>;
  /**
   * Adds bytes to a staged blob of `offset` bytes, in a transaction that any other writer loses: the last segment is
   * filled up, so that every segment but the last has {@link segmentBytes}. At most so many bytes a call. An offset
   * of 0 creates it.
   * @param eraseAt when a sweep may take it, in place of the lifetime of other staged blobs
   * @param turn for a blob that is somebody's to add to: then it must be there, and still theirs
   * @returns `moved` when the blob is not there, has another length or is somebody else's to add to; `full` when
   *   the quota has no room
   */
  extend(
    name: string,
    offset: number,
    bytes: Bytes,
    eraseAt: number,
    turn?: WriterTurn,
  ): Promise<'extended' | 'moved' | 'full'>;
  /** Forgets a staged blob and its segments. Unknown names are harmless. */
  discard(name: string): Promise<void>;
  /**
   * Removes a blob and its segments for good, in bounded commits, whoever refers to it: for what is being deleted.
   * One that is not there is removed. Rejects where bytes may be left.
   */
  remove(name: string): Promise<void>;
  /** One segment of an adopted or claimed blob; undefined when it is not there. */
  read(name: string, index: number): Promise<Bytes | undefined>;
  /**
   * The bytes of adopted blobs of one segment each, in one request, by name; those that are not there are missing.
   * @param names of blobs that have at most {@link segmentBytes} together
   */
  readSmall(names: readonly string[]): Promise<ReadonlyMap<string, Bytes>>;
  /** As `read`, and erases the segment: the one reading of a claimed blob. */
  take(name: string, index: number): Promise<Bytes | undefined>;
  /** Removes blobs that nothing refers to and whose time is over, at most `max`. @returns how many. */
  sweep(now: number, max: number): Promise<number>;
  /** Chunks that lie in an object store, where one is configured. */
  readonly objects?: ObjectBlobs;
}

/** A blob, how long it is, and which of its bytes: from `start` to before `end`. */
export interface BlobPart {
  readonly blob: string;
  /** Of the whole blob, in bytes. */
  readonly size: number;
  readonly start: number;
  readonly end: number;
}

/** Which chunk bytes are for, and what they are. */
export interface PlaceFor {
  readonly incidentId: string;
  /** Undefined for a legacy chunk. */
  readonly streamId: string | undefined;
  readonly chunkIndex: number;
  /** Lower-case hex. The store refuses other bytes where it can. */
  readonly sha256: string;
  readonly size: number;
}

/**
 * An object store beside the database. An object gets a row on the list of loose blobs before its first byte is sent,
 * is put only where nothing is, and is a chunk's once a commit took the row away. Names are never used twice, so that
 * a request that arrives late harms nobody. Whatever the store cannot do right now rejects with an `ObjectError`.
 */
export interface ObjectBlobs {
  /** Whether new chunks go there; else it is only read and emptied. */
  readonly places: boolean;
  /** Whether a name is an object's. */
  holds(blob: string): boolean;
  /**
   * Puts received bytes there. An object that an attempt before left for the same chunk is adopted when it holds the
   * same bytes; one with other bytes is left to the sweep, and another name is taken.
   * @returns undefined when the incident is not active any more
   */
  place(bytes: PendingBytes, where: PlaceFor): Promise<PlacedBytes | undefined>;
  /** Removes what was placed and not committed. Harmless when a chunk owns it or somebody else took it over. */
  withdraw(placed: PlacedBytes): Promise<void>;
  /** The bytes of a part, in order, in pieces of any length. Ends early where there are no more. */
  pieces(part: BlobPart): AsyncGenerator<Bytes, void, void>;
  /** Whether an object of a stream is missing or has another length, of chunks given in the order of their indexes. */
  lacks(
    incidentId: string,
    streamId: string,
    chunks: AsyncIterable<readonly { readonly blob: string; readonly byteSize: number }[]>,
  ): Promise<boolean>;
  /** Removes whatever there is of an incident, listed or not. Rejects where bytes may be left. */
  removeAll(incidentId: string): Promise<void>;
}
