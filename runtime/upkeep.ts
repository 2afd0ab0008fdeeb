/**
 * The work that a server at home does by itself: each kind at its interval, one round of it at a time, and where several
 * processes share a database, in one of them.
 */
import { randomBytes } from 'node:crypto';
import { clockWatch } from '../src/core/clock-watch.ts';
import { LEASE_MS } from '../src/core/deletion-worker.ts';
import type { Deps } from '../src/core/deps.ts';
import { leased, type Round } from '../src/core/leases.ts';
import { letGo } from '../src/core/letting-go.ts';
import { tendLog } from '../src/core/log.ts';
import { sendOutbox } from '../src/core/outbox.ts';
import { sweep } from '../src/core/sweep.ts';
import { webhookRounds } from '../src/core/webhooks.ts';
import { measured, type WorkName } from '../src/core/work.ts';
import type { Db } from '../src/store/db.ts';
import { logEmptier } from './empty-log.ts';
import { pausesAsLong, startSweeper } from './sweeper.ts';

/** How often what was committed gets a checkpoint. */
const CHECKPOINT_INTERVAL_MS = 10_000;
/** How often a timestamp authority is asked for what lacks a timestamp. */
const TIMESTAMP_INTERVAL_MS = 30_000;
/** How long a process that is gone keeps others from its upkeep. */
const UPKEEP_LEASE_MS = 60_000;
/** How often is looked for mail. */
const OUTBOX_INTERVAL_MS = 2_000;
/** How often is looked for events to deliver. */
const WEBHOOK_INTERVAL_MS = 1_000;
/** Longer than an attempt may take, for what becomes of a process in the middle of one. */
const WEBHOOK_LEASE_MS = 30_000;

export interface Upkeep {
  /** There is something to delete: the next round of deletions begins now. */
  deletionDecided(): void;
}

export interface UpkeepPlan {
  /** For emptying its log after deletions. */
  readonly db: Db;
  /** What webhooks are signed with; a reload changes what is in it. */
  readonly webhookKeys: readonly Uint8Array[];
  /** Takes what ends a kind of work; whoever closes does so in the reverse order, and waits. */
  closing(close: () => Promise<void> | void): void;
}

/**
 * Starts all of it: the sweep, checkpoints, deletions, and what the settings ask for of mail, webhooks and timestamps.
 * First rounds begin at once.
 */
export async function startUpkeep(
  ports: Omit<Deps, 'origin'>,
  { db, webhookKeys, closing }: UpkeepPlan,
): Promise<Upkeep> {
  const { settings, store } = ports;
  const { database, webhook } = settings;
  const processName = randomBytes(16).toString('hex');
  /** Work that one of the processes on this database does; a file has one process anyway. */
  const alone = (name: WorkName, work: Round): Round => {
    const round = measured(ports, name, work);
    if (database.kind === 'file') return round;
    const wish = { name: name.replace('_', '-'), owner: processName, ttlMs: UPKEEP_LEASE_MS };
    const held = leased(ports, wish, round);
    // A lease that cannot be given back ends by itself.
    closing(() => held.release().catch(() => {}));
    return held.round;
  };
  /** Begins it; `told` is what the log calls it. */
  const every = (intervalMs: number, told: string, round: Round) => {
    const rounds = startSweeper(round, intervalMs, ports.log, told);
    closing(() => rounds.stop());
    return rounds;
  };
  const clockTrusted = clockWatch(ports);
  const sweepTrusted: Round = async (stop) => {
    if (clockTrusted()) await sweep(ports, stop, pausesAsLong());
  };
  every(settings.sweepIntervalMs, 'sweep', alone('sweep', sweepTrusted));
  const logUpkeep = alone('log_upkeep', (stop) => tendLog(ports, stop));
  every(CHECKPOINT_INTERVAL_MS, 'log upkeep', logUpkeep);
  // Mail of doors elsewhere that have no mail server, and what the mail server did not take.
  if (settings.email.backend !== 'none') {
    const outbox = alone('mail_outbox', (stop) => sendOutbox(ports, stop));
    every(OUTBOX_INTERVAL_MS, 'outbox', outbox);
  }
  if (webhook !== undefined) {
    const { openSender } = await import('./webhook-sender.ts');
    const { post, close } = openSender(webhook);
    const leaseMs = database.kind === 'file' ? 0 : WEBHOOK_LEASE_MS;
    const delivery = webhookRounds(ports, { keys: webhookKeys, post, leaseMs });
    every(WEBHOOK_INTERVAL_MS, 'webhooks', alone('webhooks', delivery));
    // Before its rounds end: nobody waits for an attempt that is under way.
    closing(close);
  }
  const { timestampUrl } = settings;
  if (timestampUrl !== undefined) {
    const { stampCheckpoints } = await import('./timestamp.ts');
    const stamping: Round = (stop) => stampCheckpoints(timestampUrl, store.log, stop);
    every(TIMESTAMP_INTERVAL_MS, 'timestamping', measured(ports, 'timestamping', stamping));
  }
  const work = {
    // A file has one owner, who does one round at a time: what a round finds begun was left behind.
    leaseMs: database.kind === 'file' ? 0 : LEASE_MS,
    ended: logEmptier(db, ports.log),
  };
  const letting = measured(ports, 'deletion', (stop) => letGo(ports, work, stop, clockTrusted));
  const deletions = every(settings.retention.deletionIntervalMs, 'deletion', letting);
  return { deletionDecided: () => deletions.wake() };
}
