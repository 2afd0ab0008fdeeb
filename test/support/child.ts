/** Child processes for tests that need a second process on the same files. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

export interface Child {
  readonly pid: number;
  /** The next line that it prints; rejects when it ends before one. */
  line(): Promise<string>;
  /** Sends it a line. */
  say(line: string): void;
  /** Ends it with SIGKILL if it still runs, and waits until it is gone. */
  end(): Promise<void>;
}

/** Runs a script with this Node, or with `command`; its errors go to ours. */
export function runScript(script: string, args: readonly string[], command = process.execPath): Child {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(command, [script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const gone = once(child, 'close');
  const lines: string[] = [];
  let rest = '';
  let wake = () => {};
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
    wake();
  });
  child.stdin.on('error', () => {});
  return {
    pid: child.pid ?? 0,
    async line() {
      for (;;) {
        const next = lines.shift();
        if (next !== undefined) return next;
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error('the child process has ended');
        const arrived = new Promise<void>((resolve) => {
          wake = resolve;
        });
        await Promise.race([arrived, gone]);
      }
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await gone;
    },
  };
}
