/**
 * Where settings come from on a machine: the environment, one TOML file and the files that hold secrets. Only reads;
 * what is read is judged by `parseSettings` in core. For Node and Bun.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import {
  parseSettings,
  type SecretFile,
  type SettingsProblem,
  type SettingsResult,
  secretFiles,
} from '../src/core/settings.ts';

/** Where a TOML file is looked for when none is named; the first that exists is read. */
export const CONFIG_PLACES: readonly string[] = ['./sallyport.toml', '/etc/sallyport/sallyport.toml'];

const MAX_TOML_BYTES = 1024 * 1024;
const MAX_SECRET_BYTES = 64 * 1024;

export interface SettingsPlaces {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `--config` named, if it was given. */
  readonly config?: string | undefined;
  /** What relative paths start from. */
  readonly folder: string;
  /** Instead of {@link CONFIG_PLACES}. */
  readonly places?: readonly string[];
}

/**
 * The settings in force, or everything that is wrong with them. The TOML file is the one that `--config` names, else
 * `SAFE_CONFIG_FILE`, else the first of the usual places that exists; a named file must exist. Each secret file
 * that counts is read once.
 */
export function loadSettings(from: SettingsPlaces): SettingsResult {
  const found = findToml(from);
  if ('problem' in found) return { ok: false, problems: [found.problem] };
  const { toml, tomlName } = found;
  const input = { env: from.env, ...(toml === undefined ? {} : { toml, tomlName }) };
  const files = new Map<string, SecretFile>();
  for (const path of secretFiles(input)) files.set(path, secretFile(resolve(from.folder, path)));
  return parseSettings({ ...input, files });
}

type Found = { readonly toml?: unknown; readonly tomlName: string } | { readonly problem: SettingsProblem };

function findToml({ env, config, folder, places = CONFIG_PLACES }: SettingsPlaces): Found {
  const [label, named] =
    config === undefined ? ['SAFE_CONFIG_FILE', env.SAFE_CONFIG_FILE] : ['--config', config];
  if (named !== undefined) {
    if (named.trim() === '') return { problem: { name: label, wrong: 'names no file', ...CONFIG_HINT } };
    const read = readBounded(resolve(folder, named.trim()), MAX_TOML_BYTES);
    return 'text' in read
      ? parseToml(read.text, named.trim())
      : { problem: { name: label, wrong: read.problem, ...CONFIG_HINT, value: named } };
  }
  for (const place of places) {
    const read = readBounded(resolve(folder, place), MAX_TOML_BYTES);
    if ('text' in read) return parseToml(read.text, place);
    if (!read.absent)
      return { problem: { name: place, wrong: read.problem.replace(/^names a file that /, '') } };
  }
  return { tomlName: '' };
}

const CONFIG_HINT = {
  shape: 'the path of a TOML file that exists',
  example: '/etc/sallyport/sallyport.toml',
};

/** The parser's own message quotes the lines around an error, which may hold a secret; only the place is kept. */
function parseToml(text: string, name: string): Found {
  try {
    return {
      toml: parse(text, { maxDepth: 16, unsafeKeyBehaviour: 'throw', useLegacyDate: true }),
      tomlName: name,
    };
  } catch (error) {
    const where = error instanceof TomlError ? ` (line ${error.line}, column ${error.column})` : '';
    return { problem: { name, wrong: `is not valid TOML${where}` } };
  }
}

function secretFile(path: string): SecretFile {
  const read = readBounded(path, MAX_SECRET_BYTES);
  return 'text' in read ? { text: read.text } : { problem: read.problem };
}

type Read = { readonly text: string } | { readonly problem: string; readonly absent: boolean };

/** Reads a file, or a pipe such as a shell's `<(…)`, as UTF-8, of at most `max` bytes. */
function readBounded(path: string, max: number): Read {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const buffer = new Uint8Array(max + 1);
    let length = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, length, buffer.length - length, null);
      length += count;
      if (count === 0) break;
      if (length > max) return { problem: `names a file that is larger than ${max} bytes`, absent: false };
    }
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length)) };
  } catch (error) {
    return refusal(error);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function refusal(error: unknown): Read {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return { problem: 'names a file that does not exist', absent: true };
    case 'EACCES':
    case 'EPERM':
      return { problem: 'names a file that this user may not read', absent: false };
    case 'EISDIR':
      return { problem: 'names a file that is a folder', absent: false };
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return { problem: 'names a file that is not UTF-8 text', absent: false };
    default:
      return { problem: 'names a file that cannot be read', absent: false };
  }
}
