/** Public keys of an account and of its devices: versions of a recipient, of which at most one has not ended. */
import type { Db } from '../db.ts';
import type {
  KeyChange,
  NewRecipientKey,
  RecipientKey,
  RecipientKeyRefusal,
  RecipientKeyStore,
} from '../sharing.ts';
import { decide, refuse } from './audit.ts';
import { inUse, isTheirs, type KeyTable, PUBLIC_KEY, publicKeyOf, replacedBy } from './key-changes.ts';
import { added, keyStore } from './key-store.ts';
import { firstRow, type Row } from './rows.ts';
import { all, Script, Sql, sql } from './script.ts';

const KEYS: KeyTable<RecipientKey, RecipientKeyRefusal> = {
  name: new Sql('recipient_keys', []),
  columns: new Sql(`id, recipient_id, recipient_type, key_id, scheme, suite_id, ${PUBLIC_KEY}`, []),
  keyOf: (row: Row) => ({
    id: row.text('id'),
    recipientId: row.text('recipient_id'),
    recipientType: row.text('recipient_type') as RecipientKey['recipientType'],
    keyId: row.text('key_id'),
    scheme: row.text('scheme'),
    suiteId: row.text('suite_id') as RecipientKey['suiteId'],
    ...publicKeyOf(row),
  }),
  missing: 'account_recipient_key_not_found',
  final: 'invalid_account_recipient_key_state',
};

type NewKey = Omit<NewRecipientKey, 'recipientId' | 'recipientType'>;

/** The condition that an account has no key with this name yet, in any state. */
const unnamed = ({ ownerAccountId, keyId }: NewKey): Sql =>
  sql`NOT EXISTS (SELECT 1 FROM recipient_keys WHERE owner_account_id = ${ownerAccountId} AND key_id = ${keyId})`;

/** Adds a key, if `done`. `recipient`: its id, type and version, as columns of a SELECT that ends in it. */
function add(script: Script, key: NewKey, recipient: Sql, done: Sql): void {
  script.step(
    'insert',
    sql`INSERT INTO recipient_keys (id, owner_account_id, key_id, scheme, suite_id, display_label, public_key,
        fingerprint, state, created_at, updated_at, recipient_id, recipient_type, version)
      SELECT ${key.id}, ${key.ownerAccountId}, ${key.keyId}, ${key.scheme}, ${key.suiteId},
        ${key.displayLabel ?? null}, ${key.publicKey}, ${key.fingerprint}, ${key.state}, ${key.createdAt},
        ${key.createdAt}, ${recipient} WHERE ${done}`,
  );
  script.step('new', sql`SELECT ${KEYS.columns} FROM recipient_keys WHERE id = ${key.id}`);
}

/** Public keys of accounts and devices on libSQL. */
export function recipientKeyStore(db: Db): RecipientKeyStore {
  // What was verified once is not unverified; it is replaced, revoked or lost.
  const forward = ({ state }: KeyChange) =>
    state === 'pending_verification' ? sql`state <> 'active'` : sql`true`;
  return {
    ...keyStore(db, KEYS, forward),

    async create(key, audit) {
      const { ownerAccountId, recipientId } = key;
      const unknown = sql`NOT EXISTS (SELECT 1 FROM recipient_keys
        WHERE owner_account_id = ${ownerAccountId} AND recipient_id = ${recipientId})`;
      const script = new Script();
      const done = decide(script, audit, all(unknown, unnamed(key)));
      add(script, key, sql`${recipientId}, ${key.recipientType}, 1`, done);
      refuse(script, audit, 'conflict');
      return added(KEYS, await script.run(db)) ?? 'account_recipient_key_duplicate';
    },

    async replace(accountId, id, key, audit) {
      const theirs = isTheirs(accountId, id);
      const live = sql`EXISTS (SELECT 1 FROM recipient_keys WHERE ${theirs} AND ${inUse})`;
      const script = new Script();
      const done = decide(script, audit, all(live, unnamed(key)));
      script.step('live', sql`SELECT 1 WHERE ${live}`);
      // Its version is the recipient's last: only the last has not ended.
      const next = sql`recipient_id, recipient_type, version + 1 FROM recipient_keys`;
      add(script, key, next, all(theirs, done));
      script.step(
        'supersede',
        sql`UPDATE recipient_keys SET ${replacedBy(key.id, key.createdAt)} WHERE ${theirs} AND ${done}`,
      );
      script.step('old', sql`SELECT 1 FROM recipient_keys WHERE ${theirs}`);
      refuse(script, audit, 'conflict', sql`EXISTS (SELECT 1 FROM recipient_keys WHERE ${theirs})`);
      const answer = await script.run(db);
      const made = added(KEYS, answer);
      if (made !== undefined) return made;
      if (firstRow(answer('old')) === undefined) return KEYS.missing;
      return firstRow(answer('live')) === undefined ? KEYS.final : 'account_recipient_key_duplicate';
    },
  };
}
