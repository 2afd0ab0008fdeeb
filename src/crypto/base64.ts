/** Standard base64 without padding (RFC 4648 section 4): what PHC strings and age headers are written in. */
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
