/** Parses a command line by the table of options. Errors name options, never values: a value may be a secret. */

import { type Failure, usage } from '../shared/failure.ts';
import { COMMANDS, COMMON_OPTIONS, type Command, type Option } from './options.ts';

/** What stood on the command line of one command. */
export interface Parsed {
  readonly command: Command;
  readonly positionals: readonly string[];
  /** Whether a switch was given. */
  has(long: string): boolean;
  /** An option's value, the last where it was given more than once. */
  value(long: string): string | undefined;
  /** All values of a repeatable option, in order. */
  values(long: string): readonly string[];
}

/** What `fpaste` was asked for. */
export type Request =
  | { readonly kind: 'run'; readonly parsed: Parsed }
  | { readonly kind: 'help'; readonly command?: Command }
  | { readonly kind: 'version'; readonly json: boolean };

/** Throws a usage {@link Failure} for anything that the table does not know. */
export function parseArguments(args: readonly string[]): Request {
  const [first, ...rest] = args;
  if (first === undefined)
    throw usage('Say what to do: create, get, update, delete, list, info, completion. See fpaste --help.');
  if (first === '--version' || first === '-V') return { kind: 'version', json: rest.includes('--json') };
  if (first === '--help' || first === '-h' || first === 'help') {
    const command = findCommand(rest[0]);
    return command === undefined ? { kind: 'help' } : { kind: 'help', command };
  }
  const command = findCommand(first);
  if (command === undefined) {
    throw usage('The first argument is not a command that fpaste knows. See fpaste --help.');
  }
  const given = readOptions(command, rest);
  if (given.values.has('help')) return { kind: 'help', command };
  checkPositionals(command, given.positionals);
  const values = (long: string): readonly string[] => given.values.get(long) ?? [];
  return {
    kind: 'run',
    parsed: {
      command,
      positionals: given.positionals,
      has: (long) => given.values.has(long),
      value: (long) => values(long).at(-1),
      values,
    },
  };
}

interface Given {
  readonly positionals: string[];
  readonly values: Map<string, string[]>;
}

function readOptions(command: Command, args: readonly string[]): Given {
  const options = [...command.options, ...COMMON_OPTIONS];
  const given: Given = { positionals: [], values: new Map() };
  const queue = [...args];
  for (let text = queue.shift(); text !== undefined; text = queue.shift()) {
    if (text === '--') {
      given.positionals.push(...queue);
      break;
    }
    if (text === '-' || !text.startsWith('-')) given.positionals.push(text);
    else if (text.startsWith('--')) readLong(command, options, given, text.slice(2), queue);
    else readShort(command, options, given, text.slice(1), queue);
  }
  return given;
}

function readLong(
  command: Command,
  options: readonly Option[],
  given: Given,
  text: string,
  queue: string[],
): void {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const option = options.find(({ long }) => long === name);
  if (option === undefined) throw unknownOption(command, `--${name}`);
  if (option.value === undefined) {
    if (equals >= 0) throw usage(`--${name} takes no value.`);
    note(given, option, '');
  } else {
    note(given, option, equals < 0 ? nextValue(option, queue) : text.slice(equals + 1));
  }
}

function readShort(
  command: Command,
  options: readonly Option[],
  given: Given,
  text: string,
  queue: string[],
): void {
  for (let at = 0; at < text.length; at += 1) {
    const option = options.find(({ short }) => short === text[at]);
    if (option === undefined) throw unknownOption(command, `-${text[at]}`);
    if (option.value === undefined) {
      note(given, option, '');
      continue;
    }
    const attached = text.slice(at + 1);
    note(given, option, attached === '' ? nextValue(option, queue) : attached);
    return;
  }
}

function nextValue(option: Option, queue: string[]): string {
  const value = queue.shift();
  if (value === undefined) throw usage(`--${option.long} needs a value: ${option.value}.`);
  return value;
}

function note(given: Given, option: Option, value: string): void {
  const values = given.values.get(option.long) ?? [];
  values.push(value);
  given.values.set(option.long, values);
}

function unknownOption(command: Command, name: string): Failure {
  // Something pasted by mistake may start with a dash; only what looks like an option is repeated.
  const shown = /^--?[a-z][a-z-]{0,30}$/i.test(name) ? name : 'what was given';
  return usage(`fpaste ${command.name} has no option ${shown}. See fpaste ${command.name} --help.`);
}

function checkPositionals(command: Command, positionals: readonly string[]): void {
  const [least, most] = command.positionals;
  if (positionals.length >= least && positionals.length <= most) return;
  const problem = positionals.length < least ? 'Something is missing' : 'There are too many arguments';
  throw usage(`${problem}: fpaste ${command.name} ${command.usage}`.trimEnd());
}

function findCommand(name: string | undefined): Command | undefined {
  return COMMANDS.find((command) => command.name === name);
}
