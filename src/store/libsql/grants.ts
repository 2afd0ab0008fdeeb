/** Sharing grants: made for an active key of a contact, listed, revoked once. */
import type { Db } from '../db.ts';
import type { GrantStore, NewGrant } from '../sharing.ts';
import { decide, decided, refuse } from './audit.ts';
import { gone, inactive, lookAtStanding, ownedActive, ownedDeleting } from './owned.ts';
import { allRows, firstRow } from './rows.ts';
import { all, read, Script, Sql, sql } from './script.ts';
import { fromTheirs, GRANT, grantOf } from './sharing-rows.ts';

const GRANTS = new Sql('sharing_grants', []);

/** The key that a grant is for, as the end of a SELECT: the one that it names, or else the contact's newest. */
function fromKey(accountId: string, { contactId, contactKeyId }: NewGrant): Sql {
  const named = contactKeyId === undefined ? sql`true` : sql`id = ${contactKeyId}`;
  return sql`FROM contact_keys WHERE owner_account_id = ${accountId} AND contact_id = ${contactId}
    AND state = 'active' AND ${named} ORDER BY version DESC LIMIT 1`;
}

/** Sharing grants on libSQL. */
export function grantStore(db: Db): GrantStore {
  return {
    async create(owned, grant, audit) {
      const key = fromKey(owned.accountId, grant);
      const streamThere =
        grant.streamId === undefined
          ? sql`true`
          : sql`EXISTS (SELECT 1 FROM streams WHERE id = ${grant.streamId} AND incident_id = ${owned.incidentId})`;
      const script = new Script();
      const done = decide(script, audit, all(ownedActive(owned), sql`EXISTS (SELECT 1 ${key})`, streamThere));
      script.step(
        'insert',
        sql`INSERT INTO sharing_grants (id, owner_account_id, incident_id, stream_id, contact_id, contact_key_id,
            contact_key_version, data_class, state, created_at, updated_at, expires_at)
          SELECT ${grant.id}, ${owned.accountId}, ${owned.incidentId}, ${grant.streamId ?? null},
            ${grant.contactId}, (SELECT id ${key}), (SELECT version ${key}), ${grant.dataClass}, 'active',
            ${grant.createdAt}, ${grant.createdAt}, ${grant.expiresAt ?? null}
          WHERE ${done}`,
      );
      lookAtStanding(script, owned);
      script.step('grant', sql`SELECT ${GRANT} FROM sharing_grants WHERE id = ${grant.id}`);
      refuse(script, audit, 'conflict', ownedDeleting(owned));
      const answer = await script.run(db);
      const row = firstRow(answer('grant'));
      if (decided(answer) && row !== undefined) return grantOf(row);
      return inactive(answer) ?? 'sharing_grant_dependency_not_found';
    },

    async list(owned, after, limit) {
      const script = new Script();
      lookAtStanding(script, owned);
      script.step(
        'grants',
        sql`SELECT ${GRANT} FROM sharing_grants
          WHERE incident_id = ${owned.incidentId} AND owner_account_id = ${owned.accountId} AND id > ${after ?? ''}
          ORDER BY id LIMIT ${limit}`,
      );
      const answer = await script.run(db, 'read');
      return gone(answer) ?? allRows(answer('grants')).map(grantOf);
    },

    async find(accountId, id) {
      const row = firstRow(await read(db, sql`SELECT ${GRANT} ${fromTheirs(GRANTS, accountId, id)}`));
      return row && grantOf(row);
    },

    async revoke(accountId, id, now, audit) {
      // Also while the incident is being deleted: taking access away is never too late.
      const theirs = fromTheirs(GRANTS, accountId, id);
      const script = new Script();
      const done = decide(
        script,
        audit,
        sql`EXISTS (SELECT 1 ${theirs} AND t.state = 'active')`,
        undefined,
        // The request names the grant alone; the row of it names the incident too.
        sql`(SELECT t.incident_id ${theirs})`,
      );
      script.step(
        'revoke',
        sql`UPDATE sharing_grants
          SET state = 'revoked', revoked_at = ${now}, revoked_by_account_id = ${accountId}, updated_at = ${now}
          WHERE id = ${id} AND ${done}`,
      );
      script.step('grant', sql`SELECT ${GRANT} ${theirs}`);
      const row = firstRow((await script.run(db))('grant'));
      return row && grantOf(row);
    },
  };
}
