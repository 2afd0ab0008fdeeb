/**
 * Every key of the server is derived from the one secret (`SAFE_SECRET_KEY`), each for one purpose, so that a
 * value made for one purpose is worthless for another, and home and edge agree without talking.
 */
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { hex, hmacSha256, utf8 } from './hash.ts';

export type KeyPurpose =
  | 'delete-token'
  | 'proof-of-work'
  | 'limiter'
  | 'idempotency-key'
  | 'idempotency-fingerprint'
  | 'idempotent-id'
  | 'content-dedup'
  | 'password-guesses'
  | 'login-throttle'
  | 'totp-at-rest'
  | 'mail-outbox'
  | 'secret-key-check';

export interface Keyring {
  /** HMAC-SHA-256 of `message` under the purpose's own key: 32 bytes. */
  mac(purpose: KeyPurpose, message: string | Uint8Array): Uint8Array<ArrayBuffer>;
  /** As `mac`, in lower-case hex. */
  macHex(purpose: KeyPurpose, message: string | Uint8Array): string;
}

/**
 * Opens the keyring of a 32-byte secret. Subkeys: HKDF-SHA-256 (RFC 5869), no salt,
 * info `sallyport/1 <purpose>`, 32 bytes.
 */
export function openKeyring(secret: Uint8Array): Keyring {
  if (secret.length !== 32) throw new RangeError('the secret key must be 32 bytes');
  const subkeys = new Map<KeyPurpose, Uint8Array>();
  const subkey = (purpose: KeyPurpose): Uint8Array => {
    let key = subkeys.get(purpose);
    if (key === undefined) {
      key = hkdf(sha256, secret, undefined, utf8(`sallyport/1 ${purpose}`), 32);
      subkeys.set(purpose, key);
    }
    return key;
  };
  const mac = (purpose: KeyPurpose, message: string | Uint8Array) =>
    hmacSha256(subkey(purpose), typeof message === 'string' ? utf8(message) : message);
  return { mac, macHex: (purpose, message) => hex(mac(purpose, message)) };
}
