/**
 * What time alone decides, where the operator has said so: closed incidents are deleted, viewer links that ended and
 * deletions that are over are forgotten. Open incidents are nobody's business here, whatever their age.
 */

import { auditEntry } from './audit.ts';
import { WORKER, type WorkerDeps } from './deletion-worker.ts';
import type { Deps } from './deps.ts';
import { newId } from './ids.ts';
import type { RetentionSettings } from './settings-types.ts';

/** Most of each kind that one round takes; the rest has time until the next. */
const INCIDENTS_A_ROUND = 100;
const TOMBSTONES_A_ROUND = 100;
const TOKENS_AT_ONCE = 500;
const TOKEN_COMMITS_A_ROUND = 20;

const RETENTION_REASON = 'closed_incident_retention';

/** The latest time that is due now; undefined where a rule is off. */
const dueBy = (now: number, keepMs: number): number | undefined => (keepMs > 0 ? now - keepMs : undefined);

/** The bounds of all rules at this moment. */
function retentionBounds(settings: RetentionSettings, now: number) {
  return {
    closedIncidents: dueBy(now, settings.closedIncidentMs),
    tokens: dueBy(now, settings.tokenMetadataMs),
    tombstones: dueBy(now, settings.deletionTombstoneMs),
  };
}

/** Decides to delete closed incidents that nobody has touched for long enough. @returns how many */
export async function retireIncidents(
  deps: Pick<WorkerDeps, 'store' | 'settings' | 'now' | 'random'>,
  stop: () => boolean = () => false,
): Promise<number> {
  const { closedIncidents: unchangedSince } = retentionBounds(deps.settings.retention, deps.now());
  if (unchangedSince === undefined) return 0;
  let decided = 0;
  for (const incidentId of await deps.store.retention.closedIncidents(unchangedSince, INCIDENTS_A_ROUND)) {
    if (stop()) break;
    const id = newId('del', deps);
    const deletion = {
      id,
      incidentId,
      source: 'retention_policy',
      reasonCode: RETENTION_REASON,
      allowOpen: false,
      requestedAt: deps.now(),
      unchangedSince,
    } as const;
    const entry = auditEntry(deps, WORKER, 'incident_delete', 'ok', { incidentId, subjectId: id });
    const answer = await deps.store.deletion.request(deletion, undefined, entry);
    if (typeof answer !== 'string' && answer.id === id) decided += 1;
  }
  return decided;
}

/** Forgets viewer links and deletions that ended long enough ago. */
export async function forgetEnded(
  deps: Pick<WorkerDeps, 'store' | 'settings' | 'now' | 'random'>,
  stop: () => boolean = () => false,
): Promise<{ readonly tokens: number; readonly tombstones: number }> {
  const { retention } = deps.store;
  const bounds = retentionBounds(deps.settings.retention, deps.now());
  let tokens = 0;
  if (bounds.tokens !== undefined) {
    for (let commit = 0; commit < TOKEN_COMMITS_A_ROUND && !stop(); commit += 1) {
      const entry = auditEntry(deps, WORKER, 'retention_prune', 'ok');
      const pruned = await retention.pruneTokens(bounds.tokens, TOKENS_AT_ONCE, entry);
      tokens += pruned;
      if (pruned < TOKENS_AT_ONCE) break;
    }
  }
  let tombstones = 0;
  if (bounds.tombstones !== undefined) {
    for (const incidentId of await retention.tombstones(bounds.tombstones, TOMBSTONES_A_ROUND)) {
      if (stop()) break;
      const entry = auditEntry(deps, WORKER, 'retention_prune', 'ok', { incidentId });
      if (await retention.pruneTombstone(incidentId, bounds.tombstones, entry)) tombstones += 1;
    }
  }
  return { tokens, tombstones };
}

/** What a round at `now` would take, for the operator: nothing is changed. */
export async function retentionPreview(deps: Pick<Deps, 'store' | 'settings'>, now: number, limit: number) {
  const bounds = retentionBounds(deps.settings.retention, now);
  return { bounds, due: await deps.store.retention.preview(bounds, limit) };
}
