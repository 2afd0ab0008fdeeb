/** What both rooms of keys do alike: lists, finds, changes and ends, and how a key that was added is answered. */
import type { Db } from '../db.ts';
import type { KeyChange, KeyStore, PublicKeyRecord } from '../sharing.ts';
import { decided } from './audit.ts';
import { changeKey, endKey, isTheirs, type KeyTable } from './key-changes.ts';
import { allRows, firstRow } from './rows.ts';
import { type Answer, read, type Sql, sql } from './script.ts';

/** @param allowed the condition on a row that a change has, beside that the key is in use */
export function keyStore<Key extends PublicKeyRecord, Refused extends string>(
  db: Db,
  keys: KeyTable<Key, Refused>,
  allowed: (change: KeyChange) => Sql = () => sql`true`,
): KeyStore<Key, Refused> {
  const { name, columns, keyOf } = keys;
  return {
    async list(accountId, after, limit) {
      const found = await read(
        db,
        sql`SELECT ${columns} FROM ${name}
          WHERE owner_account_id = ${accountId} AND id > ${after ?? ''} ORDER BY id LIMIT ${limit}`,
      );
      return allRows(found).map(keyOf);
    },

    async find(accountId, id) {
      const row = firstRow(
        await read(db, sql`SELECT ${columns} FROM ${name} WHERE ${isTheirs(accountId, id)}`),
      );
      return row && keyOf(row);
    },

    change: (accountId, id, change, now, audit) =>
      changeKey(db, keys, { accountId, id, now, audit }, change, allowed(change)),

    end: (accountId, id, as, now, audit) => endKey(db, keys, { accountId, id, now, audit }, as),
  };
}

/** The key that a script added, read by its step `new`; undefined where that was not decided. */
export function added<Key>({ keyOf }: KeyTable<Key, string>, answer: Answer): Key | undefined {
  const row = firstRow(answer('new'));
  return decided(answer) && row !== undefined ? keyOf(row) : undefined;
}
