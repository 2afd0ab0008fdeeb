/** Public keys of the people whom an account shares with, in versions: at most one of a contact is in use. */
import type { LiveSession } from '../store/accounts.ts';
import type { ContactKey, NewContactKey } from '../store/sharing.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { keyRecords } from './key-records.ts';
import { orRefused } from './owned.ts';
import { AGE_V1, namedId, type PublicKeyForm, publicKeyOf } from './public-keys.ts';

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

/** Every version of every contact. */
export const contactKeys = keyRecords<ContactKey>({
  prefix: 'cpk',
  missing: 'contact_public_key_not_found',
  changed: 'contact_key_change',
  ended: 'contact_key_end',
  of: (store) => store.contactKeys,
});

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
  contactKeys.requireId(id);
  const audit = auditEntry(deps, origin, 'contact_key_create', 'ok', { subjectId: key.id });
  return orRefused(await deps.store.contactKeys.replace(live.account.id, id, key, audit));
}
