/**
 * Logging in and out. An unknown name, a wrong password and an account that is shut take the same way, cost the
 * same and look the same.
 */
import { hashPassword, needsRehash, verifyPassword } from '../crypto/passwords.ts';
import { randomToken, tokenHash } from '../crypto/tokens.ts';
import type { Account, LiveSession, NewSession, SessionKind } from '../store/accounts.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { soughtName } from './identity.ts';
import { newId } from './ids.ts';
import { idleAt, noteUse } from './session-use.ts';

/** A well-formed PHC string that no password matches: what an unknown name is verified against. */
const NOBODY = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;

const FAILURE_WINDOW_MS = 15 * 60_000;
/** Failures of one name after which each further try waits. */
const FREE_FAILURES = 10;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8_000;

export interface OpenedSession {
  /** The raw token; it leaves once. */
  readonly token: string;
  readonly session: NewSession;
  readonly account: Account;
  /** Whether the session must pass a second factor before it is good for anything. */
  readonly verificationRequired: boolean;
}

export interface LoginRequest {
  readonly username: unknown;
  readonly password: unknown;
  readonly kind: SessionKind;
  /** Refuses the account after its password proved right, before a session exists. */
  readonly permit?: (account: Account) => void;
}

const pause = (deps: Deps, ms: number) => new Promise<void>((resolve) => deps.after(ms, resolve));

/** Slows down a name that is being guessed at, existing or not, without shutting anybody out. */
async function slowDown(deps: Deps, failures: number): Promise<void> {
  if (failures < FREE_FAILURES) return;
  await pause(deps, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(10, failures - FREE_FAILURES)));
}

/** A session that is not stored yet. */
export function newSession(
  deps: Deps,
  accountId: string,
  kind: SessionKind,
): { token: string; session: NewSession } {
  const token = randomToken(deps.random);
  const now = deps.now();
  const disused = idleAt(deps, kind, now);
  return {
    token,
    session: {
      id: newId('ses', deps),
      accountId,
      kind,
      createdAt: now,
      expiresAt: now + deps.settings.auth.sessionTtlMs,
      lastSeenAt: now,
      ...(disused !== undefined && { idleAt: disused }),
      tokenHash: tokenHash(token),
    },
  };
}

/** The stored hash of a password that proved right, made anew where it costs less than new ones do. */
async function freshHash(deps: Deps, accountId: string, phc: string, password: string): Promise<string> {
  if (!needsRehash(phc)) return phc;
  const stronger = await hashPassword(deps.hasher.argon2id, password, deps.random);
  if (await deps.store.accounts.rehash(accountId, phc, stronger)) return stronger;
  // Another login was faster: then that one's hash is the stored one, if it still is of this password.
  const stored = (await deps.store.accounts.phcOf(accountId)) ?? phc;
  return (await verifyPassword(deps.hasher.argon2id, stored, password)) ? stored : phc;
}

/**
 * Opens a session for a name and its password.
 * @throws Fault `invalid_credentials`, `email_verification_required` (after a right password only), `service_busy`,
 *   and what `permit` throws.
 */
export async function login(deps: Deps, origin: Origin, request: LoginRequest): Promise<OpenedSession> {
  const { accounts } = deps.store;
  // A name of the wrong shape goes the same way as one that nobody has.
  const name = typeof request.username === 'string' ? soughtName(request.username) : '';
  const password =
    typeof request.password === 'string' && request.password !== '' ? request.password.slice(0, 1024) : '-';
  const nameKey = deps.keys.macHex('login-throttle', name);

  const before = await accounts.loginFailures(nameKey, deps.now(), FAILURE_WINDOW_MS);
  await slowDown(deps, before);
  const known = await accounts.byUsername(name);
  const right = await verifyPassword(deps.hasher.argon2id, known?.phc ?? NOBODY, password);
  const mayAuthenticate =
    known?.account.state === 'active' || known?.account.state === 'pending_email_verification';
  if (!right || known === undefined || !mayAuthenticate) {
    const subject = known && { subjectAccountId: known.account.id };
    const entry = auditEntry(deps, origin, 'login', 'denied', subject);
    const failures = await accounts.recordLoginFailure(nameKey, deps.now(), FAILURE_WINDOW_MS, entry);
    // Tries that came all at once saw no failures before; they wait for their answer instead.
    if (before < FREE_FAILURES) await slowDown(deps, failures);
    throw new Fault('invalid_credentials');
  }

  const { account } = known;
  try {
    if (account.state === 'pending_email_verification') throw new Fault('email_verification_required');
    request.permit?.(account);
  } catch (refusal) {
    await deps.store.audit.append(
      auditEntry(deps, origin, 'login', 'denied', { subjectAccountId: account.id }),
    );
    throw refusal;
  }
  const phc = await freshHash(deps, account.id, known.phc, password);
  const { token, session } = newSession(deps, account.id, request.kind);
  const subject = { subjectAccountId: account.id, subjectId: session.id };
  const entry = auditEntry(deps, { ...origin, actorAccountId: account.id }, 'login', 'ok', subject);
  // Disabled, or another password, while this one was checked: as if it had been so before.
  if (!(await accounts.openSession(session, phc, entry))) throw new Fault('invalid_credentials');
  await accounts.clearLoginFailures(nameKey);
  const live = await accounts.liveSession(session.tokenHash, deps.now());
  return { token, session, account, verificationRequired: (live?.activeFactors.length ?? 0) > 0 };
}

/** The session of a raw token, if it is live and of a kind that may stand here. It counts as used. */
export async function sessionOf(
  deps: Deps,
  token: string,
  kinds: readonly SessionKind[],
): Promise<LiveSession | undefined> {
  // What cannot be a token needs no look at the database.
  if (!/^[A-Za-z0-9_-]{43}$/.test(token)) return undefined;
  const now = deps.now();
  const live = await deps.store.accounts.liveSession(tokenHash(token), now);
  if (live === undefined || !kinds.includes(live.session.kind)) return undefined;
  noteUse(deps, live, now);
  return live;
}

/** Ends a session. */
export async function logout(deps: Deps, origin: Origin, live: LiveSession): Promise<void> {
  const { session, account } = live;
  const entry = auditEntry(deps, origin, 'logout', 'ok', {
    subjectAccountId: account.id,
    subjectId: session.id,
  });
  await deps.store.accounts.revokeSession(session.id, deps.now(), entry);
}
