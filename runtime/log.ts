/**
 * The log: one JSON object a line on standard output, written by pino. `time` is RFC 3339 UTC with milliseconds,
 * `level` one of debug, info, warn and error, `msg` what happened; the other fields are those of `core/log-fields.ts`.
 */
import { type DestinationStream, destination, pino } from 'pino';
import type { Log, LogLevel } from '../src/core/deps.ts';

export interface ProcessLog extends Log {
  /** From now on, lines below this level are left out. */
  setLevel(level: LogLevel): void;
  /** Writes out what is buffered, waiting for it: for the end of the process. */
  flush(): void;
}

/** What may wait for a slow reader of the log, in bytes. Lines over that are dropped rather than kept in memory. */
const MAX_BUFFERED = 16 * 1024 * 1024;

/** Where lines go: pino's own destination, or a test's. */
interface LogOutput extends DestinationStream {
  on?(event: 'error', listener: () => void): unknown;
  flushSync?(): void;
}

/** The member `time` as pino wants it. Lines of one millisecond share its text, which costs as much as half of a line. */
function timeMember(): () => string {
  let of = Number.NaN;
  let member = '';
  return () => {
    const now = Date.now();
    if (now !== of) {
      of = now;
      member = `,"time":"${new Date(now).toISOString()}"`;
    }
    return member;
  };
}

/** How long a line waits for others, in milliseconds: a write of one line costs as much as one of a hundred. */
const TOGETHER_MS = 5;

/**
 * Lines that come in quick succession go on together, in their order.
 * @param last writes what is left at the end of the process at once: an end does not wait for what goes by the thread pool
 */
function together(out: LogOutput, last: DestinationStream): LogOutput {
  let lines = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  const taken = () => {
    clearTimeout(timer);
    timer = undefined;
    const all = lines;
    lines = '';
    return all;
  };
  const flushSync = () => {
    out.flushSync?.();
    const all = taken();
    if (all !== '') last.write(all);
  };
  // Whatever ends the process: what was written down is in the log.
  process.once('exit', () => quietly(flushSync));
  return {
    write(line) {
      lines += line;
      timer ??= setTimeout(() => out.write(taken()), TOGETHER_MS);
    },
    flushSync,
  };
}

/** At the end: when nothing can be written any more, nobody is there to be told. */
function quietly(write: () => void): void {
  try {
    write();
  } catch {}
}

/**
 * Opens the log.
 * @param to where lines go instead of standard output
 */
export function openLog(level: LogLevel, to?: LogOutput): ProcessLog {
  // Not synchronous: with a slow reader a synchronous log would stop every request.
  const end: LogOutput = to ?? destination({ fd: 1, sync: false, maxLength: MAX_BUFFERED });
  // When the reader of the log is gone, the doors go on without one.
  end.on?.('error', () => {});
  const out = to ?? together(end, destination({ fd: 1, sync: true }));
  const logger = pino(
    {
      level,
      base: null,
      timestamp: timeMember(),
      formatters: { level: (label) => ({ level: label }) },
    },
    out,
  );
  return {
    write: (lineLevel, message, fields) => logger[lineLevel](fields, message),
    setLevel: (next) => {
      logger.level = next;
    },
    flush: () => quietly(() => out.flushSync?.()),
  };
}
