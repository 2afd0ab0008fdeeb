/** The part of the store that several processes of one deployment share, types only. Times are milliseconds. */
import type { Bytes } from './store.ts';

/** Request counts in fixed windows. Keys carry a class and a hashed peer, nothing else of a request. */
export interface LimitStore {
  /**
   * Counts one request. A window begins with a key's first hit; a limit of 0 means none.
   * @returns undefined when it may go on, else the time (ms since the epoch) when the window ends
   */
  hit(key: string, limit: number, windowMs: number, now: number): Promise<number | undefined>;
  /** Forgets at most `max` windows that have ended. @returns whether all of them are gone */
  sweep(now: number, max: number): Promise<boolean>;
}

/** Which process does what only one should do at a time. A hint: whatever is done under a lease is safe without. */
export interface LeaseStore {
  /** Takes a lease that is free, ended or one's own until `now + ttlMs`. @returns whether `owner` has it now */
  take(name: string, owner: string, now: number, ttlMs: number): Promise<boolean>;
  /** Gives it back if it is one's own. */
  release(name: string, owner: string): Promise<void>;
}

/** A message on its way, readable only with the key of the deployment. */
export interface OutboxMail {
  /** 32 hex digits. */
  readonly id: string;
  readonly sealed: Bytes;
  readonly createdAt: number;
  readonly dueAt: number;
}

/** A message to keep while fewer than `most` wait. */
export interface MailToKeep {
  readonly mail: OutboxMail;
  readonly most: number;
}

/** A message that is to be sent now. */
export interface DueMail extends OutboxMail {
  /** Attempts that began before. */
  readonly attempts: number;
}

/** Mail that waits for the process that sends it. */
export interface OutboxStore {
  /** Keeps a message. @returns false when `most` wait already */
  add(mail: OutboxMail, most: number): Promise<boolean>;
  /** Those that are due, the longest due first, at most `max`. */
  due(now: number, max: number): Promise<readonly DueMail[]>;
  /**
   * Begins the next attempt: counts it, and puts the message off until `nextAt`, in case nothing more is heard of it.
   * @returns false when somebody else was faster, or it is gone
   */
  begin(mail: Pick<DueMail, 'id' | 'attempts'>, nextAt: number): Promise<boolean>;
  /** Changes when the next attempt may begin, unless one has begun since. */
  putOff(mail: Pick<DueMail, 'id' | 'attempts'>, until: number): Promise<void>;
  /** Erases a message that was sent or given up. */
  remove(id: string): Promise<void>;
  /** Erases at most `max` messages that are older than `before`. @returns whether all of them are gone */
  sweep(before: number, max: number): Promise<boolean>;
}
