/**
 * Streaming SHA-1 (FIPS 180-4). Only for noticing what the network did to bytes, in a protocol that demands it:
 * collisions can be made, so nothing is ever believed because of it.
 */
import { sha1 } from '@noble/hashes/legacy.js';

export interface Sha1 {
  update(bytes: Uint8Array): void;
  /** The 20 bytes; it cannot be used afterwards. */
  finish(): Uint8Array;
}

/** A new hash, of nothing yet. */
export function sha1Stream(): Sha1 {
  const state = sha1.create();
  return {
    update(bytes) {
      state.update(bytes);
    },
    finish: () => state.digest(),
  };
}
