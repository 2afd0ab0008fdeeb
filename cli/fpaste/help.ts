/** The texts of `--help`, made from the table of options. */

import { COMMANDS, COMMON_OPTIONS, type Command, type Option } from './options.ts';

export function generalHelp(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    'fpaste: the command line client of Sallyport',
    '',
    'Usage: fpaste COMMAND [OPTION]… [ARGUMENT]…',
    '',
    ...COMMANDS.map(({ name, help }) => `  ${name.padEnd(width)}  ${help}`),
    '',
    'fpaste COMMAND --help describes a command, fpaste --version prints the version and this file’s SHA-256.',
    '',
    'Configuration: ~/.config/fpaste/config.toml (server, client_certificate, client_key, server_fingerprint,',
    'ca_file, encrypt, max_wait), overridden by FPASTE_SERVER and so on, overridden by options.',
    '',
    'Exit codes: 0 done, 1 refused, 2 usage, 3 network, 4 decryption failed.',
    '',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const options = [...command.options, ...COMMON_OPTIONS];
  const width = Math.max(...options.map((option) => left(option).length));
  const line = (option: Option): string => `  ${left(option).padEnd(width)}  ${option.help}`;
  return [
    `Usage: fpaste ${command.name} [OPTION]… ${command.usage}`.trimEnd(),
    '',
    `${command.help[0]?.toUpperCase()}${command.help.slice(1)}.`,
    ...(command.details === undefined ? [] : ['', ...command.details]),
    ...(command.options.length === 0 ? [] : ['', 'Options:', ...command.options.map(line)]),
    '',
    'Options of every command:',
    ...COMMON_OPTIONS.map(line),
    '',
  ].join('\n');
}

function left({ short, long, value }: Option): string {
  return `${short === undefined ? '   ' : `-${short},`} --${long}${value === undefined ? '' : ` ${value}`}`;
}
