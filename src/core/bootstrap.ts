/** The first admin. There is a secret for exactly one use, and afterwards no way back here. */
import { equalBytes } from '../crypto/compare.ts';
import { sha256, utf8 } from '../crypto/hash.ts';
import { auditEntry } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { usernameOf } from './identity.ts';
import { newSession, type OpenedSession } from './login.ts';
import { newPasswordOf } from './password-rules.ts';
import { newAccount } from './registration.ts';

/** Where the one-time secret lies. */
export interface BootstrapSecret {
  /** Undefined where the operator has switched bootstrapping off. */
  current(): Promise<string | undefined>;
  /** There is an admin now: a secret of our own making is removed. */
  spent(): Promise<void>;
}

export interface BootstrapRequest {
  readonly secret: unknown;
  readonly username: unknown;
  readonly password: unknown;
}

/**
 * Makes the first admin and its session at the private door.
 * @throws Fault `bootstrap_closed` once there is an admin or where it is switched off, `bootstrap_secret_invalid`,
 *   `invalid_username`, `invalid_password`, `username_conflict`
 */
export async function bootstrap(deps: Deps, request: BootstrapRequest): Promise<OpenedSession> {
  const origin = { listener: 'admin', routeClass: 'admin_login', actorKind: 'visitor' } as const;
  const secret = await deps.bootstrap.current();
  if (secret === undefined || (await deps.store.accounts.adminExists())) throw new Fault('bootstrap_closed');
  const given = typeof request.secret === 'string' ? request.secret.trim() : '';
  // Hashed first, so that the comparison says nothing of the length either.
  if (!equalBytes(sha256(utf8(given)), sha256(utf8(secret)))) {
    await deps.store.audit.append(auditEntry(deps, origin, 'bootstrap', 'denied'));
    throw new Fault('bootstrap_secret_invalid');
  }
  const username = usernameOf(request.username);
  const password = await newPasswordOf(deps, request.password, { username });
  const account = await newAccount(deps, { username, password, role: 'admin', state: 'active' });
  const { token, session } = newSession(deps, account.id, 'admin_web');
  const entry = auditEntry(deps, origin, 'bootstrap', 'ok', { subjectAccountId: account.id });
  if (!(await deps.store.accounts.createFirstAdmin(account, session, entry))) {
    // Somebody else was faster, or somebody who is no admin has that name.
    throw new Fault((await deps.store.accounts.adminExists()) ? 'bootstrap_closed' : 'username_conflict');
  }
  await deps.bootstrap.spent();
  const { phc: _, ...made } = account;
  return { token, session, account: made, verificationRequired: false };
}
