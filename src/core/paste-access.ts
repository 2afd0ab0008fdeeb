/** Whether a protected paste may be shown. A wrong password never burns, and never destroys. */
import { equalText } from '../crypto/compare.ts';
import { verifyPassword } from '../crypto/passwords.ts';
import { tokenHash } from '../crypto/tokens.ts';
import type { GuessLimits, Paste, PasteAccess } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { Fault, secondsUntil } from './faults.ts';
import { peerNetwork } from './limiter.ts';
import { passwordInHeader } from './paste-options.ts';
import type { Visitor } from './visitor.ts';

const MINUTE_MS = 60_000;

/** Ten wrong passwords shut out a peer, a hundred in a day everybody, each time for a quarter of an hour. */
const LIMITS: GuessLimits = {
  perPeer: 10,
  overall: 100,
  windowMs: 24 * 60 * MINUTE_MS,
  lockMs: 15 * MINUTE_MS,
};

async function matches(deps: Deps, access: PasteAccess, header: string): Promise<boolean> {
  if (access.kind === 'proof') return equalText(tokenHash(header), access.sha256);
  const password = passwordInHeader(header);
  // What cannot be a password costs what a wrong one costs.
  const right = await verifyPassword(deps.hasher.argon2id, access.phc, password ?? header);
  return right && password !== undefined;
}

/**
 * Passes when the paste is open to all or `secret` (the X-Paste-Password header) opens it.
 * @throws Fault `password_required`, `password_invalid`, `password_locked`, `service_busy`
 */
export async function requireAccess(
  deps: Deps,
  visitor: Visitor,
  paste: Paste,
  secret: string | null,
): Promise<void> {
  const { access, ref } = paste;
  if (access === undefined) return;
  if (secret === null || secret === '') throw new Fault('password_required');
  const peer = deps.keys.macHex('password-guesses', `${ref}:${peerNetwork(visitor.address)}`);
  await deps.turns.take(peer, async () => {
    const { lockedUntil } = await deps.store.pastes.guesses(ref, peer, deps.now());
    if (lockedUntil !== undefined) {
      throw new Fault('password_locked', { retryAfterSeconds: secondsUntil(lockedUntil, deps.now()) });
    }
    if (await matches(deps, access, secret)) return;
    await deps.store.pastes.recordWrongGuess(ref, peer, deps.now(), LIMITS);
    throw new Fault('password_invalid');
  });
}
