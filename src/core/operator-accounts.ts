/** What an admin may do with accounts. Everything here is audited with its change, as ids. */
import { hashPassword } from '../crypto/passwords.ts';
import type { Account, AdminChange, LiveSession, Recovery } from '../store/accounts.ts';
import type { AuditAction } from '../store/audit.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { accountPasswordOf, roleOf, usernameOf } from './identity.ts';
import { newPasswordOf } from './password-rules.ts';
import { newAccount } from './registration.ts';

export const RECOVERY_REASONS = [
  'lost_email_access',
  'lost_totp_device',
  'lost_webauthn_credential',
  'lost_all_factors',
  'admin_created_setup',
  'operator_review',
] as const;
export type RecoveryReason = (typeof RECOVERY_REASONS)[number];

export interface Changed {
  readonly account: Account;
  readonly sessionsRevoked: number;
}

const entryFor = (deps: Deps, origin: Origin, action: AuditAction, accountId: string) =>
  auditEntry(deps, origin, action, 'ok', { subjectAccountId: accountId });

function done(change: AdminChange): Changed {
  if (change.kind !== 'done') throw new Fault(change.kind);
  return change;
}

/**
 * A new account, active, with its second factor still to be set up.
 * @throws Fault `invalid_username`, `invalid_password`, `invalid_role`, `username_conflict`
 */
export async function createAccount(
  deps: Deps,
  origin: Origin,
  request: { readonly username: unknown; readonly password: unknown; readonly role: unknown },
): Promise<Account> {
  const username = usernameOf(request.username);
  const password = await newPasswordOf(deps, request.password, { username });
  const role = roleOf(request.role);
  const account = await newAccount(deps, { username, password, role, state: 'active' });
  if (!(await deps.store.accounts.create(account, entryFor(deps, origin, 'account_create', account.id)))) {
    throw new Fault('username_conflict');
  }
  // With an admin there is nothing left to bootstrap.
  if (role === 'admin') await deps.bootstrap.spent();
  const { phc: _, ...made } = account;
  return made;
}

/** A new password from an admin; all sessions of the account end. @throws Fault `invalid_password`, `account_not_found` */
export async function resetPassword(
  deps: Deps,
  origin: Origin,
  accountId: string,
  password: unknown,
): Promise<Changed> {
  // A password of the wrong length is told first, as ever, whoever it is for.
  accountPasswordOf(password);
  const account = await deps.store.accounts.byId(accountId);
  if (account === undefined) throw new Fault('account_not_found');
  const chosen = await newPasswordOf(deps, password, account);
  const changed = await deps.store.accounts.setPassword({
    accountId,
    phc: await hashPassword(deps.hasher.argon2id, chosen, deps.random),
    now: deps.now(),
    audit: entryFor(deps, origin, 'account_password_reset', accountId),
  });
  if (changed === undefined) throw new Fault('account_not_found');
  return changed;
}

/** @throws Fault `last_admin` for oneself and for the last active admin, `account_not_found` */
export async function disableAccount(
  deps: Deps,
  origin: Origin,
  by: LiveSession | undefined,
  accountId: string,
): Promise<Changed> {
  if (by?.account.id === accountId) throw new Fault('last_admin');
  const entry = entryFor(deps, origin, 'account_disable', accountId);
  return done(await deps.store.accounts.setState(accountId, 'disabled', deps.now(), entry));
}

/** @throws Fault `account_not_found` */
export async function enableAccount(deps: Deps, origin: Origin, accountId: string): Promise<Changed> {
  const entry = entryFor(deps, origin, 'account_enable', accountId);
  return done(await deps.store.accounts.setState(accountId, 'active', deps.now(), entry));
}

/** @throws Fault `invalid_role`, `last_admin`, `account_not_found` */
export async function changeRole(
  deps: Deps,
  origin: Origin,
  accountId: string,
  role: unknown,
): Promise<Changed> {
  const entry = entryFor(deps, origin, 'account_role', accountId);
  const changed = done(await deps.store.accounts.setRole(accountId, roleOf(role), deps.now(), entry));
  if (changed.account.role === 'admin') await deps.bootstrap.spent();
  return changed;
}

/** Ends all sessions of an account. @returns how many. @throws Fault `account_not_found` */
export async function revokeSessions(deps: Deps, origin: Origin, accountId: string): Promise<number> {
  const entry = entryFor(deps, origin, 'sessions_revoke', accountId);
  const revoked = await deps.store.accounts.revokeSessions(accountId, deps.now(), entry);
  if (revoked === undefined) throw new Fault('account_not_found');
  return revoked;
}

export interface RecoveryReset extends Recovery {
  readonly id: string;
  readonly reason: RecoveryReason;
  readonly at: number;
}

/**
 * Takes every second factor and session away, so that the account sets up anew. Passwords, keys and incidents stay.
 * @throws Fault `invalid_recovery_reason`, `account_not_found`
 */
export async function resetFactors(
  deps: Deps,
  origin: Origin,
  accountId: string,
  reason: unknown,
): Promise<RecoveryReset> {
  const known = RECOVERY_REASONS.find((candidate) => candidate === reason);
  if (known === undefined) throw new Fault('invalid_recovery_reason');
  const entry = auditEntry(deps, origin, 'recovery_reset', 'ok', {
    subjectAccountId: accountId,
    subjectId: known,
  });
  const reset = await deps.store.accounts.resetFactors(accountId, deps.now(), entry);
  if (reset === undefined) throw new Fault('account_not_found');
  return { ...reset, id: entry.id, reason: known, at: entry.at };
}
