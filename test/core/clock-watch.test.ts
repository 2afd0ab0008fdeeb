/** A clock that leaps: what is removed for its age waits until the leap is believed. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { clockWatch } from '../../src/core/clock-watch.ts';
import type { LogFields } from '../../src/core/log-fields.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const YEAR = 365 * 24 * HOUR;

function house() {
  let elapsed = 5000;
  let ahead = 0;
  const lines: LogFields[] = [];
  const start = Date.UTC(2026, 10, 22);
  const trusted = clockWatch({
    now: () => start + elapsed + ahead,
    elapsed: () => elapsed,
    log: { write: (_level, _message, fields) => void lines.push(fields) },
  });
  return {
    lines,
    trusted,
    wait: (ms: number) => {
      elapsed += ms;
    },
    set: (ms: number) => {
      ahead += ms;
    },
  };
}

it('a clock that goes as it should is trusted, and so is one that is slewed or corrected a little', () => {
  const { trusted, wait, set, lines } = house();
  for (const correction of [0, 200, -5 * MINUTE, 9 * MINUTE]) {
    set(correction);
    wait(5 * MINUTE);
    assert.equal(trusted(), true);
  }
  assert.deepEqual(lines, []);
});

for (const [name, leap] of [
  ['an hour', HOUR],
  ['ten years', 10 * YEAR],
] as const)
  it(`a leap of ${name} ahead is told once, and harmless when it is mended within the hour`, () => {
    const { trusted, wait, set, lines } = house();
    set(leap);
    for (let look = 0; look < 11; look += 1) {
      assert.equal(trusted(), false);
      wait(5 * MINUTE);
    }
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.leapt_seconds, leap / 1000);
    assert.match(String(lines[0]?.what_to_do), /set it right/);
    set(-leap);
    assert.equal(trusted(), true);
    wait(2 * HOUR);
    assert.equal(trusted(), true);
  });

it('a leap that lasts is believed after an hour', () => {
  const { trusted, wait, set } = house();
  set(YEAR);
  assert.equal(trusted(), false);
  wait(59 * MINUTE);
  assert.equal(trusted(), false);
  // Another one begins the hour anew.
  set(YEAR);
  assert.equal(trusted(), false);
  wait(HOUR);
  assert.equal(trusted(), true);
  assert.equal(trusted(), true);
});

it('a clock that is set back removes nothing, and is trusted', () => {
  const { trusted, set, lines } = house();
  set(-10 * YEAR);
  assert.equal(trusted(), true);
  set(10 * YEAR);
  // Right again, and a leap all the same: nobody can know which of the two times was right.
  assert.equal(trusted(), false);
  assert.equal(lines.length, 1);
});
