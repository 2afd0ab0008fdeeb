/** What a username, a password and a role may look like. */
import type { Role } from '../store/accounts.ts';
import { Fault } from './faults.ts';

export const PASSWORD_LEAST_BYTES = 12;
/** Enough for any passphrase; a bound only so that hashing cannot be made to read megabytes. */
export const PASSWORD_MOST_BYTES = 256;

const USERNAME = /^[a-z0-9._@-]{3,64}$/;

/** Trimmed, in lower case. @throws Fault `invalid_username` */
export function usernameOf(value: unknown): string {
  const name = typeof value === 'string' ? value.trim().toLowerCase() : '';
  if (!USERNAME.test(name)) throw new Fault('invalid_username');
  return name;
}

/** Whether a text can be somebody's name, as it was typed. */
export function isUsername(text: string): boolean {
  return USERNAME.test(text.trim().toLowerCase());
}

/** Longer texts are nobody's name; what is looked for has a bound. */
const SOUGHT_MOST = 256;

/**
 * A text of any kind as a name that is looked for: trimmed, in lower case, of bounded length. What no database takes
 * as text (U+0000, half a surrogate pair) becomes U+FFFD, which is in nobody's name either: whoever sends it is to go
 * the way of everybody with a wrong name.
 */
export function soughtName(text: string): string {
  return text.trim().toLowerCase().slice(0, SOUGHT_MOST).replaceAll('\0', '\ufffd').toWellFormed();
}

/** A password for an account, exactly as given. @throws Fault `invalid_password` */
export function accountPasswordOf(value: unknown): string {
  const bytes =
    typeof value === 'string' && value.isWellFormed() ? new TextEncoder().encode(value).length : 0;
  if (bytes < PASSWORD_LEAST_BYTES || bytes > PASSWORD_MOST_BYTES) {
    throw new Fault('invalid_password', {
      message: `a password must have ${PASSWORD_LEAST_BYTES} to ${PASSWORD_MOST_BYTES} bytes`,
    });
  }
  return value as string;
}

/** @throws Fault `invalid_role` */
export function roleOf(value: unknown): Role {
  if (value !== 'user' && value !== 'admin') throw new Fault('invalid_role');
  return value;
}
