/** Unpredictable bytes of the system's generator, fetched many at a time: a request needs several few. */
import { randomFillSync } from 'node:crypto';

/** What is fetched at a time, and the most that one call is given from it, in bytes. */
const POOL_BYTES = 4096;
const FROM_POOL_BYTES = 256;

/** A source of `length` bytes each time. No byte is given twice, and none stays here after it was given. */
export function pooledRandom(): (length: number) => Uint8Array<ArrayBuffer> {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return (length) => {
    if (length > FROM_POOL_BYTES) return randomFillSync(new Uint8Array(length));
    if (used + length > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + length);
    pool.fill(0, used, used + length);
    used += length;
    return bytes;
  };
}
