/**
 * What rows of public keys have in common, whoever's they are: their columns, and the two changes of one row. A key
 * is in use (pending or active) until it ends, which is final.
 */
import type { AuditEntry } from '../audit.ts';
import type { Db } from '../db.ts';
import type { KeyChange, KeyState, PublicKeyRecord } from '../sharing.ts';
import { decide, decided, refuse } from './audit.ts';
import { firstRow, type Row } from './rows.ts';
import { all, Script, Sql, sql } from './script.ts';

/** Columns that both tables of keys have. */
export const PUBLIC_KEY =
  'owner_account_id, version, display_label, public_key, fingerprint, state, created_at, updated_at, ' +
  'replaced_at, replaced_by, revoked_at, lost_at';

/** Reads the columns that public keys of both kinds have. */
export function publicKeyOf(row: Row): PublicKeyRecord {
  const displayLabel = row.optionalText('display_label');
  const replacedAt = row.optionalNumber('replaced_at');
  const replacedById = row.optionalText('replaced_by');
  const revokedAt = row.optionalNumber('revoked_at');
  const lostAt = row.optionalNumber('lost_at');
  return {
    ownerAccountId: row.text('owner_account_id'),
    version: row.number('version'),
    ...(displayLabel !== undefined && { displayLabel }),
    publicKey: row.text('public_key'),
    fingerprint: row.text('fingerprint'),
    state: row.text('state') as KeyState,
    createdAt: row.number('created_at'),
    updatedAt: row.number('updated_at'),
    ...(replacedAt !== undefined && { replacedAt }),
    ...(replacedById !== undefined && { replacedById }),
    ...(revokedAt !== undefined && { revokedAt }),
    ...(lostAt !== undefined && { lostAt }),
  };
}

/** A table of keys, how its rows are read, and what it calls a key that is not there and one that is final. */
export interface KeyTable<Key, Refused extends string> {
  readonly name: Sql;
  readonly columns: Sql;
  keyOf(row: Row): Key;
  readonly missing: Refused;
  readonly final: Refused;
}

/** A condition on a row of keys: it has not ended. */
export const inUse: Sql = new Sql(`state IN ('pending_verification', 'active')`, []);

/** A condition on a row of keys: it is this one, and this account's. */
export const isTheirs = (accountId: string, id: string): Sql =>
  sql`id = ${id} AND owner_account_id = ${accountId}`;

/** What becomes of a row of keys that the row `by` replaces: columns of an UPDATE. */
export const replacedBy = (by: string, now: number): Sql =>
  sql`state = 'replaced', replaced_at = ${now}, replaced_by = ${by}, updated_at = ${now}`;

export interface OneKey {
  readonly accountId: string;
  readonly id: string;
  readonly now: number;
  readonly audit: AuditEntry;
}

/**
 * Changes a key that has not ended. A change after which everything is as before leaves no trace.
 * @param allowed a condition on the row beside that
 * @returns `final` where that forbids it
 */
export async function changeKey<Key, Refused extends string>(
  db: Db,
  { name, columns, keyOf, missing, final }: KeyTable<Key, Refused>,
  { accountId, id, now, audit }: OneKey,
  change: KeyChange,
  allowed: Sql,
): Promise<Key | Refused> {
  const theirs = isTheirs(accountId, id);
  const may = all(theirs, inUse, allowed);
  const label = change.displayLabel === undefined ? sql`display_label` : sql`${change.displayLabel}`;
  const state = change.state === undefined ? sql`state` : sql`${change.state}`;
  const differs = sql`display_label IS NOT ${label} OR state <> ${state}`;
  const script = new Script();
  const done = decide(script, audit, sql`EXISTS (SELECT 1 FROM ${name} WHERE ${all(may, differs)})`);
  // Before the change: what was allowed may not be so after it.
  script.step('allowed', sql`SELECT 1 FROM ${name} WHERE ${may}`);
  script.step(
    'change',
    sql`UPDATE ${name} SET display_label = ${label}, state = ${state}, updated_at = ${now}
      WHERE ${theirs} AND ${done}`,
  );
  script.step('key', sql`SELECT ${columns} FROM ${name} WHERE ${theirs}`);
  refuse(script, audit, 'conflict', sql`EXISTS (SELECT 1 FROM ${name} WHERE ${theirs} AND NOT (${may}))`);
  const answer = await script.run(db);
  const row = firstRow(answer('key'));
  if (row === undefined) return missing;
  return firstRow(answer('allowed')) === undefined ? final : keyOf(row);
}

const ENDED_AT = { revoked: new Sql('revoked_at', []), lost: new Sql('lost_at', []) };

/**
 * Ends a key that has not ended; one that has ended in the same way is answered as it is.
 * @returns `final` for one that ended otherwise
 */
export async function endKey<Key extends { readonly state: KeyState }, Refused extends string>(
  db: Db,
  { name, columns, keyOf, missing, final }: KeyTable<Key, Refused>,
  { accountId, id, now, audit }: OneKey,
  as: 'revoked' | 'lost',
): Promise<Key | Refused> {
  const theirs = isTheirs(accountId, id);
  const script = new Script();
  const done = decide(script, audit, sql`EXISTS (SELECT 1 FROM ${name} WHERE ${theirs} AND ${inUse})`);
  script.step(
    'end',
    sql`UPDATE ${name} SET state = ${as}, ${ENDED_AT[as]} = ${now}, updated_at = ${now}
      WHERE ${theirs} AND ${done}`,
  );
  script.step('key', sql`SELECT ${columns} FROM ${name} WHERE ${theirs}`);
  refuse(script, audit, 'conflict', sql`EXISTS (SELECT 1 FROM ${name} WHERE ${theirs} AND state <> ${as})`);
  const answer = await script.run(db);
  const row = firstRow(answer('key'));
  if (row === undefined) return missing;
  const key = keyOf(row);
  return decided(answer) || key.state === as ? key : final;
}
