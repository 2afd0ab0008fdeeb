/**
 * What a peer costs that goes on asking although it is over its limit. A refusal is cheap, but refusals by the
 * thousand are not, and taking in a body that nobody wants, which a refusal must do to be heard (RFC 9112 §9.6), costs
 * more than most answers. So the answer is held back a little: a connection asks at most so often then, and there are
 * only so many of a peer. Whoever waits for `Retry-After`, in seconds, does not notice.
 */

/** Fifty refusals a second and connection. */
const HELD_BACK_MS = 20;
/** Ten, where a body is on its way. */
const HELD_BACK_SENDING_MS = 100;

/**
 * How long an answer is held back, in milliseconds.
 * @param sending not all of the request has arrived
 */
export function heldBackMs(status: number, sending: boolean): number {
  if (status !== 429) return 0;
  return sending ? HELD_BACK_SENDING_MS : HELD_BACK_MS;
}
