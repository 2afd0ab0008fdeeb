/** What one look tells of the whole database, types only: sums and counts, for whoever watches over a deployment. */
import type { PasteTotals } from './store.ts';
import type { WebhookState } from './webhooks.ts';

export interface Vitals {
  readonly pastes: PasteTotals;
  /** Those that are not being deleted. */
  readonly incidents: { readonly open: number; readonly closed: number };
  readonly deletions: {
    /** Decided and not done yet, failed ones included. */
    readonly pending: number;
    readonly failed: number;
    /** When the oldest of them was decided. */
    readonly oldestAt: number | undefined;
  };
  /** Bytes of uploads that are not finished. */
  readonly stagedBytes: number;
  /** Messages that wait to be sent. */
  readonly mailOutbox: number;
  readonly webhooks: WebhookState;
  /** The whole database, as its engine counts pages. */
  readonly databaseBytes: number;
}
