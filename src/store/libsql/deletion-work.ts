/**
 * Deletions carried out, in commits that are all small. The order, and why a crash may come between any two steps:
 *
 * 1. `note`: a page of chunks becomes items. Noted again, they are the same items.
 * 2. The blob store removes their bytes. What is not there is removed.
 * 3. `settle`: the items say so, and the chunks' rows go, in one commit. A row is there for as long as its bytes may
 *    be, so that nothing has to be remembered: the next page is what is left.
 * 4. `clear`: everything else that belongs to the incident, page by page, and the items.
 * 5. `complete`: only if nothing is left, the tombstone, the end of the decision and the audit row, in one commit.
 *
 * Nothing is added meanwhile: whatever adds to an incident asks in its own commit whether it is active. The decision
 * was made in one commit as well, so that what came before it is there to be found, and what comes after is refused.
 */

import type { Db, ResultSet } from '../db.ts';
import type { DeletionWorkStore, DoomedChunk, HeldDeletion } from '../letting-go.ts';
import { decide, decided } from './audit.ts';
import { isDue } from './clock.ts';
import { allRows, firstRow } from './rows.ts';
import { all, read, Script, Sql, sql, write } from './script.ts';

/** The condition that a decision may be claimed. */
const isRunnable = (silentSince: number): Sql =>
  sql`state IN ('deletion_pending', 'deletion_failed')
    OR (state = 'deleting' AND (lease IS NULL OR ${isDue('updated_at', silentSince)}))`;

/** The condition on a row of `deletions` that it is still this claim's. */
const isHeld = ({ id, lease }: HeldDeletion): Sql =>
  sql`id = ${id} AND state = 'deleting' AND lease = ${lease}`;

const held = (task: HeldDeletion): Sql => sql`EXISTS (SELECT 1 FROM deletions WHERE ${isHeld(task)})`;

/** Adds the sign of life that every step begins with; without it, the step does nothing. */
function touch(script: Script, task: HeldDeletion, now: number): void {
  script.step('touch', sql`UPDATE deletions SET updated_at = ${now} WHERE ${isHeld(task)}`);
}

const touched = (result: ResultSet | undefined): boolean => result?.changes === 1;

/** `(?, ?, ?)`, or a list that nothing is in. */
const list = (values: readonly string[]): Sql => new Sql(`(${values.map(() => '?').join(', ')})`, values);

/** Tables whose rows belong to an incident, in the order in which they refer to each other. */
const CHILDREN = [
  'wrapped_keys',
  'sharing_grants',
  'viewer_tokens',
  'checkins',
  'uploads',
  'streams',
] as const;
type Child = (typeof CHILDREN)[number];
/** What has to be gone before. */
const AFTER: Readonly<Partial<Record<Child, readonly string[]>>> = {
  sharing_grants: ['wrapped_keys'],
  streams: ['chunks', 'wrapped_keys', 'sharing_grants'],
};

const anyOf = (table: string, incidentId: string): Sql =>
  sql`EXISTS (SELECT 1 FROM ${new Sql(table, [])} WHERE incident_id = ${incidentId})`;

/** The condition that an incident has no rows in these tables. */
function noneOf(tables: readonly string[], incidentId: string): Sql {
  return all(sql`true`, ...tables.map((table) => sql`NOT ${anyOf(table, incidentId)}`));
}

/** The condition that nothing belongs to an incident any more but its tombstone and its decision. */
export const nothingLeft = (incidentId: string): Sql => noneOf(['chunks', ...CHILDREN], incidentId);

