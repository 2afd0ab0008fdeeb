/** Streaming SHA-256 by the runtime's own OpenSSL or BoringSSL, for Node and Bun. */
import { createHash } from 'node:crypto';
import type { Digest } from '../src/core/deps.ts';

/** A fresh SHA-256. */
export function nodeDigest(): Digest {
  const hash = createHash('sha256');
  return {
    update: (bytes) => {
      hash.update(bytes);
    },
    finish: async () => new Uint8Array(hash.digest()),
  };
}
