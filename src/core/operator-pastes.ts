/** What the operator sees of pastes: sizes and times, never content, and never an id. */
import { isPasteId, pasteRef } from '../crypto/tokens.ts';
import type { ListedPaste, PasteOrder, PasteStats } from '../store/listing.ts';
import { auditEntry, type Origin } from './audit.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { LISTED } from './operator-listing.ts';
import { limitOf } from './paging.ts';
import { type Swept, sweep } from './sweep.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
export interface PastePage {
  readonly pastes: readonly ListedPaste[];
  /** What to ask for next; absent on the last page. */
  readonly cursor?: string;
}

/** Pastes in the order of their refs. @throws Fault `invalid_cursor`, `invalid_limit` */
export async function listPastes(
  deps: Deps,
  cursor: string | null,
  wanted: string | null,
): Promise<PastePage> {
  const limit = limitOf(wanted);
  if (cursor !== null && !/^[0-9a-f]{32}$/.test(cursor)) throw new Fault('invalid_cursor');
  const pastes = await deps.store.listing.pastes(cursor ?? undefined, limit);
  const last = pastes.at(-1);
  return pastes.length === limit && last !== undefined ? { pastes, cursor: last.ref } : { pastes };
}

/** The first pastes by size or age, for a page. */
export async function topPastes(deps: Deps, order: PasteOrder): Promise<ListedPaste[]> {
  return deps.store.listing.topPastes(order, LISTED);
}

/** Deletes by ref or by id. @returns the ref. @throws Fault `paste_not_found` */
export async function deletePasteByRef(deps: Deps, origin: Origin, refOrId: string): Promise<string> {
  const ref = isPasteId(refOrId) ? pasteRef(refOrId) : refOrId;
  const entry = auditEntry(deps, origin, 'paste_delete', 'ok', { subjectId: ref });
  if (!/^[0-9a-f]{32}$/.test(ref) || !(await deps.store.listing.removePaste(ref, entry))) {
    throw new Fault('paste_not_found');
  }
  deps.metrics.add('flaskpaste_pastes_deleted', 1);
  return ref;
}

/** Removes at once what a sweep would remove. */
export async function cleanUp(deps: Deps, origin: Origin): Promise<Swept> {
  const swept = await sweep(deps);
  await deps.store.audit.append(auditEntry(deps, origin, 'pastes_cleanup', 'ok'));
  return swept;
}

/** Sums for the operator. */
export async function pasteStats(deps: Deps): Promise<PasteStats> {
  return deps.store.listing.pasteStats(deps.now(), deps.now() - DAY_MS);
}