/** Deletions carried out, on libSQL. */
export function deletionWorkStore(db: Db): DeletionWorkStore {
  return {
    async runnable(silentSince, after, limit) {
      const place = after && sql`(requested_at, id) > (${after.requestedAt}, ${after.id})`;
      const found = await read(
        db,
        sql`SELECT id, incident_id, requested_at FROM deletions
          WHERE state <> 'deleted' AND (${isRunnable(silentSince)}) AND ${place ?? sql`true`}
          ORDER BY requested_at, id LIMIT ${limit}`,
      );
      return allRows(found).map((row) => ({
        id: row.text('id'),
        incidentId: row.text('incident_id'),
        requestedAt: row.number('requested_at'),
      }));
    },

    async claim({ id, incidentId, lease }, silentSince, now) {
      const claimable = sql`id = ${id} AND (${isRunnable(silentSince)})`;
      const script = new Script();
      script.step(
        'incident',
        sql`UPDATE incidents SET deletion_state = 'deleting', updated_at = ${now}
          WHERE id = ${incidentId} AND deletion_state IN ('deletion_pending', 'deletion_failed')
            AND EXISTS (SELECT 1 FROM deletions WHERE ${claimable})`,
      );
      script.step(
        'claim',
        sql`UPDATE deletions SET state = 'deleting', lease = ${lease},
            started_at = coalesce(started_at, ${now}), updated_at = ${now}
          WHERE ${claimable}`,
      );
      return touched((await script.run(db))('claim'));
    },

    async note(task, after, limit, now) {
      const page = sql`FROM chunks WHERE incident_id = ${task.incidentId} AND id > ${after ?? ''}`;
      const script = new Script();
      touch(script, task, now);
      // An item has the ULID of its chunk, which is as unique.
      script.step(
        'items',
        sql`INSERT INTO deletion_items (id, deletion_id, blob, state, updated_at)
          SELECT 'dli_' || substr(id, 5), ${task.id}, blob, 'pending', ${now} ${page} AND ${held(task)}
          ORDER BY id LIMIT ${limit}
          ON CONFLICT DO NOTHING`,
      );
      script.step('page', sql`SELECT id, blob, byte_size ${page} ORDER BY id LIMIT ${limit}`);
      const answer = await script.run(db);
      if (!touched(answer('touch'))) return 'lost';
      return allRows(answer('page')).map(
        (row): DoomedChunk => ({ id: row.text('id'), blob: row.text('blob'), size: row.number('byte_size') }),
      );
    },

    async settle(task, { gone, failed, errorCode }, now) {
      const items = sql`deletion_id = ${task.id} AND ${held(task)}`;
      const script = new Script();
      touch(script, task, now);
      script.step(
        'gone',
        sql`UPDATE deletion_items SET state = 'deleted', attempts = attempts + 1, error_code = NULL,
            updated_at = ${now}
          WHERE blob IN ${list(gone)} AND ${items}`,
      );
      script.step(
        'failed',
        sql`UPDATE deletion_items SET state = 'failed', attempts = attempts + 1, error_code = ${errorCode},
            updated_at = ${now}
          WHERE blob IN ${list(failed)} AND ${items}`,
      );
      script.step(
        'chunks',
        sql`DELETE FROM chunks WHERE blob IN ${list(gone)} AND incident_id = ${task.incidentId} AND ${held(task)}`,
      );
      // A chunk that goes leaves its blob to be erased, which it is.
      script.step(
        'names',
        sql`DELETE FROM loose_blobs WHERE blob IN ${list(gone)} AND state = 'erasing' AND ${held(task)}
          AND NOT EXISTS (SELECT 1 FROM segments AS s WHERE s.blob = loose_blobs.blob)`,
      );
      return touched((await script.run(db))('touch')) ? 'settled' : 'lost';
    },

    async clear(task, limit, now) {
      const { incidentId } = task;
      const script = new Script();
      touch(script, task, now);
      for (const child of CHILDREN) {
        const table = new Sql(child, []);
        script.step(
          child,
          sql`DELETE FROM ${table} WHERE ${held(task)} AND ${noneOf(AFTER[child] ?? [], incidentId)} AND id IN
            (SELECT id FROM ${table} WHERE incident_id = ${incidentId} LIMIT ${limit})`,
        );
      }
      // While there are chunks, their items say what happened to them.
      script.step(
        'items',
        sql`DELETE FROM deletion_items WHERE ${held(task)} AND ${noneOf(['chunks'], incidentId)} AND id IN
          (SELECT id FROM deletion_items WHERE deletion_id = ${task.id} AND state = 'deleted' LIMIT ${limit})`,
      );
      const answer = await script.run(db);
      if (!touched(answer('touch'))) return 'lost';
      const removed = [...CHILDREN, 'items'].some((step) => (answer(step)?.changes ?? 0) > 0);
      return removed ? 'more' : 'cleared';
    },

    async complete(task, now, audit) {
      const { id, incidentId } = task;
      const undone = sql`SELECT 1 FROM deletion_items WHERE deletion_id = ${id} AND state <> 'deleted'`;
      const script = new Script();
      script.step('held', sql`SELECT 1 WHERE ${held(task)}`);
      const done = decide(
        script,
        audit,
        all(held(task), sql`NOT EXISTS (${undone})`, nothingLeft(incidentId)),
      );
      script.step('items', sql`DELETE FROM deletion_items WHERE deletion_id = ${id} AND ${done}`);
      script.step('media', sql`DELETE FROM incident_media WHERE incident_id = ${incidentId} AND ${done}`);
      script.step(
        'tombstone',
        sql`UPDATE incidents SET status = 'closed', deletion_state = 'deleted', client_label = NULL, notes = NULL,
            incident_mode = NULL, capture_profile = NULL, escalation_policy = NULL, sharing_state = NULL,
            updated_at = ${now}
          WHERE id = ${incidentId} AND ${done}`,
      );
      script.step(
        'end',
        sql`UPDATE deletions SET state = 'deleted', completed_at = ${now}, updated_at = ${now}, lease = NULL,
            error_code = NULL
          WHERE id = ${id} AND ${done}`,
      );
      const answer = await script.run(db);
      if (decided(answer)) return 'deleted';
      return firstRow(answer('held')) === undefined ? 'lost' : 'unfinished';
    },

    async fail(task, errorCode, now, audit) {
      const script = new Script();
      // A deletion that fails for the same reason at each round is one event, not one a minute.
      decide(
        script,
        audit,
        sql`EXISTS (SELECT 1 FROM deletions WHERE ${isHeld(task)} AND error_code IS NOT ${errorCode})`,
      );
      script.step(
        'incident',
        sql`UPDATE incidents SET deletion_state = 'deletion_failed', updated_at = ${now}
          WHERE id = ${task.incidentId} AND ${held(task)}`,
      );
      script.step(
        'fail',
        sql`UPDATE deletions SET state = 'deletion_failed', error_code = ${errorCode}, failures = failures + 1,
            lease = NULL, updated_at = ${now}
          WHERE ${isHeld(task)}`,
      );
      return touched((await script.run(db))('fail')) ? 'failed' : 'lost';
    },

    async release(task) {
      await write(db, sql`UPDATE deletions SET lease = NULL WHERE ${isHeld(task)}`);
    },
  };
}
