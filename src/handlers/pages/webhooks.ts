/** What the overview says of webhooks: how long the queue is, and how the receiver is. */
import type { WebhookEvent, WebhookState } from '../../store/webhooks.ts';
import { type Html, html } from './html.ts';
import { duration, pairs, second } from './parts.ts';

export interface WebhooksView {
  readonly state: WebhookState;
  readonly events: readonly WebhookEvent[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What a failure means, and what to look at. */
const FAILURES: Readonly<Record<string, string>> = {
  unresolved: 'its name has no address, or no resolver answers',
  private_address: 'its name leads to a private address, which SAFE_WEBHOOK_ALLOW_PRIVATE does not allow',
  unreachable: 'nothing answers at its address',
  tls_failed: 'there is no trustworthy TLS with it; look at its certificate',
  timeout: 'it did not answer in ten seconds',
  connection_lost: 'it ended the connection without an answer',
  not_http: 'what it answers is no HTTP, or has no end',
  redirect: 'it answers with a redirect, and none is followed; set SAFE_WEBHOOK_URL to the right address',
};

/** A failure in words. `status_503` and its like speak for themselves. */
export function failureText(failure: string): string {
  const [, status] = /^status_([0-9]{3})$/.exec(failure) ?? [];
  return status === undefined ? (FAILURES[failure] ?? 'an unknown failure') : `it answers ${status}`;
}

/** Whether the last thing that is known of the receiver is that it failed, while something waits for it. */
export function receiverFails({ waiting, lastSuccessAt, lastFailureAt }: WebhookState): boolean {
  return waiting > 0 && lastFailureAt !== undefined && lastFailureAt > (lastSuccessAt ?? 0);
}

export function webhookSection({ state, events, now }: WebhooksView): readonly Html[] {
  const number = (count: number) => count.toLocaleString('en');
  const at = (ms: number | undefined) => (ms === undefined ? 'none yet' : second(ms));
  return [
    html`<p>Sent: ${events.map((event, n) => [n > 0 && ', ', html`<code>${event}</code>`])}.</p>`,
    pairs([
      ['Waiting', number(state.waiting)],
      ['The oldest for', state.oldestAt === undefined ? '–' : duration(Math.max(0, now - state.oldestAt))],
      ['Delivered', number(state.delivered)],
      ['Last delivery', at(state.lastSuccessAt)],
      ['Failed attempts', number(state.failed)],
      ['Last failure', at(state.lastFailureAt)],
      ['Its reason', state.lastFailure === undefined ? '–' : failureText(state.lastFailure)],
      ['Given up', number(state.givenUp)],
      ['Found the queue full', number(state.dropped)],
    ]),
  ];
}
