/** Durations as people type them. */

import { usage } from './failure.ts';

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * Seconds for `90`, `90s`, `45m`, `1h`, `2d`, `1w` and sums such as `1h30m`.
 * @param what the option or setting, for the message. Throws a usage failure for anything else, zero included.
 */
export function parseSeconds(text: string, what: string): number {
  const trimmed = text.trim().toLowerCase();
  if (!/^(\d{1,9}|(\d{1,9}[smhdw])+)$/.test(trimmed)) throw bad(what);
  let seconds = 0;
  for (const [, count = '', unit = ''] of trimmed.matchAll(/(\d+)([smhdw]?)/g)) {
    seconds += Number(count) * (SECONDS[unit] ?? 0);
  }
  if (seconds < 1) throw bad(what);
  return seconds;
}

function bad(what: string) {
  return usage(`${what} is a positive length of time such as 45m, 1h, 2d or 1w.`);
}

/** The largest two units: `2 h 5 min`. */
export function spokenSeconds(seconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [size, name] of units) {
    const count = Math.floor(rest / size);
    if (count > 0 && parts.length < 2) parts.push(`${count} ${name}`);
    rest %= size;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}
