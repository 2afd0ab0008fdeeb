/**
 * Which layer says what: the TOML file, then `SAFE_*`, then `SAFE_*_FILE`, the later one winning. Nothing is parsed
 * here beyond what tells layers apart; unknown names are refused, with the nearest known one.
 */
import * as v from 'valibot';
import type { Entry } from './settings-entry.ts';
import { ENTRIES, FORBIDDEN, type SettingName } from './settings-table.ts';

/** One refusal. Never holds a secret: `value` is absent for secrets and for whatever may hold one. */
export interface SettingsProblem {
  /** The variable, or the dotted key and the TOML file. */
  readonly name: string;
  /** A clause that follows the name. */
  readonly wrong: string;
  readonly shape?: string;
  readonly example?: string;
  readonly value?: string;
}

/** What a root found where a secret file was named: its text, or why there is none, in a clause. */
export type SecretFile = { readonly text: string } | { readonly problem: string };

export interface SettingsInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The parsed TOML file. */
  readonly toml?: unknown;
  /** What refusals call that file. */
  readonly tomlName?: string;
  /** Secret files by the path that {@link secretFiles} named. */
  readonly files?: ReadonlyMap<string, SecretFile>;
}

/** What won for one setting: a value as written, or a secret file to take it from. `label` is how it was named. */
export type Winner =
  | {
      readonly kind: 'value';
      readonly label: string;
      readonly source: 'toml' | 'environment';
      readonly raw: unknown;
    }
  | { readonly kind: 'file'; readonly label: string; readonly path: string };

export interface Layers {
  readonly winners: ReadonlyMap<SettingName, Winner>;
  readonly problems: readonly SettingsProblem[];
}

const MOVED =
  'is refused even when empty: it once opened a public viewer on the port where the private admin door is now. ' +
  'Remove it, and say SAFE_MAIN_BIND_ADDRS for what faces people';

/** Every name that the environment may carry. */
const VARIABLES: readonly string[] = ENTRIES.flatMap(([name, entry]) => [
  name,
  ...(entry.secret ? [`${name}_FILE`] : []),
  ...(entry.second ? [entry.second] : []),
  ...(entry.legacy?.names ?? []),
]);

interface TomlKey {
  readonly name: SettingName;
  readonly file: boolean;
}

const TOML_KEYS: ReadonlyMap<string, TomlKey> = new Map(
  ENTRIES.flatMap(([name, { toml, secret }]): [string, TomlKey][] => {
    if (toml === undefined) return [];
    return [
      [toml, { name, file: false }],
      ...(secret ? [[`${toml}_file`, { name, file: true }] as [string, TomlKey]] : []),
    ];
  }),
);
const SECTIONS: ReadonlySet<string> = new Set(
  [...TOML_KEYS.keys()].flatMap((key) => {
    const parts = key.split('.').slice(0, -1);
    return parts.map((_, index) => parts.slice(0, index + 1).join('.'));
  }),
);

/** Sorts the layers out and refuses names that nothing here knows. */
export function readLayers(input: SettingsInput): Layers {
  const problems: SettingsProblem[] = [...unknownVariables(input.env)];
  const toml = readToml(input.toml, input.tomlName ?? 'the TOML file', problems);
  const winners = new Map<SettingName, Winner>();
  for (const [name, entry] of ENTRIES) {
    const winner = fromEnvironment(name, entry, input.env, problems) ?? toml.get(name);
    if (winner !== undefined) winners.set(name, winner);
  }
  return { winners, problems };
}

/** The paths of the secret files that count, for a root to read before it parses. */
export function secretFiles(input: Pick<SettingsInput, 'env' | 'toml'>): readonly string[] {
  const winners = [...readLayers(input).winners.values()];
  return [...new Set(winners.flatMap((winner) => (winner.kind === 'file' ? [winner.path] : [])))];
}

function unknownVariables(env: SettingsInput['env']): SettingsProblem[] {
  const names = Object.keys(env).filter((name) => name.startsWith('SAFE_') && env[name] !== undefined);
  return names.flatMap((name): SettingsProblem[] => {
    if (FORBIDDEN.includes(name)) return [{ name, wrong: MOVED }];
    if (VARIABLES.includes(name)) return [];
    return [
      {
        name: printable(name, 100),
        wrong: `is unknown; the nearest known one is ${nearest(name, VARIABLES)}`,
      },
    ];
  });
}

