/** Registration by anybody. Whether a name or an address is taken is told to nobody. */
import { hashPassword } from '../crypto/passwords.ts';
import { randomToken, tokenHash } from '../crypto/tokens.ts';
import type { NewAccount } from '../store/accounts.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { usernameOf } from './identity.ts';
import { newId } from './ids.ts';
import { parseEmail, verificationMail } from './mail.ts';
import { mailToKeep, sendKept } from './outbox.ts';
import { newPasswordOf } from './password-rules.ts';

export interface RegistrationRequest {
  readonly username: unknown;
  readonly email: unknown;
  readonly password: unknown;
}

/** @throws Fault `invalid_email` */
export function emailOf(value: unknown): string {
  const email = typeof value === 'string' ? parseEmail(value) : undefined;
  if (email === undefined) throw new Fault('invalid_email');
  return email;
}

/** An account that is not stored yet. */
export async function newAccount(
  deps: Deps,
  given: Pick<NewAccount, 'username' | 'role' | 'state'> & {
    readonly password: string;
    readonly email?: string;
  },
): Promise<NewAccount> {
  const { password, ...rest } = given;
  const phc = await hashPassword(deps.hasher.argon2id, password, deps.random);
  const now = deps.now();
  const times = { createdAt: now, updatedAt: now, passwordChangedAt: now };
  return { id: newId('acct', deps), setup: 'setup_required', ...rest, ...times, phc };
}

/**
 * Takes a registration. What comes of it is mailed, never answered.
 * @throws Fault `registration_disabled`, `registration_payment_unavailable`, and those of the fields
 */
export async function register(deps: Deps, origin: Origin, request: RegistrationRequest): Promise<void> {
  const { mode, emailVerificationTtlMs, publicWebOrigin } = deps.settings.registration;
  if (mode === 'paid') throw new Fault('registration_payment_unavailable');
  if (mode !== 'open') throw new Fault('registration_disabled');
  const username = usernameOf(request.username);
  const email = emailOf(request.email);
  const password = await newPasswordOf(deps, request.password, { username, email });

  const account = await newAccount(deps, {
    username,
    email,
    password,
    role: 'user',
    state: 'pending_email_verification',
  });
  const token = randomToken(deps.random);
  const now = deps.now();
  const verification = {
    tokenHash: tokenHash(token),
    accountId: account.id,
    email,
    createdAt: now,
    expiresAt: now + emailVerificationTtlMs,
  };
  const entry = auditEntry(deps, origin, 'register', 'ok');
  // Sealed before anybody knows whether it is wanted, and kept with the token: what 202 promises outlives a crash.
  const message = verificationMail(email, publicWebOrigin ?? '', token, emailVerificationTtlMs);
  const letter = await mailToKeep(deps, message);
  const { kind, kept } = await deps.store.accounts.register(account, verification, entry, letter);
  if (kind === 'taken') return;
  // After the answer, so that its time does not tell whether there was something to mail.
  deps.background('verification_mail', () => sendKept(deps, letter, message, kept === true));
}

/** Spends a verification token. @throws Fault `verification_token_invalid` */
export async function verifyRegistration(deps: Deps, origin: Origin, token: unknown): Promise<void> {
  const hash = tokenHash(typeof token === 'string' ? token : '');
  const entry = auditEntry(deps, origin, 'email_verify', 'ok');
  const account = await deps.store.accounts.verifyEmail(hash, deps.now(), entry);
  if (account === undefined) throw new Fault('verification_token_invalid');
}
