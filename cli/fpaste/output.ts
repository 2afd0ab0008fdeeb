/** What a command says, and where: results on standard output, everything else on standard error. */

import type { Writable } from 'node:stream';
import type { World } from '../shared/world.ts';

export interface Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** A result, as it is. Resolves when it was handed to the system. */
  print(text: string | Uint8Array): Promise<void>;
  /** A result for scripts, on one line. */
  printJson(value: unknown): Promise<void>;
  /** A remark for a person; not with `--quiet` or `--json`. */
  say(line: string): void;
  /** Something that should not be missed. */
  warn(line: string): void;
}

export function outputOf(world: World, flags: { readonly json: boolean; readonly quiet: boolean }): Output {
  return {
    ...flags,
    print: (text) => write(world.stdout, text),
    printJson: (value) => write(world.stdout, `${JSON.stringify(value)}\n`),
    say: (line) => {
      if (!flags.quiet && !flags.json) world.stderr.write(`${line}\n`);
    },
    warn: (line) => {
      world.stderr.write(`fpaste: ${line}\n`);
    },
  };
}

/** Writes and waits until the system has taken it, which also is how a slow reader slows us down. */
export function write(stream: Writable, data: string | Uint8Array): Promise<void> {
  return new Promise((done, fail) => {
    stream.write(data, (error) => (error ? fail(error) : done()));
  });
}
