/** Public keys of contacts: versions of which at most one has not ended. */
import type { Db } from '../db.ts';
import type { ContactKey, ContactKeyRefusal, ContactKeyStore, NewContactKey } from '../sharing.ts';
import { decide, refuse } from './audit.ts';
import { inUse, isTheirs, type KeyTable, PUBLIC_KEY, publicKeyOf, replacedBy } from './key-changes.ts';
import { added, keyStore } from './key-store.ts';
import { firstRow, type Row } from './rows.ts';
import { Script, Sql, sql } from './script.ts';

const KEYS: KeyTable<ContactKey, ContactKeyRefusal> = {
  name: new Sql('contact_keys', []),
  columns: new Sql(`id, contact_id, recipient_account_id, wrapping_algorithm, ${PUBLIC_KEY}`, []),
  keyOf(row: Row) {
    const recipientAccountId = row.optionalText('recipient_account_id');
    return {
      id: row.text('id'),
      contactId: row.text('contact_id'),
      ...(recipientAccountId !== undefined && { recipientAccountId }),
      wrappingAlgorithm: row.text('wrapping_algorithm'),
      ...publicKeyOf(row),
    };
  },
  missing: 'contact_public_key_not_found',
  final: 'invalid_contact_key_state',
};

type NewKey = Omit<NewContactKey, 'contactId' | 'freshContactId'>;

/** Adds the next version of a contact, if `done`, and lets it replace the one before. */
function add(script: Script, key: NewKey, contactId: Sql, done: Sql): void {
  const ofContact = sql`owner_account_id = ${key.ownerAccountId} AND contact_id = ${contactId}`;
  script.step(
    'insert',
    sql`INSERT INTO contact_keys (id, owner_account_id, contact_id, recipient_account_id, wrapping_algorithm,
        version, display_label, public_key, fingerprint, state, created_at, updated_at)
      SELECT ${key.id}, ${key.ownerAccountId}, ${contactId}, ${key.recipientAccountId ?? null},
        ${key.wrappingAlgorithm},
        1 + coalesce((SELECT max(version) FROM contact_keys WHERE ${ofContact}), 0),
        ${key.displayLabel ?? null}, ${key.publicKey}, ${key.fingerprint}, ${key.state},
        ${key.createdAt}, ${key.createdAt}
      WHERE ${done}`,
  );
  script.step(
    'supersede',
    sql`UPDATE contact_keys SET ${replacedBy(key.id, key.createdAt)}
      WHERE ${ofContact} AND id <> ${key.id} AND ${inUse} AND ${done}`,
  );
  script.step('new', sql`SELECT ${KEYS.columns} FROM contact_keys WHERE id = ${key.id}`);
}

/** Public keys of contacts on libSQL. */
export function contactKeyStore(db: Db): ContactKeyStore {
  return {
    ...keyStore(db, KEYS),

    async create(key, audit) {
      const { ownerAccountId, contactId, freshContactId } = key;
      const script = new Script();
      const known = sql`EXISTS (SELECT 1 FROM contact_keys
        WHERE owner_account_id = ${ownerAccountId} AND contact_id = ${contactId ?? null})`;
      const done = decide(script, audit, contactId === undefined ? sql`true` : known);
      add(script, key, sql`${contactId ?? freshContactId}`, done);
      return added(KEYS, await script.run(db)) ?? 'contact_not_found';
    },

    async replace(accountId, id, key, audit) {
      const theirs = isTheirs(accountId, id);
      const script = new Script();
      const done = decide(
        script,
        audit,
        sql`EXISTS (SELECT 1 FROM contact_keys WHERE ${theirs} AND ${inUse})`,
      );
      add(script, key, sql`(SELECT contact_id FROM contact_keys WHERE ${theirs})`, done);
      script.step('old', sql`SELECT 1 FROM contact_keys WHERE ${theirs}`);
      refuse(script, audit, 'conflict', sql`EXISTS (SELECT 1 FROM contact_keys WHERE ${theirs})`);
      const answer = await script.run(db);
      return added(KEYS, answer) ?? (firstRow(answer('old')) === undefined ? KEYS.missing : KEYS.final);
    },
  };
}
