/** The port to an object store, as little of one as is needed: S3 and R2 are behind it. */
import type { Bytes } from '../store.ts';

/**
 * - `busy`: the store could not be reached or did not answer in time; what was asked for may have happened.
 * - `full`: it has no room.
 * - `denied`: it takes the credentials, the bucket or the region no more; nothing happened.
 * - `internal`: it answered what it should not have; nothing can be said of what happened.
 */
export type ObjectErrorKind = 'busy' | 'full' | 'denied' | 'internal';

/** A refusal of an object store. `code` is the store's own name of it (`SlowDown`), and may be logged. */
export class ObjectError extends Error {
  override readonly name = 'ObjectError';
  readonly kind: ObjectErrorKind;
  readonly code: string | undefined;
  constructor(kind: ObjectErrorKind, message: string, code?: string) {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

/** The code where it was not the store that failed: asking it again is in vain. */
export const CALLED_OFF = 'CalledOff';

/** What an object is to hold. */
export interface ObjectBody {
  /** In bytes, at least 1. */
  readonly size: number;
  /** Lower-case hex SHA-256. A store that can compares it, and keeps nothing else. */
  readonly sha256: string;
  /** All bytes, or a way to read them in order, from the start each time. */
  readonly bytes: Bytes | (() => AsyncGenerator<Bytes, void, void>);
}

export interface StoredObject {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
}

/** Keys are made of letters, digits, `_`, `-`, `.` and `/`. Everything rejects with {@link ObjectError}. */
export interface Objects {
  /**
   * Puts an object where there is none.
   * @returns `exists` when there is one, which may be what an attempt of this very call left
   */
  put(key: string, body: ObjectBody): Promise<'stored' | 'exists'>;
  /** The bytes from `start` to before `end`, in pieces of any length. Ends early where there are no more. */
  read(key: string, start: number, end: number): AsyncGenerator<Bytes, void, void>;
  /** Removes an object; one that is not there is removed. */
  remove(key: string): Promise<void>;
  /** Objects whose keys begin with `prefix`, in the order of keys, those after `after`; at most so many as it likes. */
  list(
    prefix: string,
    after: string | undefined,
  ): Promise<{ objects: readonly StoredObject[]; more: boolean }>;
}
