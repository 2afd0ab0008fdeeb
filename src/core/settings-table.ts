/**
 * Every setting, once. From this table come the typed values, the refusals and the documentation; nothing else
 * knows a setting's name, shape or default.
 */
import type { Entry } from './settings-entry.ts';
import { ACCOUNTS } from './settings-table-accounts.ts';
import { LIMITS } from './settings-table-limits.ts';
import { SERVER, STORAGE, TIMEOUTS } from './settings-table-server.ts';
import { EVIDENCE, PASTES } from './settings-table-vault.ts';

/** The table, in the order in which it is documented. */
export const TABLE = { ...SERVER, ...STORAGE, ...PASTES, ...EVIDENCE, ...ACCOUNTS, ...LIMITS, ...TIMEOUTS };

export type SettingName = keyof typeof TABLE;

type ValueOf<E> = E extends Entry<infer T, infer D> ? (D extends string ? T : T | undefined) : never;

/** One typed value a setting. */
export type Values = { readonly [N in SettingName]: ValueOf<(typeof TABLE)[N]> };

/** The rows as a list of one type, for whatever walks over all of them. */
export const ENTRIES: readonly (readonly [SettingName, Entry])[] = Object.entries(TABLE) as [
  SettingName,
  Entry,
][];

/** Headings of the documentation and the settings below each. */
export const CHAPTERS: readonly (readonly [string, readonly string[]])[] = [
  ['Doors', Object.keys(SERVER)],
  ['Storage', Object.keys(STORAGE)],
  ['Pastes', Object.keys(PASTES)],
  ['Evidence', Object.keys(EVIDENCE)],
  ['Accounts', Object.keys(ACCOUNTS)],
  ['Rate limits', Object.keys(LIMITS)],
  ['Timeouts', Object.keys(TIMEOUTS)],
];

/**
 * Names that used to mean a public viewer on a port that is the private one today: their mere presence, even
 * empty, refuses to start, so that no old configuration puts the admin door where everyone can reach it.
 */
export const FORBIDDEN: readonly string[] = ['SAFE_PUBLIC_BIND_ADDRS', 'SAFE_PUBLIC_BIND_ADDR'];
