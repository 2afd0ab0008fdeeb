/** Public keys of the account itself and of its devices, in versions: at most one of a recipient is in use. */
import type { LiveSession } from '../store/accounts.ts';
import type { NewRecipientKey, RecipientKey } from '../store/sharing.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { newId } from './ids.ts';
import { keylessText } from './key-material.ts';
import { keyRecords } from './key-records.ts';
import { orRefused } from './owned.ts';
import { AGE_V1, type PublicKeyForm, publicKeyOf } from './public-keys.ts';
import { type TextRule, wordOf } from './text-fields.ts';

/** What is asked for, unchecked. */
export interface RecipientKeyForm extends PublicKeyForm {
  readonly keyId: unknown;
  readonly scheme: unknown;
  readonly suiteId: unknown;
}

type KeyOfRecipient = Omit<NewRecipientKey, 'recipientId' | 'recipientType'>;

const RECIPIENT_ID: TextRule = { fault: 'invalid_recipient_id', mostBytes: 255 };
const KEY_ID: TextRule = { fault: 'invalid_key_id', mostBytes: 255 };

function keyOf(deps: Deps, { account }: LiveSession, form: RecipientKeyForm): KeyOfRecipient {
  const keyId = keylessText(form.keyId, KEY_ID);
  if (keyId === undefined) throw new Fault('invalid_key_id');
  if (form.scheme !== AGE_V1) throw new Fault('invalid_scheme');
  const { suiteId } = form;
  if (suiteId !== 'x25519' && suiteId !== 'mlkem768x25519') throw new Fault('invalid_suite_id');
  const { kind, ...key } = publicKeyOf(form);
  if (kind !== suiteId) throw new Fault('invalid_suite_id');
  return {
    ...key,
    id: newId('ark', deps),
    ownerAccountId: account.id,
    keyId,
    scheme: AGE_V1,
    suiteId,
    createdAt: deps.now(),
  };
}

/** Every version of every recipient. */
export const recipientKeys = keyRecords<RecipientKey>({
  prefix: 'ark',
  missing: 'account_recipient_key_not_found',
  changed: 'recipient_key_change',
  ended: 'recipient_key_end',
  of: (store) => store.recipientKeys,
});

/**
 * Keeps the first key of a recipient.
 * @throws Fault in this order: `invalid_recipient_type`, `invalid_recipient_id`, `invalid_key_id`, `invalid_scheme`,
 *   `invalid_suite_id`, those of {@link publicKeyOf}, `invalid_suite_id` for a key of the other suite,
 *   `account_recipient_key_duplicate`
 */
export async function createRecipientKey(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  form: RecipientKeyForm & { readonly recipientType: unknown; readonly recipientId: unknown },
): Promise<RecipientKey> {
  const recipientType = wordOf(form.recipientType, ['account', 'device'], 'invalid_recipient_type');
  if (recipientType === undefined) throw new Fault('invalid_recipient_type');
  const recipientId = keylessText(form.recipientId, RECIPIENT_ID) ?? newId('arcp', deps);
  const key = { ...keyOf(deps, live, form), recipientType, recipientId };
  const audit = auditEntry(deps, origin, 'recipient_key_create', 'ok', { subjectId: key.id });
  return orRefused(await deps.store.recipientKeys.create(key, audit));
}

/**
 * Puts a new key in the place of one that has not ended: the next version of the same recipient.
 * @throws Fault as {@link createRecipientKey} but for the recipient, `account_recipient_key_not_found`,
 *   `invalid_account_recipient_key_state`
 */
export async function replaceRecipientKey(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  id: string,
  form: RecipientKeyForm,
): Promise<RecipientKey> {
  const key = keyOf(deps, live, form);
  recipientKeys.requireId(id);
  const audit = auditEntry(deps, origin, 'recipient_key_create', 'ok', { subjectId: key.id });
  return orRefused(await deps.store.recipientKeys.replace(live.account.id, id, key, audit));
}
