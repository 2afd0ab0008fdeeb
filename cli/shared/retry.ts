/** When to ask again, and how long to wait: Retry-After where the server says so, else longer each time. */

import { spokenSeconds } from './duration.ts';
import { Failure } from './failure.ts';
import type { Answer } from './http.ts';

export interface RetryPolicy {
  readonly enabled: boolean;
  /** All waiting for one request together. */
  readonly maxWaitSeconds: number;
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** 0 to 1: spreads clients that failed at the same time. */
  readonly jitter: () => number;
  readonly say: (line: string) => void;
}

const MAX_ATTEMPTS = 6;
const FIRST_PAUSE_MS = 500;

/**
 * Runs `attempt` until it answers something other than 429 or 503, or hope is lost: too many attempts, a wait
 * longer than allowed, a failure that will not pass. The last answer or failure is the outcome.
 *
 * A connection that is refused at the very first attempt is final: then there is no server, and waiting would
 * only hide that. Later it may be one that restarts.
 */
export async function retrying(policy: RetryPolicy, attempt: () => Promise<Answer>): Promise<Answer> {
  let waitedMs = 0;
  for (let count = 1; ; count += 1) {
    const outcome = await attempt().catch((error: unknown) => error);
    const pauseMs = pauseAfter(outcome, count, policy);
    const final = pauseMs === undefined || !policy.enabled || count >= MAX_ATTEMPTS;
    if (final || waitedMs + pauseMs > policy.maxWaitSeconds * 1000) {
      if (isAnswer(outcome)) return outcome;
      throw outcome;
    }
    const why = isAnswer(outcome) ? 'The server is busy' : 'The connection broke';
    policy.say(`${why}; trying again in ${spokenSeconds(Math.max(1, pauseMs / 1000))}.`);
    if (isAnswer(outcome)) outcome.close();
    waitedMs += pauseMs;
    await policy.sleep(pauseMs);
  }
}

/** Milliseconds until the next attempt, or undefined when there is no point in one. */
function pauseAfter(outcome: unknown, count: number, policy: RetryPolicy): number | undefined {
  const backoff = FIRST_PAUSE_MS * 2 ** (count - 1) * (1 + policy.jitter() / 2);
  if (isAnswer(outcome)) {
    if (outcome.status !== 429 && outcome.status !== 503) return undefined;
    const wanted = retryAfterMs(outcome.header('retry-after'), policy.now());
    return wanted === undefined ? backoff : Math.max(wanted, backoff);
  }
  if (!(outcome instanceof Failure) || outcome.kind !== 'network') return undefined;
  if (outcome.passing) return backoff;
  return outcome.code === 'no_connection' && count > 1 ? backoff : undefined;
}

function isAnswer(outcome: unknown): outcome is Answer {
  return typeof outcome === 'object' && outcome !== null && 'status' in outcome;
}

/** RFC 9110, 10.2.3: seconds or an HTTP date. */
export function retryAfterMs(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
