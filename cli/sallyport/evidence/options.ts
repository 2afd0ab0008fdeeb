/** The options of the evidence commands as tables, from which they are parsed and `--help` is written. */

import { parseArgs } from 'node:util';
import { parseSeconds } from '../../shared/duration.ts';
import { usage } from '../../shared/failure.ts';
import { UsageError } from '../command.ts';

export interface Option {
  readonly name: string;
  /** What its value is called; a switch has none. */
  readonly value?: string;
  readonly repeatable?: boolean;
  readonly help: string;
}

/** What stood on the command line. */
export interface Given {
  readonly positionals: readonly string[];
  has(name: string): boolean;
  /** The last value where an option was given more than once. */
  value(name: string): string | undefined;
  values(name: string): readonly string[];
}

/** Options under their title. */
export type OptionGroup = readonly [title: string, options: readonly Option[]];

/** Options of every command that asks a server. */
const SERVER_OPTIONS: readonly Option[] = [
  { name: 'server', value: 'URL', help: 'the main door (SALLYPORT_SERVER; default http://127.0.0.1:8080)' },
  { name: 'user', value: 'NAME', help: 'the account to log in as (SALLYPORT_USER)' },
  {
    name: 'password-file',
    value: 'FILE',
    help: 'read the password from FILE, one line (SALLYPORT_PASSWORD_FILE; - is standard input)',
  },
  { name: 'totp-file', value: 'FILE', help: 'read the six-digit code from FILE, when one is asked for' },
  { name: 'ca-file', value: 'FILE', help: 'certificate authorities to trust (PEM)' },
  { name: 'server-fingerprint', value: 'HEX', help: "SHA-256 of the server's certificate, and no other" },
  { name: 'client-certificate', value: 'FILE', help: 'client certificate (PEM)' },
  { name: 'client-key', value: 'FILE', help: 'its key (PEM, mode 0600)' },
];

const OUTPUT_OPTIONS: readonly Option[] = [
  { name: 'json', help: 'print what happens as JSON lines on standard output' },
  { name: 'quiet', help: 'say nothing but results and failures' },
];

export const SERVER: OptionGroup = ['The server', SERVER_OPTIONS];
export const OUTPUT: OptionGroup = ['Output', OUTPUT_OPTIONS];

/** Throws UsageError for what the tables do not know, and for too few or too many positional arguments. */
export function readOptions(
  args: readonly string[],
  options: readonly Option[],
  [least, most]: readonly [number, number],
): Given {
  const known = Object.fromEntries(
    options.map(({ name, value }) => [
      name,
      value === undefined
        ? { type: 'boolean' as const }
        : { type: 'string' as const, multiple: true as const },
    ]),
  );
  let parsed: { readonly positionals: string[]; readonly values: Record<string, unknown> };
  try {
    parsed = parseArgs({ args: [...args], allowPositionals: true, options: known });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'Not understood.');
  }
  const { positionals } = parsed;
  if (positionals.length < least || positionals.length > most)
    throw new UsageError(positionals.length < least ? 'Something is missing.' : 'There are too many words.');
  const values = (name: string): readonly string[] => {
    const value = parsed.values[name];
    return Array.isArray(value) ? (value as string[]) : [];
  };
  for (const { name, repeatable } of options) {
    if (repeatable !== true && values(name).length > 1) throw new UsageError(`--${name} can be given once.`);
  }
  return {
    positionals,
    has: (name) => parsed.values[name] !== undefined,
    value: (name) => values(name).at(-1),
    values,
  };
}

/** Lines for `--help`. */
export function optionHelp(groups: readonly OptionGroup[]): string {
  const left = ({ name, value }: Option): string => `--${name}${value === undefined ? '' : ` ${value}`}`;
  const width = Math.max(...groups.flatMap(([, options]) => options.map((option) => left(option).length)));
  return groups
    .map(
      ([title, options]) =>
        `\n${title}:\n${options.map((option) => `  ${left(option).padEnd(width)}  ${option.help}\n`).join('')}`,
    )
    .join('');
}

/** A whole number of `least` to `most`, or undefined where the option is absent. Throws a usage failure. */
export function wholeNumber(given: Given, name: string, least: number, most: number): number | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most))
    throw usage(`--${name} is a whole number from ${least} to ${most}.`);
  return number;
}

/** A number of `least` to `most`, or undefined. Throws a usage failure. */
export function decimal(given: Given, name: string, least: number, most: number): number | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  const number = /^-?\d{1,12}(\.\d{1,12})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) throw usage(`--${name} is a number from ${least} to ${most}.`);
  return number;
}

/** Milliseconds, or undefined. */
export function milliseconds(given: Given, name: string): number | undefined {
  const text = given.value(name);
  return text === undefined ? undefined : parseSeconds(text, `--${name}`) * 1000;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes for `4096`, `64K`, `4MiB`, `2GB` (all of them binary), or undefined. Throws a usage failure. */
export function byteCount(given: Given, name: string, least: number, most: number): number | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  const parts = /^(\d{1,12})([kmgt]?)(?:i?b)?$/i.exec(text);
  const count = Number(parts?.[1] ?? Number.NaN) * (UNITS[(parts?.[2] ?? '').toLowerCase()] ?? 1);
  if (!(count >= least && count <= most))
    throw usage(`--${name} is a size of ${least} to ${most} bytes, such as 64K or 4M.`);
  return count;
}

/** One of some words, or undefined. Throws a usage failure that names them. */
export function oneOf<T extends string>(given: Given, name: string, words: readonly T[]): T | undefined {
  const text = given.value(name);
  if (text === undefined) return undefined;
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) throw usage(`--${name} is one of: ${words.join(', ')}.`);
  return word;
}
