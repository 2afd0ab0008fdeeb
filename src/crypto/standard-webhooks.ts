/** Signatures of Standard Webhooks: https://github.com/standard-webhooks/standard-webhooks (symmetric, `v1`). */
import { encodePaddedBase64 } from './base64.ts';
import { hmacSha256, utf8 } from './hash.ts';

/** What is signed: the same bytes must be sent as the body. */
export interface SignedMessage {
  readonly id: string;
  /** Of this attempt, in seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string;
}

/**
 * The three headers of a message. Each key signs, so that a receiver may know the old key or the new one while they
 * are being exchanged.
 */
export function webhookHeaders(
  keys: readonly Uint8Array[],
  { id, timestamp, body }: SignedMessage,
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> {
  const signed = utf8(`${id}.${timestamp}.${body}`);
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': keys.map((key) => `v1,${encodePaddedBase64(hmacSha256(key, signed))}`).join(' '),
  };
}
