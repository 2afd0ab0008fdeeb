/** Grants and wrapped keys as they look on the wire to their owner. */
import * as v from 'valibot';
import { DATA_CLASSES, TRUSTED_CONTACT } from '../../core/sharing.ts';
import type { Grant, WrappedKey } from '../../store/sharing.ts';
import { timestamp } from '../kit/time.ts';

const time = v.pipe(v.string(), v.isoTimestamp());

const common = {
  owner_account_id: v.string(),
  incident_id: v.string(),
  stream_id: v.optional(v.string()),
  grant_id: v.string(),
  recipient_type: v.literal(TRUSTED_CONTACT),
  contact_id: v.string(),
  contact_public_key_id: v.string(),
  contact_public_key_version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  created_at: time,
  updated_at: time,
  revoked_at: v.optional(time),
};

const commonView = (of: Grant | WrappedKey) => ({
  owner_account_id: of.ownerAccountId,
  incident_id: of.incidentId,
  ...(of.streamId !== undefined && { stream_id: of.streamId }),
  recipient_type: TRUSTED_CONTACT,
  contact_id: of.contactId,
  contact_public_key_id: of.contactKeyId,
  contact_public_key_version: of.contactKeyVersion,
  created_at: timestamp(of.createdAt),
  updated_at: timestamp(of.updatedAt),
  ...(of.revokedAt !== undefined && { revoked_at: timestamp(of.revokedAt) }),
});

export const GrantView = v.strictObject({
  ...common,
  data_class: v.picklist(DATA_CLASSES),
  grant_state: v.picklist(['active', 'revoked']),
  expires_at: v.optional(time),
  revoked_by_account_id: v.optional(v.string()),
});
export const GrantAnswer = v.strictObject({ sharing_grant: GrantView });

export const grantView = (grant: Grant) => ({
  grant_id: grant.id,
  ...commonView(grant),
  data_class: grant.dataClass,
  grant_state: grant.state,
  ...(grant.expiresAt !== undefined && { expires_at: timestamp(grant.expiresAt) }),
  ...(grant.revokedByAccountId !== undefined && { revoked_by_account_id: grant.revokedByAccountId }),
});

export const WrappedKeyView = v.strictObject({
  wrapped_key_id: v.string(),
  ...common,
  media_key_id: v.string(),
  wrapping_algorithm: v.literal('age-v1'),
  wrapping_algorithm_version: v.literal('1'),
  wrapped_key_ciphertext: v.string(),
  public_wrapping_metadata: v.optional(v.record(v.string(), v.unknown())),
  wrapped_key_state: v.picklist(['active', 'revoked', 'rotated']),
});
export const WrappedKeyAnswer = v.strictObject({ wrapped_key: WrappedKeyView });

export const wrappedKeyView = (key: WrappedKey) => ({
  wrapped_key_id: key.id,
  grant_id: key.grantId,
  ...commonView(key),
  media_key_id: key.mediaKeyId,
  wrapping_algorithm: key.wrappingAlgorithm,
  wrapping_algorithm_version: key.wrappingAlgorithmVersion,
  wrapped_key_ciphertext: key.ciphertext,
  ...(key.publicMetadata !== undefined && {
    public_wrapping_metadata: JSON.parse(key.publicMetadata) as unknown,
  }),
  wrapped_key_state: key.state,
});
