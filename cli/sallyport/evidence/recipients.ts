/** Public keys of age as people hand them over: their fingerprints, and private keys taken for them by mistake. */

import { createHash } from 'node:crypto';
import { type RecipientKind, recipientKind } from '../../../src/crypto/age-recipient.ts';
import { Failure, usage } from '../../shared/failure.ts';

export interface Recipient {
  /** `age1…` or `age1pq1…`, as it is written. */
  readonly recipient: string;
  readonly kind: RecipientKind;
  /** 64 lower-case hex digits. */
  readonly fingerprint: string;
}

/** SHA-256 of a recipient as it is written, in lower-case hex: what `printf %s age1… | sha256sum` prints. */
export function recipientFingerprint(recipient: string): string {
  return createHash('sha256').update(recipient).digest('hex');
}

/** Throws a usage failure, which quotes nothing, for what is no recipient that something can be wrapped for. */
export function recipientOf(text: string): Recipient {
  refusePrivateKeys([text]);
  const recipient = text.trim();
  const kind = recipientKind(recipient);
  if (kind === undefined)
    throw usage('This is no age recipient. One begins with age1 or age1pq1, and is all in lower case.');
  return { recipient, kind, fingerprint: recipientFingerprint(recipient) };
}

/** Sixteen groups of four, for reading aloud. */
export function spokenFingerprint(fingerprint: string): string {
  return (fingerprint.match(/.{4}/g) ?? []).join(' ');
}

/** Whether what somebody typed is the fingerprint: all of it; case, spaces and colons do not count. */
export function isFingerprint(typed: string, fingerprint: string): boolean {
  return typed.toLowerCase().replace(/[\s:]/g, '') === fingerprint;
}

/** `AGE-SECRET-KEY-1…`, `AGE-SECRET-KEY-PQ-1…`, and the first line of PEM files, whatever the dashes and the case. */
const PRIVATE_KEY = /agesecretkey(pq)?1[0-9a-z]{16}|begin[a-z0-9]*privatekey/;

/**
 * Throws a usage failure when one of the texts holds a private key: before it is sent, kept, or quoted in a message.
 */
export function refusePrivateKeys(texts: readonly string[]): void {
  for (const text of texts) {
    const plain = text
      .normalize('NFKC')
      .toLowerCase()
      .replace(/[\s_\p{Pd}]/gu, '');
    if (!PRIVATE_KEY.test(plain)) continue;
    throw new Failure(
      'usage',
      'private_key_given',
      'This is a private key. It was not sent and not kept. Give the public half, age1…. If it stood on a command line, others on this machine may have seen it: make a new one with sallyport keys new.',
    );
  }
}
