/** Public keys as clients send them: what contact keys and the account's own recipient keys have in common. */
import { type RecipientKind, recipientKind } from '../crypto/age-recipient.ts';
import { sha256Hex } from '../crypto/hash.ts';
import type { KeyChange, NewKeyState } from '../store/sharing.ts';
import { Fault } from './faults.ts';
import { type IdPrefix, isId } from './ids.ts';
import { keylessText } from './key-material.ts';
import { type TextRule, wordOf } from './text-fields.ts';

/** How keys are wrapped: an age file, version 1 of its format. */
export const AGE_V1 = 'age-v1';

const DISPLAY_LABEL: TextRule = { fault: 'invalid_display_label', mostBytes: 200 };
const NEW_STATES: readonly NewKeyState[] = ['pending_verification', 'active'];

/** What is asked for, unchecked. */
export interface PublicKeyForm {
  readonly publicKey: unknown;
  readonly fingerprint: unknown;
  readonly displayLabel: unknown;
  readonly keyState: unknown;
}

export interface CheckedKey {
  readonly kind: RecipientKind;
  readonly publicKey: string;
  readonly fingerprint: string;
  readonly displayLabel?: string;
  readonly state: NewKeyState;
}

/** Lower-case hex SHA-256 of a recipient as it is written: what people compare over another channel. */
export const fingerprintOf = (publicKey: string): string => sha256Hex(publicKey);

/**
 * A public key, and the fingerprint that its sender computed of it: a key that was mangled or exchanged on its way
 * is not kept.
 * @throws Fault in this order: `invalid_public_key`, `invalid_public_key_fingerprint`, `invalid_display_label`,
 *   `invalid_key_state`
 */
export function publicKeyOf(form: PublicKeyForm): CheckedKey {
  const { publicKey } = form;
  const kind = typeof publicKey === 'string' ? recipientKind(publicKey) : undefined;
  if (typeof publicKey !== 'string' || kind === undefined) throw new Fault('invalid_public_key');
  const fingerprint = fingerprintOf(publicKey);
  if (form.fingerprint !== fingerprint) throw new Fault('invalid_public_key_fingerprint');
  const displayLabel = keylessText(form.displayLabel, DISPLAY_LABEL);
  const state = wordOf(form.keyState, NEW_STATES, 'invalid_key_state') ?? 'pending_verification';
  return { kind, publicKey, fingerprint, ...(displayLabel !== undefined && { displayLabel }), state };
}

/**
 * A change of a key record. An absent member stays as it is; a label that is null or empty goes.
 * @throws Fault `invalid_display_label`, `invalid_key_state`
 */
export function keyChangeOf(form: Pick<PublicKeyForm, 'displayLabel' | 'keyState'>): KeyChange {
  const displayLabel = keylessText(form.displayLabel, DISPLAY_LABEL) ?? null;
  const state = wordOf(form.keyState, NEW_STATES, 'invalid_key_state');
  return {
    ...(form.displayLabel !== undefined && { displayLabel }),
    ...(state !== undefined && { state }),
  };
}

/**
 * The id of something else that a request names, for the store to find or not. Absent and null name nothing. What is
 * no id of that kind becomes one that nothing has, so that it narrows what is asked for, and never widens it.
 */
export function namedId(prefix: IdPrefix, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' && isId(prefix, value) ? value : NOTHING;
}

const NOTHING = '';
