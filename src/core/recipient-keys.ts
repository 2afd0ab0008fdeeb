/** Public keys of the account itself and of its devices, in versions: at most one of a recipient is in use. */
import type { LiveSession } from '../store/accounts.ts';
import type { NewRecipientKey, RecipientKey } from '../store/sharing.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { isId, newId } from './ids.ts';
import { keylessText } from './key-material.ts';
import { orRefused } from './owned.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { AGE_V1, keyChangeOf, type PublicKeyForm, publicKeyOf } from './public-keys.ts';
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

/** @throws Fault `account_recipient_key_not_found` */
function requireId(id: string): void {
  if (!isId('ark', id)) throw new Fault('account_recipient_key_not_found');
}

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
 * Every version of every recipient in the order of creation, those that ended too.
 * @throws Fault `invalid_cursor`, `invalid_limit`
 */
export async function listRecipientKeys(
  deps: Deps,
  { account }: LiveSession,
  raw: RawPaging,
): Promise<Page<RecipientKey>> {
  return pageOf(pagingOf(raw, 'ark'), (after, limit) =>
    deps.store.recipientKeys.list(account.id, after, limit),
  );
}

/** @throws Fault `account_recipient_key_not_found` */
export async function readRecipientKey(
  deps: Deps,
  { account }: LiveSession,
  id: string,
): Promise<RecipientKey> {
  requireId(id);
  return orRefused(
    (await deps.store.recipientKeys.find(account.id, id)) ?? 'account_recipient_key_not_found',
  );
}

/**
 * Changes the label, or makes a pending key active; there is no way back.
 * @throws Fault `invalid_display_label`, `invalid_key_state`, `account_recipient_key_not_found`,
 *   `invalid_account_recipient_key_state` also for a key that has ended
 */
export async function changeRecipientKey(
  deps: Deps,
  origin: Origin,
  { account }: LiveSession,
  id: string,
  form: Pick<PublicKeyForm, 'displayLabel' | 'keyState'>,
): Promise<RecipientKey> {
  const change = keyChangeOf(form);
  requireId(id);
  const audit = auditEntry(deps, origin, 'recipient_key_change', 'ok', { subjectId: id });
  return orRefused(await deps.store.recipientKeys.change(account.id, id, change, deps.now(), audit));
}

/**
 * Ends a key. Again in the same way, it answers the first.
 * @throws Fault `account_recipient_key_not_found`, `invalid_account_recipient_key_state` for one that ended otherwise
 */
export async function endRecipientKey(
  deps: Deps,
  origin: Origin,
  { account }: LiveSession,
  id: string,
  as: 'revoked' | 'lost',
): Promise<RecipientKey> {
  requireId(id);
  const audit = auditEntry(deps, origin, 'recipient_key_end', 'ok', { subjectId: id });
  return orRefused(await deps.store.recipientKeys.end(account.id, id, as, deps.now(), audit));
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
  requireId(id);
  const audit = auditEntry(deps, origin, 'recipient_key_create', 'ok', { subjectId: key.id });
  return orRefused(await deps.store.recipientKeys.replace(live.account.id, id, key, audit));
}
