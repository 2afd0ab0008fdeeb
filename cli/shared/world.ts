/** Everything that a command needs from the process around it, so that a test can hand in its own. */

import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** A readable or writable that may be a terminal. */
type MaybeTerminal<T> = T & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined };

export interface World {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: string;
  /** Throws where the system knows of none: in a container whose user has no name. */
  readonly home: string;
  readonly cwd: string;
  /** The file that runs, or undefined where there is none (read from a pipe). */
  readonly self: string | undefined;
  readonly stdin: MaybeTerminal<Readable>;
  readonly stdout: MaybeTerminal<Writable>;
  readonly stderr: MaybeTerminal<Writable>;
  /** Milliseconds since the epoch. */
  now(): number;
  random(count: number): Uint8Array<ArrayBuffer>;
  sleep(ms: number): Promise<void>;
}

/** The world of this process. */
export function processWorld(): World {
  const script = process.argv[1];
  return {
    args: process.argv.slice(2),
    env: process.env,
    platform: process.platform,
    get home() {
      return homedir();
    },
    cwd: process.cwd(),
    self: script === undefined || script === '-' ? undefined : resolve(script),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    now: () => Date.now(),
    random: (count) => new Uint8Array(randomBytes(count)),
    sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  };
}
