/** Settings: the configuration file, overridden by FPASTE_* variables, overridden by options. */

import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { parseSeconds } from '../shared/duration.ts';
import { errorCode, usage } from '../shared/failure.ts';
import { fingerprintOf } from '../shared/fingerprint.ts';
import { baseFolder, DEFAULT_SERVER, serverUrl } from '../shared/places.ts';
import type { World } from '../shared/world.ts';
import type { Parsed } from './args.ts';

export interface Settings {
  /** Ends in `/`; a server's path prefix is part of it. */
  readonly server: URL;
  readonly clientCertificate: string | undefined;
  readonly clientKey: string | undefined;
  /** 64 lower-case hex digits. */
  readonly serverFingerprint: string | undefined;
  readonly caFile: string | undefined;
  readonly encrypt: boolean;
  readonly maxWaitSeconds: number;
  /** Where the settings were looked for. */
  readonly configFile: string;
}

const DEFAULT_MAX_WAIT = '2m';
const KEYS = {
  server: 'text',
  client_certificate: 'path',
  client_key: 'path',
  server_fingerprint: 'text',
  ca_file: 'path',
  encrypt: 'boolean',
  max_wait: 'text',
} as const;
type Key = keyof typeof KEYS;

/** Reads the settings of a command. Throws a usage failure for what it does not understand: a typing error in a
 * fingerprint or in `encrypt` must not be taken for its absence. */
export async function loadSettings(world: World, parsed: Parsed): Promise<Settings> {
  const configFile = configPath(world, parsed);
  const required = parsed.value('config') !== undefined || Boolean(world.env.FPASTE_CONFIG);
  const fromFile = await readConfig(world, configFile, required);
  const pick = (key: Key): string | undefined => {
    const option = parsed.value(key.replaceAll('_', '-'));
    if (option !== undefined && key !== 'encrypt') return located(key, option, world, world.cwd);
    const variable = world.env[`FPASTE_${key.toUpperCase()}`];
    // An empty variable is how shells and CI systems say "not set".
    if (variable) return located(key, variable, world, world.cwd);
    return fromFile.get(key);
  };
  const clientCertificate = pick('client_certificate');
  const clientKey = pick('client_key');
  const fingerprint = pick('server_fingerprint');
  if (clientCertificate === undefined && clientKey !== undefined) {
    throw usage('There is a client key but no client certificate: set client_certificate as well.');
  }
  return {
    server: serverUrl(pick('server') ?? DEFAULT_SERVER),
    clientCertificate,
    // One PEM file may hold both.
    clientKey: clientKey ?? clientCertificate,
    serverFingerprint: fingerprint === undefined ? undefined : fingerprintOf(fingerprint),
    caFile: pick('ca_file'),
    encrypt: flag(pick('encrypt') ?? 'false'),
    maxWaitSeconds: parseSeconds(pick('max_wait') ?? DEFAULT_MAX_WAIT, 'max_wait'),
    configFile,
  };
}

function configPath(world: World, parsed: Parsed): string {
  const named = parsed.value('config') ?? world.env.FPASTE_CONFIG;
  if (named) return resolve(world.cwd, named);
  return join(baseFolder(world.env.XDG_CONFIG_HOME, world, '.config'), 'fpaste', 'config.toml');
}

async function readConfig(world: World, file: string, required: boolean): Promise<Map<Key, string>> {
  const found = new Map<Key, string>();
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && !required) return found;
    throw usage(`The configuration ${file} cannot be read (${errorCode(error)}).`);
  }
  for (const [key, value] of Object.entries(parsedToml(text, file))) {
    if (!Object.hasOwn(KEYS, key))
      throw usage(`${file}: there is no setting of that name. Known: ${Object.keys(KEYS).join(', ')}.`);
    const known = key as Key;
    const wanted = KEYS[known] === 'boolean' ? 'boolean' : 'string';
    if (typeof value !== wanted) throw usage(`${file}: ${known} must be a ${wanted}.`);
    found.set(known, located(known, String(value), world, dirname(file)));
  }
  return found;
}

function parsedToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    const line = (error as { line?: unknown }).line;
    throw usage(`${file} is not valid TOML${typeof line === 'number' ? ` (line ${line})` : ''}.`);
  }
}

/** Paths may start with `~/`; relative ones start where they were written down. */
function located(key: Key, value: string, world: World, folder: string): string {
  if (KEYS[key] !== 'path') return value;
  return value.startsWith('~/') ? join(world.home, value.slice(2)) : resolve(folder, value);
}

function flag(text: string): boolean {
  if (/^(true|1|yes)$/i.test(text)) return true;
  if (/^(false|0|no)$/i.test(text)) return false;
  throw usage('encrypt (FPASTE_ENCRYPT) must be true or false.');
}
