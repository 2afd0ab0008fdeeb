/** Public keys of the people whom an account shares with, in versions: at most one of a contact is in use. */
import type { LiveSession } from '../store/accounts.ts';
import type { ContactKey, NewContactKey } from '../store/sharing.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { orRefused } from './owned.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { AGE_V1, keyChangeOf, namedId, type PublicKeyForm, publicKeyOf } from './public-keys.ts';

/** What is asked for, unchecked. */
export interface ContactKeyForm extends PublicKeyForm {
  readonly recipientAccountId: unknown;
  readonly wrappingAlgorithm: unknown;
}

type KeyOfContact = Omit<NewContactKey, 'contactId' | 'freshContactId'>;

/** Whether the account exists is told to nobody: it is a name that the owner gave. */
function recipientAccountOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !isId('acct', value)) throw new Fault('invalid_recipient_account_id');
  return value;
}

function keyOf(deps: Deps, { account }: LiveSession, form: ContactKeyForm): KeyOfContact {
  const recipientAccountId = recipientAccountOf(form.recipientAccountId);
  if (form.wrappingAlgorithm !== AGE_V1) throw new Fault('invalid_wrapping_algorithm');
  const { kind: _, ...key } = publicKeyOf(form);
  return {
    ...key,
    id: newId('cpk', deps),
    ownerAccountId: account.id,
    ...(recipientAccountId !== undefined && { recipientAccountId }),
    wrappingAlgorithm: AGE_V1,
    createdAt: deps.now(),
  };
}

/** @throws Fault `contact_public_key_not_found` */
function requireId(id: string): void {
  if (!isId('cpk', id)) throw new Fault('contact_public_key_not_found');
}

/**
 * Keeps a key of a new contact, or the next version of one that is there: earlier versions are replaced by it.
 * @throws Fault in this order: `invalid_recipient_account_id`, `invalid_wrapping_algorithm`, those of
 *   {@link publicKeyOf}, `contact_not_found`
 */
export async function createContactKey(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  form: ContactKeyForm & { readonly contactId: unknown },
): Promise<ContactKey> {
  const key = keyOf(deps, live, form);
  const contactId = namedId('ctc', form.contactId);
  const audit = auditEntry(deps, origin, 'contact_key_create', 'ok', { subjectId: key.id });
  const wanted = {
    ...key,
    ...(contactId !== undefined && { contactId }),
    freshContactId: newId('ctc', deps),
  };
  return orRefused(await deps.store.contactKeys.create(wanted, audit));
}

/**
 * Every version of every contact in the order of creation, those that ended too.
 * @throws Fault `invalid_cursor`, `invalid_limit`
 */
export async function listContactKeys(
  deps: Deps,
  { account }: LiveSession,
  raw: RawPaging,
): Promise<Page<ContactKey>> {
  return pageOf(pagingOf(raw, 'cpk'), (after, limit) =>
    deps.store.contactKeys.list(account.id, after, limit),
  );
}

/** @throws Fault `contact_public_key_not_found` */
export async function readContactKey(deps: Deps, { account }: LiveSession, id: string): Promise<ContactKey> {
  requireId(id);
  return orRefused((await deps.store.contactKeys.find(account.id, id)) ?? 'contact_public_key_not_found');
}

/**
 * Changes the label, or whether the key counts as verified.
 * @throws Fault `invalid_display_label`, `invalid_key_state`, `contact_public_key_not_found`,
 *   `invalid_contact_key_state` for a key that has ended
 */
export async function changeContactKey(
  deps: Deps,
  origin: Origin,
  { account }: LiveSession,
  id: string,
  form: Pick<PublicKeyForm, 'displayLabel' | 'keyState'>,
): Promise<ContactKey> {
  const change = keyChangeOf(form);
  requireId(id);
  const audit = auditEntry(deps, origin, 'contact_key_change', 'ok', { subjectId: id });
  return orRefused(await deps.store.contactKeys.change(account.id, id, change, deps.now(), audit));
}

/**
 * Ends a key: nothing that was wrapped for it is given out any more. Again in the same way, it answers the first.
 * @throws Fault `contact_public_key_not_found`, `invalid_contact_key_state` for one that ended otherwise
 */
export async function endContactKey(
  deps: Deps,
  origin: Origin,
  { account }: LiveSession,
  id: string,
  as: 'revoked' | 'lost',
): Promise<ContactKey> {
  requireId(id);
  const audit = auditEntry(deps, origin, 'contact_key_end', 'ok', { subjectId: id });
  return orRefused(await deps.store.contactKeys.end(account.id, id, as, deps.now(), audit));
}

/**
 * Puts a new key in the place of one that has not ended.
 * @throws Fault as {@link createContactKey} but for the contact, `contact_public_key_not_found`,
 *   `invalid_contact_key_state`
 */
export async function replaceContactKey(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  id: string,
  form: ContactKeyForm,
): Promise<ContactKey> {
  const key = keyOf(deps, live, form);
  requireId(id);
  const audit = auditEntry(deps, origin, 'contact_key_create', 'ok', { subjectId: key.id });
  return orRefused(await deps.store.contactKeys.replace(live.account.id, id, key, audit));
}
