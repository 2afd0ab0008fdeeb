/** Which passwords an account may get: their length always, and what is guessed first where the operator says so. */
import type { Deps } from './deps.ts';
import { errorFields, Fault } from './faults.ts';
import { accountPasswordOf } from './identity.ts';
import { isObvious } from './password-shape.ts';

/** Passwords that are known: common ones, or breached ones. */
export interface PasswordList {
  /** Whether a password is in the list. It is told to nobody, and not kept. Throws where the list cannot be searched. */
  has(password: string): Promise<boolean>;
}

/** Whose password it is to be. */
export interface Owner {
  readonly username: string;
  readonly email?: string | undefined;
}

/**
 * A password that an account may get, exactly as given.
 * @throws Fault `invalid_password` for one of the wrong length, and, where the operator named a list or words, for one
 *   that is in the list or easy to guess from the account's name and address, or from words of the operator's;
 *   `storage_unavailable` while the list cannot be searched: what it would refuse is not let in meanwhile
 */
export async function newPasswordOf(
  { settings, passwordList, log }: Pick<Deps, 'settings' | 'passwordList' | 'log'>,
  value: unknown,
  owner: Owner,
): Promise<string> {
  const password = accountPasswordOf(value);
  const { listFile, words } = settings.auth.passwords;
  if (listFile === undefined && words === undefined) return password;
  if (isObvious(password, { ...owner, words: words ?? [] })) {
    throw new Fault('invalid_password', {
      message: 'the password is easy to guess from names and words that are known here: choose another',
    });
  }
  const known = await passwordList?.has(password).catch((thrown: unknown) => {
    log.write('error', 'the list of passwords cannot be searched', errorFields(thrown));
    throw new Fault('storage_unavailable', { retryAfterSeconds: 60 });
  });
  if (known === true) {
    throw new Fault('invalid_password', {
      message: 'the password is one of those that are tried first: choose another',
    });
  }
  return password;
}
