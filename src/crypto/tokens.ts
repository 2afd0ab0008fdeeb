/**
 * Ids and opaque tokens of pastes. A paste's id is the right to read it, its delete token the right to change
 * it: neither is stored, only what is derived from them one way.
 */
import { sha256Hex } from './hash.ts';
import type { Keyring } from './keyring.ts';
import { encodeBase64url } from './sealed-base64.ts';

/** Crockford's base32: digits and letters without i, l, o and u. */
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';
const PASTE_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;

const PASTE_ID_BYTES = 16;
const TOKEN_BYTES = 32;

/**
 * The id of 16 bytes: 26 lower-case Crockford base32 characters, the most significant first, two zero bits in
 * front (as in a ULID, so the first character is at most 7).
 */
export function encodePasteId(bytes: Uint8Array): string {
  if (bytes.length !== PASTE_ID_BYTES) throw new RangeError('a paste id is made of 16 bytes');
  let text = '';
  let held = 0;
  let bits = 2;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += CROCKFORD[held >> bits];
      held &= (1 << bits) - 1;
    }
  }
  return text;
}

/**
 * Whether a text has the shape of an id. One that begins above 7 has it too although it was never issued: it is
 * looked up and not found, like any other id that does not exist.
 */
export function isPasteId(text: string): boolean {
  return PASTE_ID.test(text);
}

/** What stands for a paste in the store, in listings and in events: the first 32 hex digits of SHA-256(id). */
export function pasteRef(id: string): string {
  return sha256Hex(id).slice(0, 32);
}

/** The delete token of an id: 43 characters. Derived, so that a repeated create can answer it again. */
export function deleteToken(keys: Keyring, id: string): string {
  return encodeBase64url(keys.mac('delete-token', id));
}

/** Lower-case hex SHA-256 of a token's text: all that is kept of it. */
export function tokenHash(token: string): string {
  return sha256Hex(token);
}

/** A fresh opaque secret: 32 random bytes as 43 characters of unpadded base64url. */
export function randomToken(random: (length: number) => Uint8Array): string {
  return encodeBase64url(random(TOKEN_BYTES));
}

/**
 * The id of a paste that was created under an idempotency key, the same each time, so that a repeated create
 * finds its id without the id being stored.
 *
 * @param nonceHex lower-case hex, random for each create and stored
 * @param key the idempotency key with its scope. Where this is what the client sent, rather than the hash that
 *   is stored, not even the database together with the secret key gives the id away.
 */
export function idempotentPasteId(keys: Keyring, nonceHex: string, key: string): string {
  if (!/^[0-9a-f]+$/.test(nonceHex)) throw new RangeError('the nonce must be lower-case hex');
  return encodePasteId(keys.mac('idempotent-id', `${nonceHex}:${key}`).subarray(0, PASTE_ID_BYTES));
}
