/** What an account may do with itself. */
import { hashPassword, verifyPassword } from '../crypto/passwords.ts';
import type { Account, LiveSession } from '../store/accounts.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { accountPasswordOf } from './identity.ts';

/**
 * Changes the account's own password; every other session of it ends.
 * @throws Fault `invalid_credentials` when the current one is wrong, `invalid_password`
 */
export async function changePassword(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  request: { readonly current: unknown; readonly next: unknown },
): Promise<Account> {
  const { accounts } = deps.store;
  const wrong = () => new Fault('invalid_credentials', { message: 'current password is invalid' });
  const next = accountPasswordOf(request.next);
  const phc = await accounts.phcOf(live.account.id);
  const current = typeof request.current === 'string' ? request.current : '';
  if (phc === undefined || !(await verifyPassword(deps.hasher.argon2id, phc, current))) throw wrong();
  const changed = await accounts.setPassword({
    accountId: live.account.id,
    expected: phc,
    phc: await hashPassword(deps.hasher.argon2id, next, deps.random),
    keepSessionId: live.session.id,
    now: deps.now(),
    audit: auditEntry(deps, origin, 'password_change', 'ok', { subjectAccountId: live.account.id }),
  });
  if (changed === undefined) throw wrong();
  return changed.account;
}
