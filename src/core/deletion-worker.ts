/**
 * The worker that carries deletions out. Any number of processes may run it at once, and each may end at any moment:
 * a decision is one worker's for as long as it gives signs of life, every step can be done twice, and nothing is
 * remembered but what the database says (`store/libsql/deletion-work.ts` has the order).
 */
import { hex } from '../crypto/hash.ts';
import type { DeletionTask, DoomedChunk, HeldDeletion, RemovedBlobs } from '../store/letting-go.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { errorFields, storageTrouble } from './faults.ts';

/** Decisions listed at a time. */
const TASKS_AT_ONCE = 25;
/** Chunks noted at a time. */
const CHUNKS_AT_ONCE = 128;
/** Bytes that are removed side by side, between two signs of life. One chunk may have more. */
const BYTES_AT_ONCE = 16 * 1024 * 1024;
/** Rows of each kind removed in one commit. */
const ROWS_AT_ONCE = 500;
/** Blobs that nothing refers to, erased in one go. */
const LOOSE_AT_ONCE = 100;
/** How often the end is tried where something is left, before the next round has to. */
const ATTEMPTS = 3;

/** A decision that nobody has touched for so long, in milliseconds, was left by a worker that is no more. */
export const LEASE_MS = 15 * 60_000;

/** On whose behalf the worker writes to the audit. */
export const WORKER: Origin = { listener: 'local', actorKind: 'worker' };

export type WorkerDeps = Pick<Deps, 'store' | 'blobs' | 'settings' | 'now' | 'random' | 'log'>;

export interface WorkerOptions {
  /**
   * {@link LEASE_MS}; 0 where no other process can have the database, so that what is found begun was left behind.
   */
  readonly leaseMs: number;
  /** Called after each deletion that ended: what is gone from the tables may still be in a log beside them. */
  readonly ended?: () => Promise<void>;
}

export interface CarriedOut {
  readonly deleted: number;
  readonly failed: number;
}

/** What became of a task: done, failed, left for later, or somebody else's by now. */
type Fate = 'deleted' | 'failed' | 'left' | 'lost';

/**
 * Carries out every decision that waits, oldest first, each once. Stops between two steps once `stop` says so; what
 * it had begun goes on with the next round, here or elsewhere. Rejects, at its end, with what the store threw.
 */
export async function carryOutDeletions(
  deps: WorkerDeps,
  { leaseMs, ended }: WorkerOptions,
  stop: () => boolean = () => false,
): Promise<CarriedOut> {
  const { deletionWork } = deps.store;
  const fates: Fate[] = [];
  const troubles: unknown[] = [];
  let last: DeletionTask | undefined;
  while (!stop()) {
    const tasks = await deletionWork.runnable(deps.now() - leaseMs, last, TASKS_AT_ONCE);
    for (const task of tasks) {
      if (stop()) break;
      const held = { ...task, lease: hex(deps.random(16)) };
      const now = deps.now();
      if (!(await deletionWork.claim(held, now - leaseMs, now))) continue;
      try {
        const fate = await carryOut(deps, held, stop);
        fates.push(fate);
        if (fate === 'left') await deletionWork.release(held);
        if (fate === 'deleted') await ended?.();
      } catch (error) {
        // One that cannot be gone on with keeps no other from its turn.
        troubles.push(error);
        await deletionWork.release(held).catch(() => {});
      }
    }
    last = tasks.at(-1);
    if (tasks.length < TASKS_AT_ONCE) break;
  }
  if (troubles.length > 0) throw troubles[0];
  const count = (fate: Fate) => fates.filter((one) => one === fate).length;
  return { deleted: count('deleted'), failed: count('failed') };
}

