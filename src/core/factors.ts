/**
 * Second factors that are codes: mailed ones and TOTP. A wrong code counts against the account, wherever it came
 * from; a right one counts once.
 */
import { openAtRest, sealAtRest } from '../crypto/at-rest.ts';
import { randomToken, tokenHash } from '../crypto/tokens.ts';
import { matchTotp, newTotpSecret, type TotpEnrolment, totpEnrolment } from '../crypto/totp.ts';
import type {
  CodeLimits,
  EmailFactor,
  FactorMethod,
  FactorProof,
  LiveSession,
  TotpFactor,
} from '../store/accounts.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault, type FaultKind, secondsUntil } from './faults.ts';
import { newId } from './ids.ts';
import { limiterSite, peerNetwork } from './limiter.ts';
import { factorCodeMail } from './mail.ts';
import { emailOf } from './registration.ts';
import type { Visitor } from './visitor.ts';

const LIMITS: CodeLimits = { perSession: 5, perAccount: 10, windowMs: 15 * 60_000 };

/**
 * Codes that one network has mailed for an account in the life of a code. Fewer than half of what the account may
 * have, so that nobody who knows the password alone uses all of them up from one place, the change of a window included.
 */
const CODES_A_NETWORK = 10;

/** A session that has shown a factor, as it is afterwards. */
export interface Proven<Factor> {
  readonly factor: Factor;
  readonly live: LiveSession;
}

/** @throws Fault `rate_limited` while too many wrong codes pause this account's verification */
export async function requireNotPaused(deps: Deps, live: LiveSession): Promise<void> {
  const now = deps.now();
  const until = await deps.store.accounts.verificationPausedUntil(live.account.id, now);
  if (until !== undefined) throw new Fault('rate_limited', { retryAfterSeconds: secondsUntil(until, now) });
}

/** What an account's own password is asked for once more. */
export type ByPassword = 'password_change' | 'session_revoke' | 'sessions_revoke';

/** Counts a wrong answer against session and account, wherever it was given. */
export async function countWrong(
  deps: Deps,
  origin: Origin,
  { account, session }: LiveSession,
  action: 'factor_verify' | ByPassword,
): Promise<void> {
  const subject = { subjectAccountId: account.id, subjectId: session.id };
  const entry = auditEntry(deps, origin, action, 'denied', subject);
  await deps.store.accounts.recordWrongCode(account.id, session.id, deps.now(), LIMITS, entry);
}

async function refuseCode(deps: Deps, origin: Origin, live: LiveSession, kind: FaultKind): Promise<never> {
  await countWrong(deps, origin, live, 'factor_verify');
  throw new Fault(kind);
}

type ProofAction = 'factor_confirm' | 'factor_verify';

/** What the store needs to record that a factor was shown in this session, with its row of the audit. */
export function proofOf(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  method: FactorMethod,
  action: ProofAction,
): FactorProof {
  const { account, session } = live;
  const subject = { subjectAccountId: account.id, subjectId: session.id };
  return {
    accountId: account.id,
    sessionId: session.id,
    method,
    now: deps.now(),
    audit: auditEntry(deps, origin, action, 'ok', subject),
  };
}

const tooManyCodes = (until: number, now: number) =>
  new Fault('rate_limited', {
    message: 'too many codes were mailed; use one of those that came, or try again later',
    retryAfterSeconds: secondsUntil(until, now),
  });

/** @throws Fault `rate_limited` where this visitor's network (of IPv6 the whole site) asked for its share of codes */
async function countMailed(deps: Deps, visitor: Visitor, accountId: string): Promise<void> {
  const site = limiterSite(deps.keys, visitor.address);
  const network = site === undefined ? peerNetwork(visitor.address) : `site ${site}`;
  const key = `sallyport:codes:v1:${deps.keys.macHex('limiter', `${accountId}:${network}`)}`;
  const now = deps.now();
  const { emailChallengeTtlMs } = deps.settings.auth;
  const until = await deps.limiter.hit(key, CODES_A_NETWORK, emailChallengeTtlMs, now, site);
  if (until !== undefined) throw tooManyCodes(until, now);
}

/**
 * Mails a code: to set the factor up, or to the active address to verify this session.
 * @returns when the code expires.
 * @throws Fault `email_required`, `invalid_email`, `second_factor_already_configured`, `email_unavailable`,
 *   `rate_limited` while too many codes of this account live, or this visitor asked for too many of them
 */
