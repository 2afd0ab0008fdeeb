/** The part of the store that knows which secret key is in use, types only. */
import type { AuditEntry } from './audit.ts';

export interface SealedSeed {
  readonly factorId: string;
  readonly accountId: string;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

export interface KeyChange {
  /** The check value that must be there now. */
  readonly from: string;
  readonly to: string;
  /** Every TOTP seed, sealed under the new key, beside what it replaces. */
  readonly seeds: readonly (SealedSeed & { readonly resealed: Uint8Array<ArrayBuffer> })[];
  readonly audit: AuditEntry;
}

export interface SecretKeyStore {
  /** Keeps `check` when there is none yet. @returns the one that is kept. */
  settle(check: string): Promise<string>;
  /** Every TOTP seed, pending ones too. */
  seeds(): Promise<SealedSeed[]>;
  /**
   * All or nothing: false when the check value or a seed is another one by now, or a seed is missing from the change.
   * Forgets what only the old key could answer: replays of creates.
   */
  change(change: KeyChange): Promise<boolean>;
}
