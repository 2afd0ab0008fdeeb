/** Grants and wrapped keys as rows, and whose they are. */
import type { DataClass, Grant, WrappedKey } from '../sharing.ts';
import type { Row } from './rows.ts';
import { Sql, sql } from './script.ts';

/** Every column of `sharing_grants`. */
export const GRANT = new Sql(
  'id, owner_account_id, incident_id, stream_id, contact_id, contact_key_id, contact_key_version, data_class, ' +
    'state, created_at, updated_at, expires_at, revoked_at, revoked_by_account_id',
  [],
);

/** Reads the columns of a grant. */
export function grantOf(row: Row): Grant {
  const streamId = row.optionalText('stream_id');
  const expiresAt = row.optionalNumber('expires_at');
  const revokedAt = row.optionalNumber('revoked_at');
  const revokedByAccountId = row.optionalText('revoked_by_account_id');
  return {
    id: row.text('id'),
    ownerAccountId: row.text('owner_account_id'),
    incidentId: row.text('incident_id'),
    ...(streamId !== undefined && { streamId }),
    contactId: row.text('contact_id'),
    contactKeyId: row.text('contact_key_id'),
    contactKeyVersion: row.number('contact_key_version'),
    dataClass: row.text('data_class') as DataClass,
    state: row.text('state') as Grant['state'],
    createdAt: row.number('created_at'),
    updatedAt: row.number('updated_at'),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(revokedAt !== undefined && { revokedAt }),
    ...(revokedByAccountId !== undefined && { revokedByAccountId }),
  };
}

/** Every column of `wrapped_keys`. */
export const WRAPPED_KEY = new Sql(
  'id, owner_account_id, incident_id, stream_id, grant_id, contact_id, contact_key_id, contact_key_version, ' +
    'media_key_id, wrapping_algorithm, wrapping_algorithm_version, ciphertext, public_metadata, state, ' +
    'created_at, updated_at, revoked_at',
  [],
);

/** Reads what {@link WRAPPED_KEY} selects. */
export function wrappedKeyOf(row: Row): WrappedKey {
  const streamId = row.optionalText('stream_id');
  const publicMetadata = row.optionalText('public_metadata');
  const revokedAt = row.optionalNumber('revoked_at');
  return {
    id: row.text('id'),
    ownerAccountId: row.text('owner_account_id'),
    incidentId: row.text('incident_id'),
    ...(streamId !== undefined && { streamId }),
    grantId: row.text('grant_id'),
    contactId: row.text('contact_id'),
    contactKeyId: row.text('contact_key_id'),
    contactKeyVersion: row.number('contact_key_version'),
    mediaKeyId: row.text('media_key_id'),
    wrappingAlgorithm: row.text('wrapping_algorithm'),
    wrappingAlgorithmVersion: row.text('wrapping_algorithm_version'),
    ciphertext: row.text('ciphertext'),
    ...(publicMetadata !== undefined && { publicMetadata }),
    state: row.text('state') as WrappedKey['state'],
    createdAt: row.number('created_at'),
    updatedAt: row.number('updated_at'),
    ...(revokedAt !== undefined && { revokedAt }),
  };
}

/**
 * The rows of a table with this id that are this account's, as the end of a SELECT. Whoever does not own the incident
 * any more has nothing in it, and what was deleted has nothing either.
 */
export const fromTheirs = (table: Sql, accountId: string, id: string): Sql =>
  sql`FROM ${table} AS t WHERE t.id = ${id} AND t.owner_account_id = ${accountId}
    AND EXISTS (SELECT 1 FROM incidents AS i WHERE i.id = t.incident_id AND i.owner_account_id = ${accountId}
      AND i.deletion_state <> 'deleted')`;
