/** What an account may do with itself: its password and its sessions. */
import { hashPassword, verifyPassword } from '../crypto/passwords.ts';
import type { Account, LiveSession, Session } from '../store/accounts.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { type ByPassword, countWrong, requireNotPaused } from './factors.ts';
import { Fault } from './faults.ts';
import { isId } from './ids.ts';
import { type Page, pageOf, pagingOf, type RawPaging } from './paging.ts';
import { newPasswordOf } from './password-rules.ts';

const wrongPassword = () => new Fault('invalid_credentials', { message: 'current password is invalid' });

/**
 * Does what asks for the account's own password once more, since a session may be in other hands than its owner's.
 * A wrong one counts like a wrong code: a stolen session must not be good for guessing it.
 * @param act is given the PHC string that the password proved right against
 * @throws Fault `invalid_credentials` when it is wrong, `rate_limited`, `service_busy`
 */
async function byPassword<T>(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  request: { readonly action: ByPassword; readonly password: unknown },
  act: (phc: string) => Promise<T>,
): Promise<T> {
  // One after the other: a burst would be judged before its first failure is written down.
  return deps.turns.take(`password_change ${live.account.id}`, async () => {
    await requireNotPaused(deps, live);
    const phc = await deps.store.accounts.phcOf(live.account.id);
    const given = typeof request.password === 'string' ? request.password : '';
    if (phc === undefined || !(await verifyPassword(deps.hasher.argon2id, phc, given))) {
      await countWrong(deps, origin, live, request.action);
      throw wrongPassword();
    }
    return act(phc);
  });
}

/**
 * Changes the account's own password; every other session of it ends.
 * @throws Fault `invalid_credentials` when the current one is wrong, `invalid_password`, `rate_limited`
 */
export async function changePassword(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  request: { readonly current: unknown; readonly next: unknown },
): Promise<Account> {
  const next = await newPasswordOf(deps, request.next, live.account);
  const asked = { action: 'password_change', password: request.current } as const;
  return byPassword(deps, origin, live, asked, async (phc) => {
    const changed = await deps.store.accounts.setPassword({
      accountId: live.account.id,
      expected: phc,
      phc: await hashPassword(deps.hasher.argon2id, next, deps.random),
      keepSessionId: live.session.id,
      now: deps.now(),
      audit: auditEntry(deps, origin, 'password_change', 'ok', { subjectAccountId: live.account.id }),
    });
    if (changed === undefined) throw wrongPassword();
    return changed.account;
  });
}

/** The account's own live sessions, newest first. @throws Fault `invalid_cursor`, `invalid_limit` */
export async function ownSessions(
  deps: Deps,
  { account }: LiveSession,
  raw: RawPaging,
): Promise<Page<Session>> {
  const now = deps.now();
  return pageOf(pagingOf(raw, 'ses'), (before, limit) =>
    deps.store.accounts.sessions(account.id, now, before, limit),
  );
}

/**
 * Ends one of the account's own sessions, this one too.
 * @throws Fault `session_not_found` for one that has ended, is somebody else's or never was; `invalid_credentials`,
 *   `rate_limited`, `service_busy`
 */
export async function endOwnSession(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  request: { readonly id: string; readonly password: unknown },
): Promise<void> {
  const asked = { action: 'session_revoke', password: request.password } as const;
  await byPassword(deps, origin, live, asked, async () => {
    if (!isId('ses', request.id)) throw new Fault('session_not_found');
    const subject = { subjectAccountId: live.account.id, subjectId: request.id };
    const entry = auditEntry(deps, origin, 'session_revoke', 'ok', subject);
    const ended = await deps.store.accounts.endSession(live.account.id, request.id, deps.now(), entry);
    if (!ended) throw new Fault('session_not_found');
  });
}

/**
 * Ends every session of the account but this one.
 * @returns how many of them were live
 * @throws Fault `invalid_credentials`, `rate_limited`, `service_busy`; `authentication_required` where this session
 *   ended meanwhile, and then the others are left alone
 */
export async function endOtherSessions(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  password: unknown,
): Promise<number> {
  return byPassword(deps, origin, live, { action: 'sessions_revoke', password }, async () => {
    const entry = auditEntry(deps, origin, 'sessions_revoke', 'ok', { subjectAccountId: live.account.id });
    const { accounts } = deps.store;
    const ended = await accounts.revokeSessions(live.account.id, deps.now(), entry, live.session.id);
    if (ended === undefined) throw new Fault('authentication_required');
    return ended;
  });
}
