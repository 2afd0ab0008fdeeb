/**
 * CSRF tokens. One is a function of the raw session token, which only the cookie holds, so that neither a reader of
 * the database nor another site can make one; nothing is stored.
 */
import { equalText } from '../../crypto/compare.ts';
import { hex, hmacSha256, utf8 } from '../../crypto/hash.ts';
import type { Session } from '../../store/accounts.ts';
import { timestamp } from './time.ts';

/** What the token is for: a token of one door is worthless at the other. */
export type CsrfPurpose = 'sallyport-web-csrf-v1' | 'sallyport-admin-web-csrf-v1';

/** Hex HMAC-SHA-256 under the raw session token of purpose, session, account and expiry, NUL between them. */
export function csrfToken(purpose: CsrfPurpose, rawToken: string, session: Session): string {
  const message = [purpose, session.id, session.accountId, timestamp(session.expiresAt)].join('\0');
  return hex(hmacSha256(utf8(rawToken), utf8(message)));
}

/** Whether `given` is the session's token, compared in constant time. */
export function isCsrfToken(
  purpose: CsrfPurpose,
  rawToken: string,
  session: Session,
  given: unknown,
): boolean {
  return typeof given === 'string' && equalText(csrfToken(purpose, rawToken, session), given.toLowerCase());
}
