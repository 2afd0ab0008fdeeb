/** The client's side of the proof of work, written from the contract alone. */
import { createHash } from 'node:crypto';

function leadingZeroBits(hash: Uint8Array): number {
  let bits = 0;
  for (const byte of hash) {
    if (byte !== 0) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}

/** A solution: SHA-256(token ":" solution) starts with that many zero bits. */
export function solve(token: string, difficulty: number): string {
  for (let n = 0; ; n += 1) {
    const solution = n.toString(36);
    if (leadingZeroBits(createHash('sha256').update(`${token}:${solution}`).digest()) >= difficulty)
      return solution;
  }
}
