/** What time ends: expired pastes, forgotten uploads, memories that only a window needed. */
import type { Deps } from './deps.ts';
import { OUTBOX_AGE_MS } from './outbox.ts';
import { WEBHOOK_AGE_MS } from './webhooks.ts';

/** Pastes removed in one commit. */
const PASTES_AT_ONCE = 500;
const BLOBS_AT_ONCE = 100;
const CONTENTS_AT_ONCE = 5000;
const ACCOUNT_ROWS_AT_ONCE = 1000;
const UPLOADS_AT_ONCE = 500;
const COUNTS_AT_ONCE = 5000;
const MAILS_AT_ONCE = 500;
const WEBHOOKS_AT_ONCE = 1000;

export interface Swept {
  readonly pastesRemoved: number;
  readonly bytesFreed: number;
  readonly blobsErased: number;
}

/**
 * Removes everything that is due, in bounded commits with others' turns in between. It stops early, with the rest
 * left for the next time, once `stop` says so.
 * @param pause waited for between two commits of what there may be very much of
 */
export async function sweep(
  deps: Pick<Deps, 'store' | 'blobs' | 'settings' | 'now' | 'metrics'>,
  stop: () => boolean = () => false,
  pause: () => Promise<void> = async () => {},
): Promise<Swept> {
  const { pastes } = deps.store;
  const now = deps.now();
  let pastesRemoved = 0;
  let bytesFreed = 0;
  let blobsErased = 0;
  while (!stop()) {
    const swept = await pastes.sweep(now, PASTES_AT_ONCE);
    pastesRemoved += swept.removed;
    deps.metrics.add('flaskpaste_pastes_expired', swept.removed);
    bytesFreed += swept.bytes;
    if (swept.done) break;
    await pause();
  }
  // Before the blobs: what an expired upload leaves behind goes with the same sweep.
  while (!stop() && !(await deps.store.uploads.sweep(now, UPLOADS_AT_ONCE)));
  while (!stop()) {
    const erased = await deps.blobs.sweep(now, BLOBS_AT_ONCE);
    blobsErased += erased;
    if (erased < BLOBS_AT_ONCE) break;
    await pause();
  }
  const forgotten = now - deps.settings.paste.dedupWindowMs;
  while (!stop() && !(await pastes.forgetContents(forgotten, CONTENTS_AT_ONCE)));
  while (!stop() && !(await deps.store.accounts.sweep(now, ACCOUNT_ROWS_AT_ONCE)));
  while (!stop() && !(await deps.store.limits.sweep(now, COUNTS_AT_ONCE)));
  // Where a process sends mail, it has given these up already.
  while (!stop() && !(await deps.store.outbox.sweep(now - 2 * OUTBOX_AGE_MS, MAILS_AT_ONCE)));
  while (!stop() && !(await deps.store.webhooks.sweep(now - 2 * WEBHOOK_AGE_MS, WEBHOOKS_AT_ONCE)));
  return { pastesRemoved, bytesFreed, blobsErased };
}
