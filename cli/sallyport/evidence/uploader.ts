/** Sends staged chunks in order until all are acknowledged, through whatever network there is. */

import { Failure } from '../../shared/failure.ts';
import type { World } from '../../shared/world.ts';
import type { Ahead } from './capture-sharing.ts';
import { reconcileChunk, type StreamPlace, type UploadOutcome, uploadChunk } from './chunk-upload.ts';
import type { Happening } from './events.ts';
import type { Login } from './login.ts';
import type { Chance } from './seeded.ts';
import type { StagedChunk, Staging } from './staging.ts';

export interface UploadPlan {
  readonly world: Pick<World, 'now' | 'sleep'>;
  readonly login: Login;
  readonly staging: Staging;
  readonly place: StreamPlace;
  /** Spreads retries. */
  readonly chance: Chance;
  /** Milliseconds without an acknowledgement after which it gives up, once nothing is recorded any more. */
  readonly maxWaitMs: number;
  /** Whether a recording goes on that would be lost: then it never gives up. */
  readonly isRecording: () => boolean;
  /** The first chunk may be on the server already: an earlier run may have sent it. */
  readonly resumed: boolean;
  /** What Ctrl-C does: at a question, the terminal reports it as a key. */
  readonly interrupt: () => void;
  readonly tell: (happening: Happening) => void;
  /** What has to be on the server before the next chunk. */
  readonly ahead?: Ahead | undefined;
}

export type UploadEnd =
  /** Nothing is left. */
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'network'; readonly reason: string }
  | { readonly kind: 'login' };

const FIRST_PAUSE_MS = 500;
// Short: a network that is back for a moment is to be used, and a recorder asks alone.
const LONGEST_PAUSE_MS = 5000;
/** How often it looks whether somebody has logged in elsewhere. */
const LOGIN_LOOK_MS = 2000;

/**
 * Milliseconds before the next attempt: longer each time, never below what the server asks for. The longest is
 * spread as well: a network that comes and goes in a fixed rhythm must not be asked in the same one.
 */
export function pauseBefore(failures: number, afterMs: number | undefined, chance: Chance): number {
  const doubled = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10));
  return Math.max(afterMs ?? 0, doubled * (0.75 + chance() / 2));
}

/**
 * Runs until `over` says that nothing more will be staged and nothing is left, or hope is lost. Never rejects for
 * what servers and networks do.
 */
export async function uploadStaged(plan: UploadPlan, over: () => boolean): Promise<UploadEnd> {
  const { world, staging, tell } = plan;
  let doubted = plan.resumed ? staging.next()?.index : undefined;
  let failures = 0;
  let lastGood = world.now();
  let mayLogIn = true;
  const hopeless = (): boolean => {
    // While something is recorded, the clock of patience does not run.
    if (plan.isRecording()) lastGood = world.now();
    return world.now() - lastGood >= plan.maxWaitMs;
  };
  for (;;) {
    const chunk = staging.next();
    if (chunk === undefined) {
      if (over()) return { kind: 'done' };
      await staging.changed();
      lastGood = world.now();
      continue;
    }
    const outcome = (await plan.ahead?.next()) ?? (await attempt(plan, chunk, doubted === chunk.index));
    switch (outcome.kind) {
      case 'acknowledged':
        await staging.acknowledge(chunk, outcome.receipt);
        tell({ event: 'acknowledged', chunk_index: chunk.index, by: outcome.by });
        failures = 0;
        doubted = undefined;
        lastGood = world.now();
        mayLogIn = true;
        break;
      case 'refused':
        tell({ event: 'upload_refused', code: outcome.code, message: outcome.message });
        return outcome;
      case 'login': {
        tell({ event: 'login_needed' });
        const came = (mayLogIn && (await renewed(plan))) || (await elsewhere(plan, over));
        if (!came) return { kind: 'login' };
        // A fresh session that is refused at once would be asked for again and again.
        mayLogIn = false;
        tell({ event: 'logged_in' });
        break;
      }
      case 'later': {
        failures += 1;
        if (outcome.inDoubt) doubted = chunk.index;
        const pause = pauseBefore(failures, outcome.afterMs, plan.chance);
        if (hopeless()) return { kind: 'network', reason: outcome.reason };
        tell({ event: 'waiting', reason: outcome.reason, seconds: Math.round(pause / 1000) });
        await world.sleep(pause);
      }
    }
  }
}

async function attempt(plan: UploadPlan, chunk: StagedChunk, inDoubt: boolean): Promise<UploadOutcome> {
  const { login, staging, place } = plan;
  const known = inDoubt ? await reconcileChunk(login, place, chunk) : undefined;
  return known ?? (await uploadChunk(login, staging, place, chunk));
}

async function renewed({ login, interrupt }: UploadPlan): Promise<boolean> {
  try {
    await login.renew();
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.code === 'interrupted') interrupt();
    // Nobody to ask, a wrong password, no network: somebody may still log in elsewhere.
    return false;
  }
}

/** Waits for `sallyport login` in another terminal, as long as a recording goes on. */
async function elsewhere({ world, login, isRecording }: UploadPlan, over: () => boolean): Promise<boolean> {
  for (;;) {
    if (await login.adopt()) return true;
    if (over() || !isRecording()) return false;
    await world.sleep(LOGIN_LOOK_MS);
  }
}
