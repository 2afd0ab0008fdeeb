/**
 * Standard base64 (RFC 4648 section 4) with one spelling for each byte string: without padding, as PHC strings and age
 * headers are written, and with it.
 */
import { decodeBase64url, encodeBase64url } from './sealed-base64.ts';

/** The unpadded base64 text of `bytes`. */
export function encodeBase64(bytes: Uint8Array): string {
  return encodeBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
}

/** The bytes of an unpadded base64 text, or undefined where it is not the canonical spelling. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (/[-_]/.test(text)) return undefined;
  return decodeBase64url(text.replaceAll('+', '-').replaceAll('/', '_'));
}

/** The base64 text of `bytes`, padded. */
export function encodePaddedBase64(bytes: Uint8Array): string {
  const text = encodeBase64(bytes);
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** The bytes of a padded base64 text, or undefined where it is not the canonical spelling. */
export function decodePaddedBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  return text.length % 4 === 0 ? decodeBase64(text.replace(/={1,2}$/, '')) : undefined;
}
