/**
 * Wrapped keys: the media key of a stream as an age file that one contact opens, kept under a grant. They are given
 * out only while the record, its grant and the contact's key are all in force; that is asked anew at every reading.
 */
import type { LiveSession } from '../store/accounts.ts';
import type { NewWrappedKey, WrappedKey } from '../store/sharing.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { keylessText } from './key-material.ts';
import { orRefused, ownedBy } from './owned.ts';
import { type Page, type PageLengths, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { AGE_V1, namedId } from './public-keys.ts';
import type { TextRule } from './text-fields.ts';
import { wrappedFileOf, wrappingMetadataOf } from './wrapped-parts.ts';

const ALGORITHM_VERSION = '1';
const MEDIA_KEY_ID: TextRule = { fault: 'invalid_media_key_id', mostBytes: 255 };

/** A wrapped key may have 20 KB, and a libSQL server refuses answers above 10 MB. */
const PAGE_LENGTHS: PageLengths = { usual: 100, most: 100 };

/** What is asked for, unchecked. */
export interface WrappedKeyForm {
  readonly streamId: unknown;
  readonly grantId: unknown;
  readonly mediaKeyId: unknown;
  readonly wrappingAlgorithm: unknown;
  readonly wrappingAlgorithmVersion: unknown;
  readonly ciphertext: unknown;
  readonly publicMetadata: unknown;
}

/**
 * Keeps a wrapped key for the contact key of a grant.
 * @throws Fault in this order: `invalid_grant_id`, `invalid_media_key_id`, `invalid_wrapping_algorithm`,
 *   `invalid_wrapping_algorithm_version`, `invalid_wrapped_key_ciphertext`, `invalid_public_wrapping_metadata`,
 *   `incident_not_found`, `incident_deleting`, `wrapped_key_dependency_not_found`, `wrapped_key_grant_not_authorized`,
 *   `wrapped_key_duplicate`
 */
export async function createWrappedKey(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  incidentId: string,
  form: WrappedKeyForm,
): Promise<WrappedKey> {
  if (typeof form.grantId !== 'string' || form.grantId.trim() === '') throw new Fault('invalid_grant_id');
  const grantId = namedId('sgr', form.grantId) ?? '';
  const mediaKeyId = keylessText(form.mediaKeyId, MEDIA_KEY_ID);
  if (mediaKeyId === undefined) throw new Fault('invalid_media_key_id');
  if (form.wrappingAlgorithm !== AGE_V1) throw new Fault('invalid_wrapping_algorithm');
  if (form.wrappingAlgorithmVersion !== ALGORITHM_VERSION)
    throw new Fault('invalid_wrapping_algorithm_version');
  const ciphertext = wrappedFileOf(form.ciphertext);
  const publicMetadata = wrappingMetadataOf(form.publicMetadata);
  const owned = ownedBy(live, incidentId);
  const streamId = namedId('str', form.streamId);
  const key: NewWrappedKey = {
    id: newId('wkey', deps),
    ...(streamId !== undefined && { streamId }),
    grantId,
    mediaKeyId,
    wrappingAlgorithm: AGE_V1,
    wrappingAlgorithmVersion: ALGORITHM_VERSION,
    ciphertext,
    ...(publicMetadata !== undefined && { publicMetadata }),
    createdAt: deps.now(),
  };
  const audit = auditEntry(deps, origin, 'wrapped_key_create', 'ok', { incidentId, subjectId: key.id });
  return orRefused(await deps.store.wrappedKeys.create(owned, key, audit));
}

/**
 * Those wrapped keys of an incident that are given out now, in the order of their creation.
 * @throws Fault `incident_not_found`, `invalid_cursor`, `invalid_limit`
 */
export async function listWrappedKeys(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  raw: RawPaging,
): Promise<Page<WrappedKey>> {
  const paging = pagingOf(raw, 'wkey', PAGE_LENGTHS);
  const owned = ownedBy(live, incidentId);
  return pageOf(paging, async (after, limit) =>
    orRefused(await deps.store.wrappedKeys.list(owned, deps.now(), after, limit)),
  );
}

/** @throws Fault `wrapped_key_not_found` also for one that is not given out any more */
export async function readWrappedKey(deps: Deps, { account }: LiveSession, id: string): Promise<WrappedKey> {
  const found = isId('wkey', id) ? await deps.store.wrappedKeys.find(account.id, id, deps.now()) : undefined;
  return orRefused(found ?? 'wrapped_key_not_found');
}

/**
 * Ends one wrapped key, also one that is not given out any more. Again, it answers the first.
 * @throws Fault `wrapped_key_not_found`
 */
export async function revokeWrappedKey(
  deps: Deps,
  origin: Origin,
  { account }: LiveSession,
  id: string,
): Promise<WrappedKey> {
  if (!isId('wkey', id)) throw new Fault('wrapped_key_not_found');
  const audit = auditEntry(deps, origin, 'wrapped_key_revoke', 'ok', { subjectId: id });
  const revoked = await deps.store.wrappedKeys.revoke(account.id, id, deps.now(), audit);
  return orRefused(revoked ?? 'wrapped_key_not_found');
}
