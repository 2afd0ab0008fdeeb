/**
 * The settings: read from layers, checked as a whole, refused with every problem at once. What a setting is called,
 * looks like and means stands in `settings-table.ts`; its type as the program sees it, in `settings-types.ts`.
 */
import * as v from 'valibot';
import { assemble } from './settings-assemble.ts';
import type { Entry } from './settings-entry.ts';
import {
  printable,
  readLayers,
  type SettingsInput,
  type SettingsProblem,
  type Winner,
} from './settings-layers.ts';
import { type Address, addressText, isLoopback } from './settings-net.ts';
import { brokenRules } from './settings-rules.ts';
import { ENTRIES, type SettingName, type Values } from './settings-table.ts';
import type { LimitClass, SettingInForce, SettingSource, Settings } from './settings-types.ts';

export { type SecretFile, type SettingsInput, type SettingsProblem, secretFiles } from './settings-layers.ts';
export { type Address, addressText, type Cidr, inNetworks } from './settings-net.ts';
export type { SettingName } from './settings-table.ts';
export * from './settings-types.ts';
export { settingsWarnings } from './settings-warnings.ts';

export type SettingsResult =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly [SettingsProblem, ...SettingsProblem[]] };

/** Turns layers into settings, or answers everything that is wrong with them. Pure; reads nothing by itself. */
export function parseSettings(input: SettingsInput): SettingsResult {
  const layers = readLayers(input);
  const problems: SettingsProblem[] = [...layers.problems];
  const values: Record<string, unknown> = {};
  const refused = new Set<SettingName>();
  const inForce: SettingInForce[] = [];
  for (const [name, entry] of ENTRIES) {
    const won = layers.winners.get(name);
    const taken = won === undefined ? fromDefault(entry) : take(entry, won, input);
    if (taken.problem !== undefined) {
      problems.push(taken.problem);
      refused.add(name);
    }
    values[name] = taken.value;
    inForce.push(describe(name, entry, taken.raw, taken.source));
  }
  // Every name of the table has been given a value of its schema, or is in `refused` and then read by no rule.
  const typed = values as Values;
  problems.push(...brokenRules(typed, refused));
  const [first, ...others] = problems;
  if (first !== undefined) return { ok: false, problems: [first, ...others] };
  const settings = assemble(typed);
  return {
    ok: true,
    settings: { ...settings, inForce: inForce.map((row) => withComputed(row, settings, input)) },
  };
}

/** The settings of somebody who has set nothing. */
export function defaultSettings(): Settings {
  const result = parseSettings({ env: {} });
  if (!result.ok) throw new Error(`the defaults contradict themselves:\n${formatProblems(result.problems)}`);
  return result.settings;
}

interface Taken {
  readonly value: unknown;
  readonly raw: unknown;
  readonly source: SettingSource;
  readonly problem?: SettingsProblem;
}

function fromDefault(entry: Entry): Taken {
  const value = entry.default === undefined ? undefined : v.parse(entry.kind.schema, entry.default);
  return { value, raw: entry.default, source: 'default' };
}

function take(entry: Entry, won: Winner, input: SettingsInput): Taken {
  const source = won.kind === 'file' ? 'file' : won.source;
  const refuse = (wrong: string, raw?: unknown): Taken => ({
    value: undefined,
    raw: undefined,
    source,
    problem: {
      name: won.label,
      wrong,
      shape: entry.kind.shape,
      example: entry.example ?? entry.kind.example,
      ...(raw === undefined || entry.secret || entry.guarded ? {} : { value: printable(rawText(raw), 60) }),
    },
  });
  let raw: unknown;
  if (won.kind === 'file') {
    const file = input.files?.get(won.path) ?? { problem: 'names a file, which cannot be read here' };
    if ('problem' in file) return refuse(file.problem);
    raw = file.text.replace(/\r?\n$/, '');
    if (raw === '') return refuse('names an empty file');
  } else {
    raw = won.raw;
  }
  const parsed = v.safeParse(entry.kind.schema, raw);
  if (parsed.success) return { value: parsed.output, raw, source };
  const wrong = parsed.issues[0].message;
  return refuse(raw === '' ? `${wrong}; leave it out if nothing is meant` : wrong, raw);
}

/** A value as one would write it. User information in a URL, wherever one was typed, is left out. */
function rawText(raw: unknown): string {
  const text = Array.isArray(raw)
    ? raw.map(String).join(',')
    : typeof raw === 'object'
      ? 'a table or date'
      : String(raw);
  return text.replace(/\/\/[^/\s]*@/g, '//…@');
}

function describe(name: SettingName, entry: Entry, raw: unknown, source: SettingSource): SettingInForce {
  if (raw === undefined) return { name, value: 'not set', secret: entry.secret === true, source };
  if (entry.secret) return { name, value: 'set', secret: true, source };
  const text = rawText(raw);
  return {
    name,
    value: entry.guarded ? text.replace(/^((?:https?|libsql):\/\/[^/?]+).+$/i, '$1/…') : text,
    secret: false,
    source,
  };
}

/** What follows from other settings, or from where a file was found, is worth more to an operator than "not set". */
function withComputed(
  row: SettingInForce,
  settings: Omit<Settings, 'inForce'>,
  { toml, tomlName }: SettingsInput,
): SettingInForce {
  if (row.name === 'SAFE_DATABASE_URL' && row.source === 'default')
    return { ...row, value: settings.database.url };
  if (row.name === 'SAFE_CONFIG_FILE' && toml !== undefined) return { ...row, value: tomlName ?? 'read' };
  return row;
}

/** How each setting came to be, in the order of the documentation. Secrets are only `set` or `not set`. */
export function describeSettings(settings: Settings): readonly SettingInForce[] {
  return settings.inForce;
}

/** Refusals as text for a terminal, one paragraph each. */
export function formatProblems(problems: readonly SettingsProblem[]): string {
  return problems
    .map(({ name, wrong, shape, example, value }) =>
      [
        `${name} ${wrong}.`,
        ...(value === undefined ? [] : [`  It is:     ${value}`]),
        ...(shape === undefined ? [] : [`  Should be: ${shape}`]),
        ...(example === undefined ? [] : [`  Example:   ${example}`]),
      ].join('\n'),
    )
    .join('\n');
}

/** How many requests a window one peer may make in a class; undefined when that class is not limited. */
export function limitFor(
  settings: Settings,
  limitClass: LimitClass,
): { limit: number; windowMs: number } | undefined {
  for (const { enabled, windowMs, perWindow } of Object.values(settings.limits)) {
    const limit: number | undefined = (perWindow as Partial<Record<LimitClass, number>>)[limitClass];
    if (limit !== undefined) return enabled && limit > 0 ? { limit, windowMs } : undefined;
  }
  return undefined;
}

/**
 * What links in answers start with: the origin that was set, else the main door's own first address when that is a
 * loopback one, else undefined. `bound` is where the first listener really listens, which tells the port where the
 * settings leave it to the system.
 */
export function publicOrigin(settings: Settings, bound?: Pick<Address, 'port'>): string | undefined {
  if (settings.publicOrigin !== undefined) return settings.publicOrigin;
  const first = settings.main.addresses[0];
  if (first === undefined || !isLoopback(first.host)) return undefined;
  const scheme = settings.main.tls === undefined ? 'http' : 'https';
  // URL drops the port that the scheme implies, as browsers do.
  return new URL(`${scheme}://${addressText({ host: first.host, port: bound?.port ?? first.port })}`).origin;
}
