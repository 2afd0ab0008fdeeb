/** The end of the process: on a signal in an orderly way, on a defect at once. */
import { errorFields } from '../src/core/faults.ts';
import type { ProcessLog } from './log.ts';

/** How long requests in flight may take to finish after the first signal. */
export const GRACE_MS = 10_000;
/** npm passes a Ctrl-C on that the terminal has sent to everybody already; that echo is not a second wish. */
const ECHO_MS = 500;
/** How often a server that npm has started looks whether it was left alone. */
const LOOK_MS = 500;

/** What the exit codes of the server mean. */
export const EXIT = {
  /** Stopped by a signal, also when requests were cut after the grace. */
  stopped: 0,
  /** It could not start, or a defect ended it. */
  failed: 1,
  /** The command line or the settings are wrong. */
  usage: 2,
} as const;

/**
 * Ends the process on SIGTERM and SIGINT, on SIGHUP where a terminal was closed, and when npm has left it: the first
 * begins `stop`, a second ends at once with code 1.
 * @param stop finishes what is in flight and closes everything; a failure of it is logged, and the exit code 1
 */
export function exitOnSignals(stop: () => Promise<void>, log: ProcessLog): void {
  let firstAt: number | undefined;
  const end = (code: number) => {
    log.flush();
    process.exit(code);
  };
  const onSignal = () => {
    if (firstAt !== undefined) {
      if (performance.now() - firstAt > ECHO_MS) end(EXIT.failed);
      return;
    }
    firstAt = performance.now();
    stop().then(
      () => end(EXIT.stopped),
      (error: unknown) => {
        log.write('error', 'shutdown failed', errorFields(error));
        end(EXIT.failed);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
  if (onTerminal()) process.on('SIGHUP', onSignal);
  whenLeftByNpm(onSignal);
}

/** npm hands SIGTERM to the shell that it starts a script with, and the shell ends by it without telling anybody. */
function whenLeftByNpm(then: () => void): void {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return;
  const { ppid } = process;
  const looking = setInterval(() => {
    if (process.ppid === ppid) return;
    clearInterval(looking);
    then();
  }, LOOK_MS);
  looking.unref();
}

/** Whether somebody started it by hand: then SIGHUP says that the terminal is gone. */
const onTerminal = () => process.stdin.isTTY === true;

/**
 * Under a service manager SIGHUP means: read everything again. One reload at a time; a signal during one makes another
 * one follow, so that what was changed last is what is in force.
 */
export function reloadOnHangUp(reload: () => Promise<void>, log: ProcessLog): void {
  if (onTerminal()) return;
  let running = false;
  let again = false;
  const run = async () => {
    running = true;
    do {
      again = false;
      try {
        await reload();
      } catch (error) {
        log.write('error', 'reload failed', errorFields(error));
      }
    } while (again);
    running = false;
  };
  process.on('SIGHUP', () => {
    if (running) again = true;
    else void run();
  });
}

/** A defect that nobody caught leaves an unknown state: it is logged by its type's name, and the process ends. */
export function exitOnDefects(log: ProcessLog): void {
  const end = (message: string) => (error: unknown) => {
    log.write('error', message, errorFields(error));
    log.flush();
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', end('uncaught exception'));
  process.on('unhandledRejection', end('unhandled rejection'));
}
