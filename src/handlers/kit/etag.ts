/** Entity tags (RFC 9110 §8.8.3). */
import { hex, sha256 } from '../../crypto/hash.ts';

/** A strong tag that follows from the bytes. */
export function etagOf(bytes: Uint8Array): string {
  return `"${hex(sha256(bytes)).slice(0, 32)}"`;
}

/** Whether one of the tags in If-None-Match is this one; weak comparison (§13.1.2). */
export function isCurrent(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}
