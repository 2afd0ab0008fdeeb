/** Wrapped keys: kept under a grant that allows them, given out while everything that they hang on is in force. */
import type { Db } from '../db.ts';
import type { Owned } from '../owned.ts';
import type { NewWrappedKey, WrappedKeyStore } from '../sharing.ts';
import { decide, decided, refuse } from './audit.ts';
import { gone, inactive, lookAtStanding, ownedActive, ownedDeleting } from './owned.ts';
import { allRows, firstRow } from './rows.ts';
import { all, read, Script, Sql, sql } from './script.ts';
import { fromTheirs, WRAPPED_KEY, wrappedKeyOf } from './sharing-rows.ts';

const WRAPPED_KEYS = new Sql('wrapped_keys', []);

/** A condition on a grant `g`: it is in force. */
const inForce = (now: number): Sql =>
  sql`g.state = 'active' AND (g.expires_at IS NULL OR g.expires_at > ${now})`;

/** A condition on a row `t` of wrapped keys: it is given out. Part of every reading. */
const delivered = (now: number): Sql => sql`t.state = 'active'
  AND EXISTS (SELECT 1 FROM sharing_grants AS g WHERE g.id = t.grant_id AND ${inForce(now)})
  AND EXISTS (SELECT 1 FROM contact_keys AS k WHERE k.id = t.contact_key_id AND k.state = 'active')`;

/** What a new wrapped key must find, each as a condition. */
function needs(owned: Owned, { streamId, grantId, mediaKeyId, createdAt }: NewWrappedKey) {
  const grant = sql`SELECT 1 FROM sharing_grants AS g WHERE g.id = ${grantId}
    AND g.incident_id = ${owned.incidentId} AND g.owner_account_id = ${owned.accountId}`;
  const activeKey = sql`EXISTS (SELECT 1 FROM contact_keys AS k
    WHERE k.id = g.contact_key_id AND k.state = 'active')`;
  const stream =
    streamId === undefined
      ? sql`true`
      : sql`EXISTS (SELECT 1 FROM streams WHERE id = ${streamId} AND incident_id = ${owned.incidentId})`;
  return {
    there: all(sql`EXISTS (${grant} AND ${activeKey})`, stream),
    // A grant for one stream allows keys of that stream alone; metadata is nothing that a key would open.
    allowed: sql`EXISTS (${grant} AND ${inForce(createdAt)} AND g.data_class <> 'metadata'
      AND (g.stream_id IS NULL OR g.stream_id = ${streamId ?? null}))`,
    first: sql`NOT EXISTS (SELECT 1 FROM wrapped_keys WHERE owner_account_id = ${owned.accountId}
      AND incident_id = ${owned.incidentId} AND coalesce(stream_id, '') = ${streamId ?? ''}
      AND grant_id = ${grantId} AND media_key_id = ${mediaKeyId})`,
  };
}

/** Wrapped keys on libSQL. */
export function wrappedKeyStore(db: Db): WrappedKeyStore {
  return {
    async create(owned, key, audit) {
      const { there, allowed, first } = needs(owned, key);
      const script = new Script();
      const done = decide(script, audit, all(ownedActive(owned), there, allowed, first));
      script.step(
        'insert',
        sql`INSERT INTO wrapped_keys (id, owner_account_id, incident_id, stream_id, grant_id, contact_id,
            contact_key_id, contact_key_version, media_key_id, wrapping_algorithm, wrapping_algorithm_version,
            ciphertext, public_metadata, state, created_at, updated_at)
          SELECT ${key.id}, g.owner_account_id, g.incident_id, ${key.streamId ?? null}, g.id, g.contact_id,
            g.contact_key_id, g.contact_key_version, ${key.mediaKeyId}, ${key.wrappingAlgorithm},
            ${key.wrappingAlgorithmVersion}, ${key.ciphertext}, ${key.publicMetadata ?? null}, 'active',
            ${key.createdAt}, ${key.createdAt}
          FROM sharing_grants AS g WHERE g.id = ${key.grantId} AND ${done}`,
      );
      lookAtStanding(script, owned);
      script.step('there', sql`SELECT 1 WHERE ${there}`);
      script.step('allowed', sql`SELECT 1 WHERE ${allowed}`);
      script.step('key', sql`SELECT ${WRAPPED_KEY} FROM wrapped_keys WHERE id = ${key.id}`);
      // What is not there was refused to nobody, and its row would keep an id that the caller made up.
      refuse(
        script,
        audit,
        'conflict',
        sql`(${ownedDeleting(owned)} OR (${all(ownedActive(owned), there)}))`,
      );
      const answer = await script.run(db);
      const row = firstRow(answer('key'));
      if (decided(answer) && row !== undefined) return wrappedKeyOf(row);
      const why = inactive(answer);
      if (why !== undefined) return why;
      if (firstRow(answer('there')) === undefined) return 'wrapped_key_dependency_not_found';
      return firstRow(answer('allowed')) === undefined
        ? 'wrapped_key_grant_not_authorized'
        : 'wrapped_key_duplicate';
    },

    async list(owned, now, after, limit) {
      const script = new Script();
      lookAtStanding(script, owned);
      script.step(
        'keys',
        sql`SELECT ${WRAPPED_KEY} FROM wrapped_keys AS t
          WHERE t.incident_id = ${owned.incidentId} AND t.owner_account_id = ${owned.accountId}
            AND t.id > ${after ?? ''} AND ${delivered(now)}
          ORDER BY t.id LIMIT ${limit}`,
      );
      const answer = await script.run(db, 'read');
      return gone(answer) ?? allRows(answer('keys')).map(wrappedKeyOf);
    },

    async find(accountId, id, now) {
      const theirs = fromTheirs(WRAPPED_KEYS, accountId, id);
      const row = firstRow(await read(db, sql`SELECT ${WRAPPED_KEY} ${theirs} AND ${delivered(now)}`));
      return row && wrappedKeyOf(row);
    },

    async revoke(accountId, id, now, audit) {
      const theirs = fromTheirs(WRAPPED_KEYS, accountId, id);
      const script = new Script();
      const done = decide(
        script,
        audit,
        sql`EXISTS (SELECT 1 ${theirs} AND t.state <> 'revoked')`,
        undefined,
        // The request names the wrapped key alone; the row of it names the incident too.
        sql`(SELECT t.incident_id ${theirs})`,
      );
      script.step(
        'revoke',
        sql`UPDATE wrapped_keys SET state = 'revoked', revoked_at = ${now}, updated_at = ${now}
          WHERE id = ${id} AND ${done}`,
      );
      script.step('key', sql`SELECT ${WRAPPED_KEY} ${theirs}`);
      const row = firstRow((await script.run(db))('key'));
      return row && wrappedKeyOf(row);
    },
  };
}