export async function challengeEmail(
  deps: Deps,
  origin: Origin,
  visitor: Visitor,
  live: LiveSession,
  wanted: unknown,
): Promise<number> {
  const { account, session } = live;
  const { accounts } = deps.store;
  const verified = session.verifiedAt !== undefined;
  const existing = await accounts.emailFactor(account.id);
  const active = existing?.state === 'active';
  if (active && verified) throw new Fault('second_factor_already_configured');
  // Whoever holds the password alone must not add a factor of their own beside the one they cannot show.
  if (!active && !verified && live.activeFactors.length > 0) throw new Fault('email_required');

  const given = wanted === undefined || wanted === null || wanted === '' ? undefined : wanted;
  let address: string | undefined;
  if (active) address = existing.email;
  else if (given !== undefined) address = emailOf(given);
  else if (account.emailVerifiedAt !== undefined) address = account.email;
  if (address === undefined) throw new Fault('email_required');
  if (deps.settings.email.backend === 'none') throw new Fault('email_unavailable');
  await countMailed(deps, visitor, account.id);

  const code = randomToken(deps.random);
  const now = deps.now();
  const challenge = {
    id: newId('sfc', deps),
    accountId: account.id,
    factorId: existing?.id ?? newId('sf', deps),
    codeHash: tokenHash(code),
    email: address,
    createdAt: now,
    expiresAt: now + deps.settings.auth.emailChallengeTtlMs,
  };
  const entry = auditEntry(deps, origin, 'factor_challenge', 'ok', { subjectAccountId: account.id });
  const made = await accounts.challengeEmail(challenge, !active, entry);
  if (made.kind === 'too_many') throw tooManyCodes(made.until, now);
  if (made.kind === 'conflict') throw new Fault('second_factor_already_configured');
  try {
    await deps.mailer.send(factorCodeMail(address, code, deps.settings.auth.emailChallengeTtlMs));
  } catch {
    throw new Fault('email_unavailable');
  }
  return challenge.expiresAt;
}

/** @throws Fault `second_factor_challenge_invalid` for every failure, `rate_limited` while paused */
export async function verifyEmailCode(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  code: unknown,
): Promise<Proven<EmailFactor>> {
  await requireNotPaused(deps, live);
  const hash = tokenHash(typeof code === 'string' ? code.trim() : '');
  const proof = proofOf(deps, origin, live, 'email_challenge', 'factor_verify');
  const proven = await deps.store.accounts.proveEmail(hash, proof);
  if (proven !== undefined) return proven;
  // A code that was mailed to this account, though spent or too late: refused alike, but nobody was guessing.
  if (await deps.store.accounts.knowsEmailCode(hash, live.account.id)) {
    throw new Fault('second_factor_challenge_invalid');
  }
  return refuseCode(deps, origin, live, 'second_factor_challenge_invalid');
}

/** Binds a sealed seed to its account and factor, so that a row cannot be given somebody else's. */
export const seedContext = (accountId: string, factorId: string) => [accountId, factorId];

export interface EnrolledTotp extends TotpEnrolment {
  readonly id: string;
}

/** A new seed, shown this once. @throws Fault `second_factor_already_configured` */
export async function enrolTotp(deps: Deps, origin: Origin, live: LiveSession): Promise<EnrolledTotp> {
  const { account } = live;
  const secret = newTotpSecret(deps.random);
  const id = newId('sf', deps);
  const sealedSecret = await sealAtRest(
    deps.keys,
    'totp-at-rest',
    seedContext(account.id, id),
    secret,
    deps.random,
  );
  const entry = auditEntry(deps, origin, 'factor_enrol', 'ok', {
    subjectAccountId: account.id,
    subjectId: id,
  });
  if (!(await deps.store.accounts.enrolTotp(account.id, { id, sealedSecret }, deps.now(), entry))) {
    throw new Fault('second_factor_already_configured');
  }
  return { id, ...totpEnrolment(secret, account.username) };
}

/** The factor and the step that a code stands for, if it is one that this seed makes now. */
async function checkedTotp(
  deps: Deps,
  live: LiveSession,
  state: TotpFactor['state'],
  code: unknown,
): Promise<{ factor: TotpFactor; step: number } | undefined> {
  const factor = await deps.store.accounts.totpFactor(live.account.id);
  if (factor === undefined || factor.state !== state) return undefined;
  const context = seedContext(live.account.id, factor.id);
  const secret = await openAtRest(deps.keys, 'totp-at-rest', context, factor.sealedSecret);
  if (secret === undefined) throw new TypeError('a TOTP seed does not open under this secret key');
  const step = typeof code === 'string' ? matchTotp(secret, code.trim(), deps.now()) : undefined;
  return step === undefined ? undefined : { factor, step };
}

type TotpStep = (
  factorId: string,
  step: number,
  proof: FactorProof,
) => Promise<Proven<TotpFactor> | undefined>;

/** Checks a code of a factor in `state`, and has the store use its step up. */
async function useTotp(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  code: unknown,
  use: { readonly state: TotpFactor['state']; readonly action: ProofAction; readonly step: TotpStep },
): Promise<Proven<TotpFactor>> {
  await requireNotPaused(deps, live);
  const checked = await checkedTotp(deps, live, use.state, code);
  if (checked === undefined) return refuseCode(deps, origin, live, 'totp_challenge_invalid');
  const proof = proofOf(deps, origin, live, 'totp', use.action);
  const proven = await use.step(checked.factor.id, checked.step, proof);
  // A right code that was used before: refused alike, but nobody was guessing.
  if (proven === undefined) throw new Fault('totp_challenge_invalid');
  return proven;
}

/** Activates the pending factor. @throws Fault `totp_challenge_invalid`, `rate_limited` while paused */
export function confirmTotp(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  code: unknown,
): Promise<Proven<TotpFactor>> {
  const step = deps.store.accounts.confirmTotp;
  return useTotp(deps, origin, live, code, { state: 'pending', action: 'factor_confirm', step });
}

/** Verifies the session. @throws Fault `totp_challenge_invalid`, `rate_limited` while paused */
export function verifyTotp(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  code: unknown,
): Promise<Proven<TotpFactor>> {
  const step = deps.store.accounts.proveTotp;
  return useTotp(deps, origin, live, code, { state: 'active', action: 'factor_verify', step });
}
