/** What a command is, and what all of them share: arguments and output. */
import { parseArgs } from 'node:util';

export interface Command {
  /** What it is called by: `account create` has two. */
  readonly words: readonly string[];
  readonly usage: string;
  readonly summary: string;
  /** More, for `--help`. */
  readonly details?: string;
  /** Answers an exit code; nothing means 0. */
  run(args: readonly string[]): Promise<number | undefined> | number | undefined;
}

/** The command line is wrong. */
export class UsageError extends Error {}
/** It was understood and did not happen. */
export class CommandFailure extends Error {}

/** A sentence for the person, on standard error. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Facts, as they are printed: JSON with `--json`, else what `lines` says. */
export function told(json: boolean, value: unknown, lines: readonly string[]): string {
  return json ? `${JSON.stringify(value, null, 2)}\n` : lines.map((line) => `${line}\n`).join('');
}

/** Facts, on standard output. */
export function tell(json: boolean, value: unknown, lines: readonly string[]): void {
  process.stdout.write(told(json, value, lines));
}

export interface Parsed {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly json: boolean;
}

/** Parses options (`true`: with a value) beside `--config` and `--json`. */
export function parse(
  args: readonly string[],
  options: Readonly<Record<string, boolean>>,
  positionals: number,
): Parsed {
  try {
    const parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        json: { type: 'boolean' },
        ...Object.fromEntries(
          Object.entries(options).map(([name, valued]) => [
            name,
            { type: valued ? ('string' as const) : ('boolean' as const) },
          ]),
        ),
      },
    });
    if (parsed.positionals.length !== positionals) throw new UsageError('Too few or too many words.');
    const values = parsed.values as Parsed['values'];
    return { positionals: parsed.positionals, values, json: values.json === true };
  } catch (error) {
    throw error instanceof UsageError
      ? error
      : new UsageError(error instanceof Error ? error.message : 'Not understood.');
  }
}