async function carryOut(deps: WorkerDeps, held: HeldDeletion, stop: () => boolean): Promise<Fate> {
  const { deletionWork } = deps.store;
  const subject = { incidentId: held.incidentId, subjectId: held.id };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const failure = await removeChunks(deps, held, stop);
    if (failure === 'lost' || failure === 'left') return failure;
    if (failure !== undefined) {
      const entry = auditEntry(deps, WORKER, 'deletion_failed', failure, subject);
      return deletionWork.fail(held, failure, deps.now(), entry);
    }
    const rest = await removeRest(deps, held, stop);
    if (rest !== undefined) return rest;
    const entry = auditEntry(deps, WORKER, 'incident_deleted', 'ok', subject);
    const end = await deletionWork.complete(held, deps.now(), entry);
    if (end !== 'unfinished') return end;
  }
  return 'left';
}

/** Removes the bytes of all chunks, and their rows. @returns why that was not all, or undefined */
async function removeChunks(
  deps: WorkerDeps,
  held: HeldDeletion,
  stop: () => boolean,
): Promise<'lost' | 'left' | 'blob_delete_failed' | undefined> {
  const { deletionWork } = deps.store;
  let failed = false;
  let last: DoomedChunk | undefined;
  while (!stop()) {
    const chunks = await deletionWork.note(held, last?.id, CHUNKS_AT_ONCE, deps.now());
    if (chunks === 'lost') return 'lost';
    if (chunks.length === 0) return failed ? 'blob_delete_failed' : undefined;
    for (const some of together(chunks)) {
      if (stop()) return 'left';
      const { away, ...removed } = await removeBlobs(deps, some);
      if ((await deletionWork.settle(held, removed, deps.now())) === 'lost') return 'lost';
      // To ask a store that is away for each of a hundred thousand would take days.
      if (away) return 'blob_delete_failed';
      failed ||= removed.failed.length > 0;
    }
    last = chunks.at(-1);
  }
  return 'left';
}

/** Chunks in their order, in parts whose bytes are few enough to be removed in one commit. */
function together(chunks: readonly DoomedChunk[]): DoomedChunk[][] {
  const parts: DoomedChunk[][] = [];
  let room = 0;
  for (const chunk of chunks) {
    if (room < chunk.size) {
      parts.push([]);
      room = BYTES_AT_ONCE;
    }
    parts.at(-1)?.push(chunk);
    room -= chunk.size;
  }
  return parts;
}

/** Removes bytes, and says whether what holds them cannot be reached. */
async function removeBlobs(
  deps: WorkerDeps,
  chunks: readonly DoomedChunk[],
): Promise<RemovedBlobs & { readonly away: boolean }> {
  const gone: string[] = [];
  const failed: string[] = [];
  let away = false;
  await Promise.all(
    chunks.map(async ({ blob }) => {
      try {
        await deps.blobs.remove(blob);
        gone.push(blob);
      } catch (error) {
        deps.log.write('error', 'bytes were not deleted', errorFields(error));
        away ||= storageTrouble(error) === 'busy';
        failed.push(blob);
      }
    }),
  );
  return { gone, failed, away, errorCode: 'blob_delete_failed' };
}

/** Removes what else there is, unfinished uploads included. @returns why that was not all, or undefined */
async function removeRest(
  deps: WorkerDeps,
  held: HeldDeletion,
  stop: () => boolean,
): Promise<'lost' | 'left' | undefined> {
  while (!stop()) {
    const cleared = await deps.store.deletionWork.clear(held, ROWS_AT_ONCE, deps.now());
    if (cleared === 'lost') return 'lost';
    if (cleared === 'more') continue;
    // Uploads leave their bytes to a sweep when they go, which was so when the decision was made.
    while (!stop()) {
      if ((await deps.blobs.sweep(deps.now(), LOOSE_AT_ONCE)) < LOOSE_AT_ONCE) break;
    }
    if (stop()) break;
    // And what an object store still has under the incident's name, whoever forgot it there.
    await deps.blobs.objects?.removeAll(held.incidentId);
    return undefined;
  }
  return 'left';
}
