/** Streaming SHA-256 by the runtime's own OpenSSL or BoringSSL, and CRC-32 by its zlib, for Node and Bun. */
import { createHash, hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Digest } from '../src/core/deps.ts';
import type { NativeSha256 } from '../src/crypto/hash.ts';

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

/** SHA-256 of what is all here. */
export const nodeSha256: NativeSha256 = {
  bytes(data) {
    // As text of one byte a character: a Buffer made there costs three times the hash.
    const text = hash('sha256', data, 'binary');
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i += 1) bytes[i] = text.charCodeAt(i);
    return bytes;
  },
  hexOfText: (text) => hash('sha256', text, 'hex'),
};

/** CRC-32 of `previous` and these bytes. */
export function nodeCrc32(bytes: Uint8Array, previous: number): number {
  return crc32(bytes, previous);
}
