/**
 * The protocol of the control socket: a request is one line of JSON, `{"cmd": "whoami", "args": …}`, and so is its
 * answer, `{"ok": true, "result": …}` or `{"ok": false, "error": "…"}`. A connection may carry several, one after
 * the other.
 */

import type { Socket } from 'node:net';

export const SOCKET_NAME = 'control.sock';

/**
 * - `held`: another process owns the data directory.
 * - `no_server`: nobody owns it, so there is nobody to ask.
 * - `refused`: the server refused the command; the message is its own.
 * - `broken`: the connection ended, timed out or carried something else than the protocol.
 * - `unusable`: the directory or the socket cannot be used.
 */
export type ControlProblem = 'held' | 'no_server' | 'refused' | 'broken' | 'unusable';

export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly problem: ControlProblem;
  constructor(problem: ControlProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** A line of the protocol may have this many UTF-16 units. */
const LONGEST_LINE = 1024 * 1024;

/** Calls `take` with each line, one at a time: the next comes after `done`. Too long a line ends the connection. */
export function onLines(socket: Socket, take: (line: string, done: () => void) => void): void {
  let buffered = '';
  let taking = false;
  socket.setEncoding('utf8');
  function next(): void {
    const end = buffered.indexOf('\n');
    if (end > LONGEST_LINE || (end === -1 && buffered.length > LONGEST_LINE)) {
      socket.destroy();
      return;
    }
    if (taking || end === -1) return;
    const line = buffered.slice(0, end);
    buffered = buffered.slice(end + 1);
    taking = true;
    socket.pause();
    take(line, () => {
      taking = false;
      socket.resume();
      next();
    });
  }
  socket.on('data', (chunk: string) => {
    buffered += chunk;
    next();
  });
}

/** The JSON of a line, or undefined when it is none. */
export function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
