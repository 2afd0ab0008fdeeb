/**
 * Delivery of events to the operator's own receiver: at least once, in the order of each paste, for a day. Whatever
 * the receiver does, a request never waits for it: events lie in the queue, and this takes them from there.
 */
import { webhookHeaders } from '../crypto/standard-webhooks.ts';
import type { WaitingWebhook } from '../store/webhooks.ts';
import type { Deps } from './deps.ts';
import type { Round } from './leases.ts';

/** Why an attempt failed: names of ours, and the status that a receiver answered. */
export type WebhookFailure =
  /** The name has no address, or no resolver could be asked. */
  | 'unresolved'
  /** The name leads to an address that SAFE_WEBHOOK_ALLOW_PRIVATE does not allow. */
  | 'private_address'
  | 'unreachable'
  | 'tls_failed'
  | 'timeout'
  | 'connection_lost'
  | 'not_http'
  | 'redirect'
  | `status_${number}`;

/**
 * Sends one message; it never throws, and it ends within a bounded time.
 * @returns undefined when the receiver has taken it, `stopped` when this process ends and nobody knows
 */
export type PostWebhook = (
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<WebhookFailure | 'stopped' | undefined>;

/** An event that is older is tried once more and then given up. */
export const WEBHOOK_AGE_MS = 24 * 60 * 60 * 1000;
/** When an attempt came to nothing, the next one follows after about this; the last pause repeats. */
const PAUSES_MS = [5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000] as const;
/** Messages under way at a time. */
const AT_ONCE = 8;
/** How many are read at a time. */
const READ_AT_ONCE = 64;
/** So many failures in a row are the receiver's and not the messages': then one at a time finds out when it is back. */
const TROUBLE = 5;
/** The longest pause between two of these. */
const LONGEST_REST_MS = 60_000;

export interface WebhookOptions {
  /** Keys that sign, the newest first. */
  readonly keys: readonly Uint8Array[];
  readonly post: PostWebhook;
  /** For how long an event is left alone after an attempt of which nothing more is heard. 0: nobody else delivers. */
  readonly leaseMs: number;
}

/** The body: what happened, when, and to what. No id, no token, no content, nobody's address. */
export function webhookBody({ event, at, paste }: WaitingWebhook): string {
  const time = (ms: number) => new Date(ms).toISOString();
  return JSON.stringify({
    type: event,
    timestamp: time(at),
    data: {
      ref: paste.ref,
      size: paste.size,
      created_at: time(paste.createdAt),
      expires_at: time(paste.expiresAt),
    },
  });
}

/** Rounds of delivery. They remember how the receiver is, so one process makes one of these and keeps it. */
export function webhookRounds(
  deps: Pick<Deps, 'now' | 'random' | 'log'> & { readonly store: Pick<Deps['store'], 'webhooks'> },
  { keys, post, leaseMs }: WebhookOptions,
): Round {
  const { webhooks } = deps.store;
  let failuresInARow = 0;
  let restUntil = 0;

  // Three quarters to five quarters of it, so that what failed together does not come again together.
  const jittered = (ms: number) => Math.round(ms * (0.75 + ((deps.random(1)[0] ?? 0) / 255) * 0.5));

  function tell(failure: WebhookFailure | undefined): void {
    if (failure === undefined) {
      if (failuresInARow >= TROUBLE) deps.log.write('info', 'webhooks are taken again', {});
      failuresInARow = 0;
      return;
    }
    failuresInARow += 1;
    if (failuresInARow === TROUBLE) deps.log.write('warn', 'webhooks are not taken', { reason: failure });
  }

  async function attempt(webhook: WaitingWebhook): Promise<void> {
    if (!(await webhooks.begin(webhook, deps.now() + leaseMs))) return;
    const body = webhookBody(webhook);
    const timestamp = Math.floor(deps.now() / 1000);
    const headers = webhookHeaders(keys, { id: webhook.id, timestamp, body });
    const failure = await post({ 'content-type': 'application/json', ...headers }, body);
    if (failure === 'stopped') return;
    const now = deps.now();
    tell(failure);
    if (failure === undefined) return webhooks.delivered(webhook.seq, now);
    const lastAt = webhook.at + WEBHOOK_AGE_MS;
    if (now >= lastAt) {
      const { event, attempts } = webhook;
      deps.log.write('warn', 'a webhook was given up', { event, reason: failure, attempts: attempts + 1 });
      return webhooks.giveUp(webhook.seq, failure, now);
    }
    const pause = jittered(PAUSES_MS[Math.min(webhook.attempts, PAUSES_MS.length - 1)] ?? LONGEST_REST_MS);
    await webhooks.putOff(webhook.seq, failure, now, Math.min(now + pause, lastAt));
  }

  return async (stop) => {
    // A rest that ends later than any could was set before a clock was set back.
    if (restUntil - deps.now() > 0 && restUntil - deps.now() <= 2 * LONGEST_REST_MS) return;
    const ended = () => stop() || failuresInARow >= TROUBLE;
    // While the receiver is in trouble, a round is one message.
    for (let first = true; first || !ended(); first = false) {
      const alone = failuresInARow >= TROUBLE;
      const waiting = [...(await webhooks.due(deps.now(), alone ? 1 : READ_AT_ONCE))];
      if (waiting.length === 0) return;
      const worker = async () => {
        for (let next = waiting.shift(); next !== undefined; next = ended() ? undefined : waiting.shift())
          await attempt(next);
      };
      // All of them end before anything else begins, also where the database fails one: else the same event would be
      // found due again while it is under way.
      const ends = await Promise.allSettled(Array.from({ length: alone ? 1 : AT_ONCE }, worker));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    }
    if (failuresInARow >= TROUBLE) {
      const rest = Math.min(LONGEST_REST_MS, 1000 * 2 ** Math.min(failuresInARow - TROUBLE, 16));
      restUntil = deps.now() + jittered(rest);
    }
  };
}
