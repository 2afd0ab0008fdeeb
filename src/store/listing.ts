/** What the operator may list, types only: sizes, times and owners, never content and never a capability. */
import type { AuditEntry } from './audit.ts';

export interface ListedPaste {
  readonly ref: string;
  readonly size: number;
  readonly mimeType: string;
  readonly sealed: boolean;
  readonly burn: boolean;
  readonly protected: boolean;
  readonly owner?: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export type PasteOrder = 'largest' | 'oldest' | 'newest';

export interface PasteStats {
  readonly count: number;
  readonly bytes: number;
  /** Burn pastes that wait for their reader. */
  readonly burnPending: number;
  /** Expired, not swept yet. */
  readonly expiredPending: number;
  readonly createdSince: number;
  /** All that were ever created. */
  readonly createdEver: number;
  /** The whole database in bytes, as its engine counts pages. */
  readonly storageBytes: number;
}

export interface ListingStore {
  /** In the order of refs, after `after`. */
  pastes(after: string | undefined, limit: number): Promise<ListedPaste[]>;
  topPastes(order: PasteOrder, limit: number): Promise<ListedPaste[]>;
  /** Deletes at the operator's word. False when there is none. */
  removePaste(ref: string, audit: AuditEntry): Promise<boolean>;
  pasteStats(now: number, since: number): Promise<PasteStats>;
}
