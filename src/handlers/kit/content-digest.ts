/** `Content-Digest` (RFC 9530): the SHA-256 of a body in a header. */
import { type Dictionary, parseDictionary, serializeDictionary } from 'structured-headers';
import { hex } from '../../crypto/hash.ts';

/**
 * The SHA-256 that a `Content-Digest` or `Repr-Digest` holds. Other algorithms beside it are not looked at.
 * @returns lower-case hex; undefined when the header is missing, malformed, or has no SHA-256 of 32 bytes
 */
export function sha256In(header: string | null): string | undefined {
  let digests: Dictionary;
  try {
    digests = parseDictionary(header ?? '');
  } catch {
    return undefined;
  }
  const [digest] = digests.get('sha-256') ?? [];
  return digest instanceof ArrayBuffer && digest.byteLength === 32 ? hex(new Uint8Array(digest)) : undefined;
}

/** The header's value for a SHA-256 in lower-case hex. */
export function digestHeader(sha256: string): string {
  const bytes = Uint8Array.from(sha256.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return serializeDictionary({ 'sha-256': bytes });
}
