/** Proof of work: what a create from somebody unknown costs. */
import { checkWork, makeChallenge, WORK_ALGORITHM } from '../crypto/pow.ts';
import type { CreatePaste } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { peerNetwork } from './limiter.ts';
import type { Visitor } from './visitor.ts';

/** The two headers, as they came. */
export interface OfferedWork {
  readonly token?: string;
  readonly solution?: string;
}

/** Whether this visitor must work, and how hard: leading zero bits, 0 for not at all. */
export function workDemanded(deps: Deps, visitor: Visitor): number {
  return visitor.owner === undefined ? deps.settings.paste.powDifficulty : 0;
}

export interface Challenge {
  readonly required: boolean;
  readonly token: string;
  readonly difficulty: number;
  readonly algorithm: string;
  readonly expiresAt: number;
}

/** A challenge for this visitor's network. */
export function challenge(deps: Deps, visitor: Visitor): Challenge {
  const difficulty = workDemanded(deps, visitor);
  const peer = peerNetwork(visitor.address);
  const made = makeChallenge(deps.keys, { peer, difficulty, now: deps.now(), random: deps.random });
  return { required: difficulty > 0, difficulty, algorithm: WORK_ALGORITHM, ...made };
}

/**
 * Checks what was offered; spending it is part of the commit.
 *
 * An expired token passes when `alreadyDone` says that this create was answered before: the client then gets its
 * first answer again instead of a second paste.
 * @returns what to spend, or undefined where no work is asked for.
 * @throws Fault `pow_required`, `pow_invalid`
 */
export async function admitWork(
  deps: Deps,
  visitor: Visitor,
  offered: OfferedWork,
  alreadyDone: () => Promise<boolean>,
): Promise<CreatePaste['work']> {
  const { token, solution } = offered;
  if ((token === undefined) !== (solution === undefined)) throw new Fault('pow_invalid');
  const difficulty = workDemanded(deps, visitor);
  if (difficulty === 0) return undefined;
  if (token === undefined || solution === undefined) throw new Fault('pow_required');
  const peer = peerNetwork(visitor.address);
  const verdict = checkWork(deps.keys, { token, solution, peer, difficulty, now: deps.now() });
  if (verdict.kind === 'invalid') throw new Fault('pow_invalid');
  if (verdict.kind === 'expired' && !(await alreadyDone())) throw new Fault('pow_invalid');
  return {
    tokenHash: verdict.tokenHash,
    expiresAt: verdict.expiresAt,
    onlyReplay: verdict.kind === 'expired',
  };
}
