/** A bar on the terminal for what takes longer than a moment. In a pipe there is none. */

import { spokenBytes } from '../shared/text.ts';
import type { World } from '../shared/world.ts';

export interface Progress {
  /** How far it is: bytes, or tries. */
  at(done: number): void;
  /** Removes the bar. */
  end(): void;
}

const QUIET_MS = 500;
const INTERVAL_MS = 100;
const NOTHING: Progress = { at: () => undefined, end: () => undefined };

/**
 * @param total what `done` will be at the end; undefined where nobody knows
 * @param unit what is counted. Tries have no end, only an expectation: their bar approaches it
 */
export function showProgress(
  world: World,
  shown: boolean,
  label: string,
  total: number | undefined,
  unit: 'bytes' | 'tries' = 'bytes',
): Progress {
  if (!shown || world.stderr.isTTY !== true) return NOTHING;
  const started = world.now();
  let last = 0;
  let visible = false;
  return {
    at(done) {
      const now = world.now();
      if (now - started < QUIET_MS || now - last < INTERVAL_MS) return;
      last = now;
      visible = true;
      const line = progressLine(label, done, total, unit, (now - started) / 1000);
      world.stderr.write(`\r\x1b[K${line.slice(0, Math.max(10, (world.stderr.columns ?? 80) - 1))}`);
    },
    end() {
      if (visible) world.stderr.write('\r\x1b[K');
      visible = false;
    },
  };
}

/** One line: label, bar or count, rate. */
export function progressLine(
  label: string,
  done: number,
  total: number | undefined,
  unit: 'bytes' | 'tries',
  seconds: number,
): string {
  const amount = (count: number): string =>
    unit === 'bytes' ? spokenBytes(count) : `${(count / 1e6).toFixed(1)} M tries`;
  const rate = `${amount(done / Math.max(seconds, 0.001))}/s`;
  if (total === undefined || total <= 0) return `${label} ${amount(done)} ${rate}`;
  const share = unit === 'bytes' ? Math.min(1, done / total) : 1 - Math.exp(-done / total);
  const width = 24;
  const filled = Math.round(share * width);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(width - filled)}`;
  return `${label} [${bar}] ${String(Math.floor(share * 100)).padStart(3)}% ${amount(done)} ${rate}`;
}
