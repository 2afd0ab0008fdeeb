/** Links to sealed pastes: the key rides in the fragment, which no client sends to a server (RFC 9110, 4.2.5). */

import { SealedError } from './sealed-error.ts';
import { decodeKey, encodeKey } from './sealed-keys.ts';

/** `url` with the key as its fragment. Throws `bad_link` unless it is http or https without a fragment, `bad_key`. */
export function formatLink(url: string, key: Uint8Array): string {
  const { url: bare, key: present } = parseLink(url);
  if (present !== undefined) throw new SealedError('bad_link');
  return `${bare}#${encodeKey(key)}`;
}

/**
 * A link taken apart: the address to ask, which never holds the key, and the key where there is one (a plain
 * paste's link has none). White space around it is ignored.
 *
 * Throws `bad_link` for anything else: other schemes, a user or password, a fragment that is not a key.
 */
export function parseLink(text: string): { readonly url: string; readonly key?: Uint8Array<ArrayBuffer> } {
  const trimmed = text.trim();
  const hash = trimmed.indexOf('#');
  const address = addressOf(hash < 0 ? trimmed : trimmed.slice(0, hash));
  if (!/^https?:$/.test(address.protocol) || address.username || address.password) {
    throw new SealedError('bad_link');
  }
  if (hash < 0) return { url: address.href };
  try {
    return { url: address.href, key: decodeKey(trimmed.slice(hash + 1)) };
  } catch {
    throw new SealedError('bad_link');
  }
}

function addressOf(text: string): URL {
  try {
    return new URL(text);
  } catch {
    // The runtime's own error quotes what it was given, and that may be a key pasted on its own.
    throw new SealedError('bad_link');
  }
}
