/** Passkeys as second factors. Each challenge is one try, spent before anything is checked. */
import type { RelyingParty } from '../crypto/passkeys.ts';
import type { Ceremony, LiveSession, Passkey } from '../store/accounts.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { type Proven, proofOf } from './factors.ts';
import { Fault } from './faults.ts';
import { newId } from './ids.ts';

export type Attachment = 'platform' | 'cross-platform';

/** Loaded with the first passkey: the library behind it is a quarter of all modules, and few servers need it at once. */
const ceremonies = () => import('../crypto/passkeys.ts');

/** @throws Fault `webauthn_unavailable` where it is not switched on */
function relyingParty({ settings }: Deps): RelyingParty {
  const { enabled, rpId, rpDisplayName, allowedOrigins, userVerification, challengeTtlMs } =
    settings.webauthn;
  if (!enabled || rpId === undefined || allowedOrigins.length === 0) throw new Fault('webauthn_unavailable');
  return {
    id: rpId,
    name: rpDisplayName,
    origins: allowedOrigins,
    userVerification,
    timeoutMs: challengeTtlMs,
  };
}

async function begin(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  kind: Ceremony['kind'],
  rp: RelyingParty,
  attachment?: Attachment,
): Promise<Ceremony> {
  const { newPasskeyChallenge } = await ceremonies();
  const now = deps.now();
  const ceremony: Ceremony = {
    id: newId('sfc', deps),
    kind,
    accountId: live.account.id,
    sessionId: live.session.id,
    rpId: rp.id,
    challenge: newPasskeyChallenge(deps.random),
    ...(attachment && { attachment }),
    createdAt: now,
    expiresAt: now + rp.timeoutMs,
  };
  const subject = { subjectAccountId: live.account.id, subjectId: ceremony.id };
  await deps.store.accounts.startCeremony(
    ceremony,
    auditEntry(deps, origin, 'factor_challenge', 'ok', subject),
  );
  return ceremony;
}

/** The ceremony that this session began; from here on it cannot be used again. */
async function take(
  deps: Deps,
  live: LiveSession,
  kind: Ceremony['kind'],
  rp: RelyingParty,
): Promise<Ceremony> {
  const { account, session } = live;
  const ceremony = await deps.store.accounts.takeCeremony(kind, account.id, session.id, deps.now());
  if (ceremony === undefined || ceremony.rpId !== rp.id) throw new Fault('webauthn_challenge_invalid');
  return ceremony;
}

/** @throws Fault `invalid_webauthn_attachment` */
function attachmentOf(value: unknown): Attachment | undefined {
  if (value === undefined) return undefined;
  if (value !== 'platform' && value !== 'cross-platform') throw new Fault('invalid_webauthn_attachment');
  return value;
}

/** @throws Fault `webauthn_unavailable`, `invalid_webauthn_attachment` */
export async function startRegistration(deps: Deps, origin: Origin, live: LiveSession, wanted: unknown) {
  const rp = relyingParty(deps);
  const attachment = attachmentOf(wanted);
  const existing = await deps.store.accounts.passkeys(live.account.id);
  const { challenge, expiresAt } = await begin(deps, origin, live, 'register', rp, attachment);
  const { registrationOptions } = await ceremonies();
  const options = await registrationOptions(rp, {
    accountId: live.account.id,
    username: live.account.username,
    challenge,
    existing,
    ...(attachment && { attachment }),
  });
  return { options, expiresAt, attachment };
}

/** @throws Fault `webauthn_unavailable`, `webauthn_challenge_invalid`, `webauthn_credential_already_configured` */
export async function endRegistration(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  posted: unknown,
): Promise<Proven<Passkey>> {
  const rp = relyingParty(deps);
  const ceremony = await take(deps, live, 'register', rp);
  const { finishRegistration } = await ceremonies();
  const outcome = await finishRegistration(rp, ceremony, posted);
  if (!outcome.ok) throw new Fault('webauthn_challenge_invalid');
  const passkey: Passkey = {
    ...outcome.passkey,
    id: newId('sf', deps),
    accountId: live.account.id,
    cloneWarning: false,
    verifiedAt: deps.now(),
  };
  const proof = proofOf(deps, origin, live, 'webauthn', 'factor_confirm');
  const added = await deps.store.accounts.addPasskey(passkey, proof);
  if (added === undefined) throw new Fault('webauthn_challenge_invalid');
  if (added === 'duplicate') throw new Fault('webauthn_credential_already_configured');
  return { factor: passkey, live: added.live };
}

/** @throws Fault `webauthn_unavailable`, `webauthn_challenge_invalid` where there is no passkey to show */
export async function startAssertion(deps: Deps, origin: Origin, live: LiveSession) {
  const rp = relyingParty(deps);
  const passkeys = await deps.store.accounts.passkeys(live.account.id);
  if (passkeys.length === 0) throw new Fault('webauthn_challenge_invalid');
  const { challenge, expiresAt } = await begin(deps, origin, live, 'verify', rp);
  const { assertionOptions } = await ceremonies();
  return { options: await assertionOptions(rp, { challenge, passkeys }), expiresAt };
}

/** @throws Fault `webauthn_unavailable`, `webauthn_challenge_invalid` */
export async function endAssertion(
  deps: Deps,
  origin: Origin,
  live: LiveSession,
  posted: unknown,
): Promise<Proven<Passkey>> {
  const rp = relyingParty(deps);
  const { challenge } = await take(deps, live, 'verify', rp);
  const passkeys = await deps.store.accounts.passkeys(live.account.id);
  const { finishAssertion } = await ceremonies();
  const outcome = await finishAssertion(rp, { challenge, accountId: live.account.id, passkeys }, posted);
  if (!outcome.ok) throw new Fault('webauthn_challenge_invalid');
  const { passkey, ...use } = outcome;
  const proof = proofOf(deps, origin, live, 'webauthn', 'factor_verify');
  const used = await deps.store.accounts.usePasskey(passkey.id, use, proof);
  if (used === undefined) throw new Fault('webauthn_challenge_invalid');
  return { factor: used.passkey, live: used.live };
}
