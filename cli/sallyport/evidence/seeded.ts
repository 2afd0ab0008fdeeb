/** Chance that can be repeated: rehearsals and the spreading of retries. Never for keys. */

/** A number from 0 to just below 1. */
export type Chance = () => number;

/** Mulberry32: the same numbers for the same seed (a whole number; its lowest 32 bits count). */
export function seededChance(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
