/** Numbers that follow from a seed alone, so that a run can be had again. */

export interface Chance {
  /** A whole number from 0 to `below` - 1; 0 where `below` is not positive. */
  below(below: number): number;
  /** True once in `times` on average. */
  once(times: number): boolean;
  /** One of a list that is not empty. */
  of<T>(list: readonly [T, ...T[]]): T;
  /** One of a list, or undefined where it is empty. */
  some<T>(list: readonly T[]): T | undefined;
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/** mulberry32. @param seed a whole number; its lowest 32 bits count */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return limit > 0 ? ((mixed ^ (mixed >>> 14)) >>> 0) % limit : 0;
  };
  return {
    below,
    once: (times) => below(times) === 0,
    of: (list) => list[below(list.length)] ?? list[0],
    some: (list) => list[below(list.length)],
    bytes(length) {
      const made = new Uint8Array(length);
      for (let at = 0; at < length; at += 1) made[at] = below(256);
      return made;
    },
  };
}
