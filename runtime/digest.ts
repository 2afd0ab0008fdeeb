/** Streaming SHA-256 by the runtime's own OpenSSL or BoringSSL, and CRC-32 by its zlib, for Node and Bun. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
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

/** CRC-32 of `previous` and these bytes. */
export function nodeCrc32(bytes: Uint8Array, previous: number): number {
  return crc32(bytes, previous);
}
