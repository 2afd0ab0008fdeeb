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

/** SHA-256 as a runtime has it. */
export interface NativeSha256 {
  /** Of bytes: 32 bytes. */
  bytes(data: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Of a text's UTF-8, in lower-case hexadecimal. */
  hexOfText(text: string): string;
}

const OURS: NativeSha256 = {
  bytes: (data) => nobleSha256(data) as Uint8Array<ArrayBuffer>,
  hexOfText: (text) => hex(nobleSha256(utf8(text))),
};

let native: NativeSha256 | undefined;

/**
 * From now on hashes with the runtime's own SHA-256, where that can be called for short inputs without a detour: it
 * takes a fifth of the time. For composition roots. @throws Error when it is no SHA-256
 */
export function hashWith(own: NativeSha256): void {
  // The last one is half a character: no UTF-8 stands for it but that of U+FFFD.
  for (const text of ['', 'abc', 'é'.repeat(200), '\ud800']) {
    const expected = OURS.hexOfText(text);
    if (hex(own.bytes(utf8(text))) !== expected || own.hexOfText(text) !== expected)
      throw new Error('this is not SHA-256');
  }
  native = own;
}

/** SHA-256 (FIPS 180-4), 32 bytes. */
export function sha256(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return (native ?? OURS).bytes(data);
}

/** SHA-256 of a text's UTF-8, 64 characters of lower-case hexadecimal: a third of what it costs by way of bytes. */
export function sha256Hex(text: string): string {
  return (native ?? OURS).hexOfText(text);
}

const BLOCK_BYTES = 64;

/** HMAC-SHA-256 (RFC 2104), 32 bytes. */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array<ArrayBuffer> {
  if (native === undefined || key.length > BLOCK_BYTES)
    return hmac(nobleSha256, key, data) as Uint8Array<ArrayBuffer>;
  return native.bytes(padded(key, 0x5c, native.bytes(padded(key, 0x36, data))));
}

/** A block of the key, each byte of it changed by `pad`, and the data behind it. */
function padded(key: Uint8Array, pad: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(BLOCK_BYTES + data.length).fill(pad, 0, BLOCK_BYTES);
  for (let i = 0; i < key.length; i += 1) bytes[i] = (key[i] ?? 0) ^ pad;
  bytes.set(data, BLOCK_BYTES);
  return bytes;
}

/** Lower-case hexadecimal. */
export function hex(data: Uint8Array): string {
  return bytesToHex(data);
}
