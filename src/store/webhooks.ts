/** Events of pastes on their way to somebody else's server, types only. Times are milliseconds since the epoch. */

export type WebhookEvent =
  | 'paste.created'
  | 'paste.read'
  | 'paste.burned'
  | 'paste.expired'
  | 'paste.deleted';

/** An event that waits, as it was written down in the transaction that it tells of. */
export interface WaitingWebhook {
  /** Its place in the queue; never used twice. */
  readonly seq: number;
  /** `msg_` and 32 hex digits: the same at each attempt. */
  readonly id: string;
  readonly event: WebhookEvent;
  readonly at: number;
  /** What the paste was then. Never its id. */
  readonly paste: {
    readonly ref: string;
    readonly size: number;
    readonly createdAt: number;
    readonly expiresAt: number;
  };
  /** Attempts that began before. */
  readonly attempts: number;
}

export interface WebhookState {
  readonly waiting: number;
  /** When the event that waits longest happened. */
  readonly oldestAt: number | undefined;
  /** Since the database was made: events that were taken, attempts that failed, events that were given up. */
  readonly delivered: number;
  readonly failed: number;
  readonly givenUp: number;
  /** Events that found no place in the queue. */
  readonly dropped: number;
  readonly lastSuccessAt: number | undefined;
  readonly lastFailureAt: number | undefined;
  /** A name of ours, never what a server said. */
  readonly lastFailure: string | undefined;
}

/**
 * The queue. Events of one paste leave it in their order: only the first of them is ever due. It has a bound; beyond
 * that, what is new is dropped and counted, reads at half of it, so that they cannot crowd out everything else.
 */
export interface WebhookStore {
  /** Tells all processes on this database which events are written down from now on. */
  announce(events: readonly WebhookEvent[]): Promise<void>;
  /** What was announced last. */
  announced(): Promise<readonly WebhookEvent[]>;
  /** Those that are due, the longest due first, at most `max`, at most one of a paste. */
  due(now: number, max: number): Promise<readonly WaitingWebhook[]>;
  /**
   * Begins the next attempt: counts it, and puts the event off until `nextAt`, in case nothing more is heard of it.
   * @returns false when somebody else was faster, or it is gone
   */
  begin(webhook: Pick<WaitingWebhook, 'seq' | 'attempts'>, nextAt: number): Promise<boolean>;
  /** It was taken. */
  delivered(seq: number, now: number): Promise<void>;
  /** An attempt failed; the next one may begin at `dueAt`. */
  putOff(seq: number, reason: string, now: number, dueAt: number): Promise<void>;
  /** The last attempt failed. */
  giveUp(seq: number, reason: string, now: number): Promise<void>;
  state(): Promise<WebhookState>;
  /**
   * Gives up at most `max` events that are older than `before`, for when nobody delivers any more.
   * @returns whether all of them are gone
   */
  sweep(before: number, max: number): Promise<boolean>;
}
