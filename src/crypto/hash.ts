/**
 * SHA-256 and HMAC for short inputs: ids, tokens, keys. Synchronous on purpose. WebCrypto costs a trip to a
 * thread pool per call, which for 32 bytes is many times the hash itself; bodies go through the runtime's
 * native digest instead (`Deps.digest`).
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

const encoder = new TextEncoder();

/** UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** SHA-256 (FIPS 180-4), 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return nobleSha256(data) as Uint8Array<ArrayBuffer>;
}

/** HMAC-SHA-256 (RFC 2104), 32 bytes. */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer> {
  return hmac(nobleSha256, key, data) as Uint8Array<ArrayBuffer>;
}

/** Lower-case hexadecimal. */
export function hex(data: Uint8Array): string {
  return bytesToHex(data);
}
