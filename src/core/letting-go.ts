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

/** Runs one round, until its end or until `stop` says so. */
export async function letGo(
  deps: WorkerDeps,
  options: WorkerOptions,
  stop: () => boolean = () => false,
): Promise<LetGo> {
  const incidentsRetired = await retireIncidents(deps, stop);
  const carriedOut = await carryOutDeletions(deps, options, stop);
  const { tokens, tombstones } = await forgetEnded(deps, stop);
  return { ...carriedOut, incidentsRetired, tokensForgotten: tokens, tombstonesForgotten: tombstones };
}
