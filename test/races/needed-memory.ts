/** How much memory a server needs for something, of which a measurement tells no more than an upper bound. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

const MIB = 1024 * 1024;
/** A runtime lets rubbish lie as its processors and the machine's memory have it; so often at most it is asked again. */
const MEASUREMENTS = 4;

export interface Measured {
  /** Resident bytes before, and the most that there were over that. */
  readonly before: number;
  readonly growth: number;
}

/**
 * Holds the least of some measurements, each of a server of its own, against a bound: what would keep whole bodies in
 * memory does so each time, and what the least of them shows was enough.
 * @param bound in bytes
 */
export async function needsLess(
  t: TestContext,
  bound: number,
  measure: () => Promise<Measured>,
): Promise<void> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < MEASUREMENTS && least >= bound; round += 1) {
    const { before, growth } = await measure();
    t.diagnostic(`${Math.round(before / MIB)} MiB before, ${Math.round(growth / MIB)} MiB more`);
    least = Math.min(least, growth);
  }
  assert.ok(least < bound, `at least ${Math.round(least / MIB)} MiB more each time`);
}
