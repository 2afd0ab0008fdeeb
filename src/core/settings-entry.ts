/** What one row of the settings table is. */
import type { Kind } from './settings-parse.ts';

export interface Entry<T = unknown, D extends string | undefined = string | undefined> {
  /** Dotted path in the TOML file; undefined for what only the environment can say. */
  readonly toml: string | undefined;
  readonly kind: Kind<T>;
  /** As one would write it; undefined when the setting is then absent. */
  readonly default: D;
  readonly meaning: string;
  /** What the README says where there is no fixed default. */
  readonly absent?: string;
  readonly example?: string;
  /** Secrets take a `_FILE` variant (TOML: `_file`) and are never shown. */
  readonly secret?: boolean;
  /** Not a secret, but may well hold one (URLs do): shown as its origin alone, and not in refusals. */
  readonly guarded?: boolean;
  /** Other spelling of the same setting, which loses against the name itself. */
  readonly second?: string;
  /** Names from earlier versions: the first that is present counts, and must agree with the name if both are. */
  readonly legacy?: { readonly names: readonly string[]; readonly rewrite?: (text: string) => string };
}

type Extras = Pick<Entry, 'absent' | 'example' | 'guarded' | 'second' | 'legacy'>;

/** A setting that always has a value. */
export function set<T>(
  toml: string,
  kind: Kind<T>,
  text: string,
  meaning: string,
  extras: Extras = {},
): Entry<T, string> {
  return { toml, kind, default: text, meaning, ...extras };
}

/** A setting that may be absent. */
export function may<T>(
  toml: string | undefined,
  kind: Kind<T>,
  meaning: string,
  extras: Extras = {},
): Entry<T, undefined> {
  return { toml, kind, default: undefined, meaning, ...extras };
}

/** A secret. */
export function secret<T>(
  toml: string,
  kind: Kind<T>,
  meaning: string,
  extras: Extras = {},
): Entry<T, undefined> {
  return { toml, kind, default: undefined, meaning, secret: true, ...extras };
}
