/** Viewer links as their owner manages them: made, listed, revoked once. Only their hashes are here. */
import type { Db } from '../db.ts';
import type { ViewerToken, ViewerTokenStore } from '../viewing.ts';
import { decide, decided, refuse } from './audit.ts';
import { gone, inactive, lookAtStanding, ownedActive, ownedDeleting } from './owned.ts';
import { allRows, firstRow, type Row } from './rows.ts';
import { Script, Sql, sql } from './script.ts';

/** Everything but the hash. */
const TOKEN = new Sql('id, incident_id, label, created_at, expires_at, revoked_at', []);

function tokenOf(row: Row): ViewerToken {
  const label = row.optionalText('label');
  const expiresAt = row.optionalNumber('expires_at');
  const revokedAt = row.optionalNumber('revoked_at');
  return {
    id: row.text('id'),
    incidentId: row.text('incident_id'),
    ...(label !== undefined && { label }),
    createdAt: row.number('created_at'),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(revokedAt !== undefined && { revokedAt }),
  };
}

/** Viewer links on libSQL. */
export function viewerTokenStore(db: Db): ViewerTokenStore {
  return {
    async create(owned, token, audit) {
      const script = new Script();
      const done = decide(script, audit, ownedActive(owned));
      script.step(
        'insert',
        sql`INSERT INTO viewer_tokens (id, incident_id, label, created_at, expires_at, token_hash)
          SELECT ${token.id}, ${owned.incidentId}, ${token.label ?? null}, ${token.createdAt},
            ${token.expiresAt ?? null}, ${token.tokenHash}
          WHERE ${done}`,
      );
      lookAtStanding(script, owned);
      refuse(script, audit, 'conflict', ownedDeleting(owned));
      return inactive(await script.run(db)) ?? 'created';
    },

    async list(owned, after, limit) {
      const script = new Script();
      lookAtStanding(script, owned);
      script.step(
        'tokens',
        sql`SELECT ${TOKEN} FROM viewer_tokens
          WHERE incident_id = ${owned.incidentId} AND id > ${after ?? ''} ORDER BY id LIMIT ${limit}`,
      );
      const answer = await script.run(db, 'read');
      return gone(answer) ?? allRows(answer('tokens')).map(tokenOf);
    },

    async find(owned, tokenId) {
      const script = new Script();
      lookAtStanding(script, owned);
      script.step(
        'token',
        sql`SELECT ${TOKEN} FROM viewer_tokens WHERE id = ${tokenId} AND incident_id = ${owned.incidentId}`,
      );
      const answer = await script.run(db, 'read');
      const row = firstRow(answer('token'));
      return gone(answer) ?? (row === undefined ? 'incident_token_not_found' : tokenOf(row));
    },

    async revoke(tokenId, accountId, now, audit) {
      // Also while the incident is being deleted: taking access away is never too late.
      const theirs = sql`FROM viewer_tokens AS t JOIN incidents AS i ON i.id = t.incident_id
        WHERE t.id = ${tokenId} AND i.owner_account_id = ${accountId} AND i.deletion_state <> 'deleted'`;
      // The request names the link alone; the row of it names the incident too.
      const incident = sql`(SELECT t.incident_id ${theirs})`;
      const script = new Script();
      const done = decide(
        script,
        audit,
        sql`EXISTS (SELECT 1 ${theirs} AND t.revoked_at IS NULL)`,
        undefined,
        incident,
      );
      script.step(
        'revoke',
        sql`UPDATE viewer_tokens SET revoked_at = ${now} WHERE id = ${tokenId} AND ${done}`,
      );
      refuse(script, audit, 'conflict', sql`EXISTS (SELECT 1 ${theirs})`, incident);
      return decided(await script.run(db));
    },
  };
}
