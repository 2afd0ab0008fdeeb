/**
 * Time-based one-time passwords (RFC 6238) as every authenticator app makes them: HMAC-SHA-1, six digits, a step of
 * 30 seconds. SHA-1's collisions do not matter to HMAC, and many apps silently ignore any other choice.
 */
import { HOTP, Secret, TOTP } from 'otpauth';
import { equalText } from './compare.ts';

const TOTP_ISSUER = 'Sallyport';
const TOTP_SECRET_BYTES = 20;
const TOTP_PERIOD_SECONDS = 30;
const TOTP_DIGITS = 6;

/** Steps before and after the present one that are taken too, for clocks that are off (RFC 6238 section 5.2). */
const SKEW_STEPS = 1;
const CODE = /^[0-9]{6}$/;

/** What an account's owner gets to see once, spelled as on the wire. It holds the seed: never log it. */
export interface TotpEnrolment {
  /** The seed in base32 (RFC 4648 section 6) without padding: 32 characters. */
  readonly secret: string;
  /** The same as an `otpauth://totp/` link, for a QR code. */
  readonly otpauth_url: string;
  readonly issuer: string;
  readonly account_name: string;
  readonly period_seconds: number;
  readonly digits: number;
  readonly algorithm: 'SHA1';
}

/** A fresh seed: 20 unpredictable bytes, as long as the hash (RFC 4226 section 4, R6). */
export function newTotpSecret(random: (length: number) => Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const secret = random(TOTP_SECRET_BYTES);
  if (secret.length !== TOTP_SECRET_BYTES) throw new RangeError('the source of random bytes gave too few');
  return secret;
}

/** What an authenticator app needs to know to make codes of `secret` for this account. */
export function totpEnrolment(secret: Uint8Array, username: string): TotpEnrolment {
  const seed = seedOf(secret);
  const totp = new TOTP({
    issuer: TOTP_ISSUER,
    label: username,
    secret: seed,
    algorithm: 'SHA1',
    digits: TOTP_DIGITS,
    period: TOTP_PERIOD_SECONDS,
  });
  return {
    secret: seed.base32,
    otpauth_url: totp.toString(),
    issuer: TOTP_ISSUER,
    account_name: username,
    period_seconds: TOTP_PERIOD_SECONDS,
    digits: TOTP_DIGITS,
    algorithm: 'SHA1',
  };
}

/**
 * The time step that `code` is right for: the present one, the one before or the one after; undefined for a wrong
 * code and for anything but six ASCII digits. Whoever calls this must take each step at most once and never one
 * that is not later than the last (RFC 6238 section 5.2), else a code can be used again while it is valid.
 *
 * All steps are compared, whatever the first of them says. Should a code be right for several, the latest counts,
 * so that recording it uses them all up.
 */
export function matchTotp(secret: Uint8Array, code: string, nowMs: number): number | undefined {
  if (!CODE.test(code)) return undefined;
  const seed = seedOf(secret);
  const present = Math.floor(nowMs / (TOTP_PERIOD_SECONDS * 1000));
  let matched: number | undefined;
  for (let step = Math.max(0, present - SKEW_STEPS); step <= present + SKEW_STEPS; step += 1) {
    const right = HOTP.generate({ secret: seed, algorithm: 'SHA1', digits: TOTP_DIGITS, counter: step });
    if (equalText(right, code)) matched = step;
  }
  return matched;
}

function seedOf(secret: Uint8Array): Secret {
  if (secret.length !== TOTP_SECRET_BYTES) throw new RangeError('a TOTP seed is 20 bytes');
  // A copy, since the library takes the whole buffer that a view may only be a part of.
  return new Secret({ buffer: new Uint8Array(secret).buffer });
}
