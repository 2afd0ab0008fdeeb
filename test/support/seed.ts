/**
 * Randomness that a run can be repeated with. The everyday run takes the same numbers each time: what it says of a
 * commit is the same for everyone. A soak takes new ones, prints its seed, and SALLYPORT_TEST_SEED repeats it.
 */

import { randomInt } from 'node:crypto';
import type { TestContext } from 'node:test';

export interface Seeded {
  /** A whole number from 0 to `below` - 1. */
  below(below: number): number;
}

const EVERYDAY_SEED = 20_261_122;

/** A generator (mulberry32) for one test, which prints its seed. */
export function seeded(t: Pick<TestContext, 'diagnostic'>): Seeded {
  const given = process.env.SALLYPORT_TEST_SEED;
  const seed = given !== undefined ? Number(given) : rounds(1) > 1 ? randomInt(2 ** 32) : EVERYDAY_SEED;
  t.diagnostic(`SALLYPORT_TEST_SEED=${seed}`);
  let state = seed >>> 0;
  return {
    below(below) {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    },
  };
}

/** `normal` rounds times SALLYPORT_TEST_ROUNDS, which is 1 unless set (a long soak sets 10). */
export function rounds(normal: number): number {
  return normal * Math.max(1, Number(process.env.SALLYPORT_TEST_ROUNDS ?? '1') || 1);
}

/**
 * For what takes a minute and is shown in the everyday run in another way: the reason why it is left to
 * `npm run soak`, or false there.
 * @param instead which test shows the same to whoever runs the everyday tests
 */
export function inSoak(instead: string): string | false {
  return rounds(1) > 1 ? false : `npm run soak runs it; ${instead} shows the same`;
}
