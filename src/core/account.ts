/** What an account may do with itself. */
import { hashPassword, verifyPassword } from '../crypto/passwords.ts';
import type { Account, LiveSession } from '../store/accounts.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { countWrong, requireNotPaused } from './factors.ts';
import { Fault } from './faults.ts';
import { accountPasswordOf } from './identity.ts';

/**
 * Changes the account's own password; every other session of it ends.
 * A wrong current password counts like a wrong code: a stolen session must not be good for guessing it.
 * @throws Fault `invalid_credentials` when the current one is wrong, `invalid_password`, `rate_limited`
 */
export async function changePassword(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  request: { readonly current: unknown; readonly next: unknown },
): Promise<Account> {
  const next = accountPasswordOf(request.next);
  // One after the other: a burst would be judged before its first failure is written down.
  return deps.turns.take(`password_change ${live.account.id}`, () =>
    changeInTurn(deps, origin, live, request.current, next),
  );
}

async function changeInTurn(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  given: unknown,
  next: string,
): Promise<Account> {
  const { accounts } = deps.store;
  const wrong = () => new Fault('invalid_credentials', { message: 'current password is invalid' });
  await requireNotPaused(deps, live);
  const phc = await accounts.phcOf(live.account.id);
  const current = typeof given === 'string' ? given : '';
  if (phc === undefined || !(await verifyPassword(deps.hasher.argon2id, phc, current))) {
    await countWrong(deps, origin, live, 'password_change');
    throw wrong();
  }
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