function fromEnvironment(
  name: SettingName,
  entry: Entry,
  env: SettingsInput['env'],
  problems: SettingsProblem[],
): Winner | undefined {
  const path = entry.secret ? env[`${name}_FILE`] : undefined;
  if (path !== undefined) return fileWinner(`${name}_FILE`, path, problems);
  const own = [name, entry.second].find((label) => label !== undefined && env[label] !== undefined);
  const old = entry.legacy?.names.find((label) => env[label] !== undefined);
  const rewrite = entry.legacy?.rewrite ?? ((text: string) => text);
  if (old === undefined)
    return own === undefined
      ? undefined
      : { kind: 'value', label: own, source: 'environment', raw: env[own] };
  const text = env[old]?.trim() ?? '';
  const oldRaw = text === '' ? '' : rewrite(text);
  if (own === undefined) return { kind: 'value', label: old, source: 'environment', raw: oldRaw };
  if (!agree(entry, env[own], oldRaw)) {
    problems.push({
      name: old,
      wrong: `is an old name of ${name} and says something else than ${own}: keep ${own} alone`,
    });
  }
  return { kind: 'value', label: own, source: 'environment', raw: env[own] };
}

function agree(entry: Entry, one: unknown, other: unknown): boolean {
  const [left, right] = [v.safeParse(entry.kind.schema, one), v.safeParse(entry.kind.schema, other)];
  // A bad value of the name itself is reported when it is parsed; a bad one of the old name cannot agree.
  if (!left.success) return true;
  return right.success && JSON.stringify(left.output) === JSON.stringify(right.output);
}

function fileWinner(label: string, path: string, problems: SettingsProblem[]): Winner | undefined {
  if (path.trim() !== '' && !path.includes('\0')) return { kind: 'file', label, path: path.trim() };
  problems.push({
    name: label,
    wrong: 'names no file',
    shape: 'the path of a file that holds the secret',
    example: '/run/secrets/name',
  });
  return undefined;
}

function readToml(toml: unknown, file: string, problems: SettingsProblem[]): Map<SettingName, Winner> {
  const found = new Map<SettingName, Winner>();
  if (toml === undefined) return found;
  const refuse = (key: string, wrong: string): void => {
    problems.push({ name: `${printable(key, 100)} in ${file}`, wrong });
  };
  const keep = (key: string, value: unknown): void => {
    const target = TOML_KEYS.get(key);
    if (target === undefined) return;
    const label = `${key} in ${file}`;
    if (found.has(target.name)) {
      refuse(key, 'and its other form are both given: keep the secret or its _file');
      return;
    }
    if (!target.file) {
      found.set(target.name, { kind: 'value', label, source: 'toml', raw: value });
      return;
    }
    const winner = fileWinner(label, typeof value === 'string' ? value : '', problems);
    if (winner !== undefined) found.set(target.name, winner);
  };
  const walk = (table: unknown, path: string): void => {
    if (!isTable(table)) {
      refuse(path, `is a section: write it as [${path}]`);
      return;
    }
    for (const [key, value] of Object.entries(table)) {
      const dotted = path === '' ? key : `${path}.${key}`;
      const plain = !key.includes('.');
      if (plain && TOML_KEYS.has(dotted)) keep(dotted, value);
      else if (plain && SECTIONS.has(dotted)) walk(value, dotted);
      else if (plain && FORBIDDEN.includes(`SAFE_${key.toUpperCase()}`)) refuse(dotted, MOVED);
      else
        refuse(
          dotted,
          `is unknown; the nearest known key is ${nearest(dotted, [...TOML_KEYS.keys(), ...SECTIONS])}`,
        );
    }
  };
  walk(toml, '');
  return found;
}

function isTable(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/**
 * The candidate that the fewest insertions, deletions and replacements turn `name` into, where a shared beginning
 * counts in its favour, as people cut names short more often than they mistake their beginning.
 */
export function nearest(name: string, candidates: readonly string[]): string {
  const short = name.slice(0, 100);
  let best = { distance: Number.POSITIVE_INFINITY, candidate: '' };
  for (const candidate of candidates) {
    const distance = editDistance(short, candidate) - sharedStart(short, candidate) / 2;
    if (distance < best.distance) best = { distance, candidate };
  }
  return best.candidate;
}

function sharedStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length;
}

/** Levenshtein's distance. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [i, a] of [...one].entries()) {
    const next = [i + 1];
    for (const [j, b] of [...other].entries()) {
      next.push(Math.min((row[j] ?? 0) + (a === b ? 0 : 1), (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Text that a terminal shows as it is, cut to `max` characters. */
export function printable(text: string, max: number): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > max ? `${clean.slice(0, max)}…` : clean;
}
