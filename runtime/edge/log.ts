/** The log on workerd: one JSON object a line by `console.log`, with the fields that the log of a machine has. */
import type { Log, LogLevel } from '../../src/core/deps.ts';

const WEIGHT: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** @param now milliseconds since the epoch */
export function consoleLog(level: LogLevel, now: () => number): Log {
  return {
    write(lineLevel, msg, fields) {
      if (WEIGHT[lineLevel] < WEIGHT[level]) return;
      const time = new Date(now()).toISOString();
      console.log(JSON.stringify({ level: lineLevel, time, ...fields, msg }));
    },
  };
}
