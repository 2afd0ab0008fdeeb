/**
 * Sharing grants: for whom, of what, and until when an owner lets wrapped keys be given out. A grant opens nothing by
 * itself, and changes nothing for viewers: only a wrapped key under it does something, for whoever has the contact's
 * private key.
 */
import type { LiveSession } from '../store/accounts.ts';
import type { DataClass, Grant, NewGrant } from '../store/sharing.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { parseInstant } from './instant.ts';
import { orRefused, ownedBy } from './owned.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { namedId } from './public-keys.ts';
import { wordOf } from './text-fields.ts';

/** The one kind of recipient that a grant has. */
export const TRUSTED_CONTACT = 'trusted_contact';

export const DATA_CLASSES: readonly DataClass[] = ['metadata', 'ciphertext', 'metadata_ciphertext'];

/** What is asked for, unchecked. */
export interface GrantForm {
  readonly streamId: unknown;
  readonly recipientType: unknown;
  readonly contactId: unknown;
  readonly contactKeyId: unknown;
  readonly dataClass: unknown;
  readonly expiresAt: unknown;
}

/** Absent and null: it does not end by itself. @throws Fault `invalid_expires_at` also for a time that has come */
function expiryOf(deps: Deps, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const instant = typeof value === 'string' ? parseInstant(value.trim()) : undefined;
  const expiresAt = instant && Number(instant.epochNs / 1_000_000n);
  if (expiresAt === undefined || expiresAt <= deps.now()) {
    const message = 'expires_at must be an RFC 3339 time in the future, or null for none';
    throw new Fault('invalid_expires_at', { message });
  }
  return expiresAt;
}

/**
 * Grants one contact, by one key of theirs, a stream or the whole incident. Without a key it is the contact's newest
 * active one, and stays that one: a new version of the key needs a new grant.
 * @throws Fault in this order: `invalid_recipient_type`, `invalid_contact_id`, `invalid_data_class`,
 *   `invalid_expires_at`, `incident_not_found`, `incident_deleting`, `sharing_grant_dependency_not_found` for a stream
 *   or an active key that is not there
 */
export async function createGrant(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  incidentId: string,
  form: GrantForm,
): Promise<Grant> {
  if (form.recipientType !== TRUSTED_CONTACT) throw new Fault('invalid_recipient_type');
  if (typeof form.contactId !== 'string' || form.contactId.trim() === '')
    throw new Fault('invalid_contact_id');
  const contactId = namedId('ctc', form.contactId) ?? '';
  const dataClass = wordOf(form.dataClass, DATA_CLASSES, 'invalid_data_class') ?? 'metadata_ciphertext';
  const expiresAt = expiryOf(deps, form.expiresAt);
  const owned = ownedBy(live, incidentId);
  const streamId = namedId('str', form.streamId);
  const contactKeyId = namedId('cpk', form.contactKeyId);
  const grant: NewGrant = {
    id: newId('sgr', deps),
    ...(streamId !== undefined && { streamId }),
    contactId,
    ...(contactKeyId !== undefined && { contactKeyId }),
    dataClass,
    createdAt: deps.now(),
    ...(expiresAt !== undefined && { expiresAt }),
  };
  const audit = auditEntry(deps, origin, 'sharing_grant_create', 'ok', { incidentId, subjectId: grant.id });
  return orRefused(await deps.store.grants.create(owned, grant, audit));
}

/**
 * The grants of an incident in the order of their creation, revoked and expired ones too.
 * @throws Fault `incident_not_found`, `invalid_cursor`, `invalid_limit`
 */
export async function listGrants(
  deps: Deps,
  live: LiveSession,
  incidentId: string,
  raw: RawPaging,
): Promise<Page<Grant>> {
  const paging = pagingOf(raw, 'sgr');
  const owned = ownedBy(live, incidentId);
  return pageOf(paging, async (after, limit) => orRefused(await deps.store.grants.list(owned, after, limit)));
}

/** @throws Fault `sharing_grant_not_found` */
export async function readGrant(deps: Deps, { account }: LiveSession, id: string): Promise<Grant> {
  const found = isId('sgr', id) ? await deps.store.grants.find(account.id, id) : undefined;
  return orRefused(found ?? 'sharing_grant_not_found');
}

/**
 * Ends a grant: no key that was wrapped under it is given out any more. Again, it answers the first.
 * @throws Fault `sharing_grant_not_found`
 */
export async function revokeGrant(
  deps: Deps,
  origin: Origin,
  { account }: LiveSession,
  id: string,
): Promise<Grant> {
  if (!isId('sgr', id)) throw new Fault('sharing_grant_not_found');
  const audit = auditEntry(deps, origin, 'sharing_grant_revoke', 'ok', { subjectId: id });
  const revoked = await deps.store.grants.revoke(account.id, id, deps.now(), audit);
  return orRefused(revoked ?? 'sharing_grant_not_found');
}
