/** One round of letting go: what time has ended is decided, what is decided is carried out, what is over forgotten. */
import {
  type CarriedOut,
  carryOutDeletions,
  type WorkerDeps,
  type WorkerOptions,
} from './deletion-worker.ts';
import { forgetEnded, retireIncidents } from './retention.ts';

/** What one round came to. */
export interface LetGo extends CarriedOut {
  readonly incidentsRetired: number;
  readonly tokensForgotten: number;
  readonly tombstonesForgotten: number;
}

/**
 * Runs one round, until its end or until `stop` says so.
 * @param clockTrusted whether anything may be let go for its age (`clock-watch.ts`)
 */
export async function letGo(
  deps: WorkerDeps,
  options: WorkerOptions,
  stop: () => boolean = () => false,
  clockTrusted: () => boolean = () => true,
): Promise<LetGo> {
  // What somebody has decided is carried out whatever the time is.
  const untimely = () => stop() || !clockTrusted();
  const incidentsRetired = untimely() ? 0 : await retireIncidents(deps, stop);
  const carriedOut = await carryOutDeletions(deps, options, stop);
  const { tokens, tombstones } = untimely() ? { tokens: 0, tombstones: 0 } : await forgetEnded(deps, stop);
  return { ...carriedOut, incidentsRetired, tokensForgotten: tokens, tombstonesForgotten: tombstones };
}
