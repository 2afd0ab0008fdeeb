/**
 * Viewer links and what they show, types only. The token itself is nowhere: the store knows its lower-case hex
 * SHA-256. Times are milliseconds since the epoch.
 */
import type { AuditEntry } from './audit.ts';
import type { Chunk } from './chunks.ts';
import type { Checkin, Incident, MediaType, Stream } from './incidents.ts';
import type { Owned } from './owned.ts';

export interface ViewerToken {
  /** `itk_` and a ULID. */
  readonly id: string;
  readonly incidentId: string;
  readonly label?: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
}

export type NewViewerToken = Omit<ViewerToken, 'revokedAt'> & { readonly tokenHash: string };

export interface ViewerTokenStore {
  create(
    owned: Owned,
    token: NewViewerToken,
    audit: AuditEntry,
  ): Promise<'created' | 'incident_not_found' | 'incident_deleting'>;
  /** In the order of creation, those after the token `after`. */
  list(owned: Owned, after: string | undefined, limit: number): Promise<ViewerToken[] | 'incident_not_found'>;
  find(
    owned: Owned,
    tokenId: string,
  ): Promise<ViewerToken | 'incident_not_found' | 'incident_token_not_found'>;
  /** Once. @returns false for an unknown one, one of somebody else's incident, and a revoked one */
  revoke(tokenId: string, accountId: string, now: number, audit: AuditEntry): Promise<boolean>;
}

/** What every viewer answer is about. */
export interface Seen {
  readonly tokenId: string;
  readonly incident: Incident;
  readonly latestCheckin?: Checkin;
}

/** For the page: numbers, the newest of each, and the streams, from aggregates that cost the same at any size. */
export interface SeenData extends Seen {
  /** Media types that have chunks. */
  readonly media: readonly {
    readonly mediaType: MediaType;
    readonly chunkCount: number;
    readonly latestChunk: Chunk;
  }[];
  /** In the order of creation. */
  readonly streams: readonly Stream[];
}

export interface SeenPayload extends Seen {
  /** The newest check-in that has a place; it may be older than the newest of all. */
  readonly latestLocation?: Checkin;
}

/**
 * Each verb looks a link up and reads in one transaction, with the same statements whatever becomes of it. Undefined
 * for every link that shows nothing: unknown, expired, revoked, or of an incident that is not active.
 */
export interface ViewerStore {
  seen(tokenHash: string, now: number): Promise<Seen | undefined>;
  data(tokenHash: string, now: number): Promise<SeenData | undefined>;
  payload(tokenHash: string, now: number): Promise<SeenPayload | undefined>;
}
