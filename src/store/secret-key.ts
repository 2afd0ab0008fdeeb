/** The part of the store that knows which secret key is in use, types only. */
import type { AuditEntry } from './audit.ts';

export interface KeyChange {
  /** The check value that must be there now. */
  readonly from: string;
  readonly to: string;
  /** Every TOTP seed: what it is now, and sealed under the new key. */
  readonly seeds: readonly {
    readonly factorId: string;
    readonly was: Uint8Array<ArrayBuffer>;
    readonly becomes: Uint8Array<ArrayBuffer>;
  }[];
  /** Mail that waits, by its id, as above; what is not there any more is no reason to refuse. */
  readonly mails: readonly {
    readonly id: string;
    readonly was: Uint8Array<ArrayBuffer>;
    readonly becomes: Uint8Array<ArrayBuffer>;
  }[];
  readonly audit: AuditEntry;
}

export interface SecretKeyStore {
  /** The check value that is kept, if there is one. */
  kept(): Promise<string | undefined>;
  /** Keeps `check` when there is none yet. @returns the one that is kept. */
  settle(check: string): Promise<string>;
  /**
   * All or nothing: false when the check value is another one by now, or a seed was changed, added or removed.
   * Refused: `conflict`. Forgets what only the old key could answer: replays of creates, and mail that is not in
   * `mails`.
   */
  change(change: KeyChange): Promise<boolean>;
}
