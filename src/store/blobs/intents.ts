/**
 * The list of objects that no chunk owns: those being put, and those to be removed. A row is there before the first
 * byte is sent; a commit, or the answer to a removal, takes it away.
 *
 * A put that nobody heard the end of may still arrive after its object was removed. So what was being put is removed
 * twice: when its row says so, and once more when no request can be under way any longer.
 */
import type { Db } from '../db.ts';
import { allRows, firstRow } from '../libsql/rows.ts';
import { read, Script, sql, write } from '../libsql/script.ts';
import { OBJECT_PREFIX, OBJECTS } from '../libsql/segments.ts';
import type { PlaceFor } from '../store.ts';

/** Whoever puts an object gives a sign of life more often than this, in milliseconds; else others may take over. */
export const SILENT_MS = 2 * 60_000;
/** How often it does. */
export const SIGN_MS = 20_000;
/** An object that could not be removed is tried again after so long. */
export const AGAIN_MS = 60_000;
/** An object that nobody commits is removed after so long without one. */
export const LIFETIME_MS = 15 * 60_000;

/** An object in somebody's hands. */
export interface Intent {
  readonly blob: string;
  readonly writer: string;
  /** Somebody else began it, and whatever is there may be whole. */
  readonly takenOver: boolean;
}

export interface Intents {
  /**
   * Takes over what was left of an attempt to put the same bytes for the same chunk, or begins anew.
   * @returns undefined when the incident is not active
   */
  begin(where: PlaceFor, fresh: string, writer: string, now: number): Promise<Intent | undefined>;
  /** A sign of life. @returns false when somebody else took it over, or it was called off */
  touch(intent: Intent, now: number): Promise<boolean>;
  /**
   * Condemns an object that is still this writer's, or whose time was over by then: nothing commits it from now on.
   * @returns whether its bytes are to be removed; false where a chunk owns it or it is somebody else's
   */
  condemn(blob: string, whose: { readonly writer: string } | { readonly dueBy: number }): Promise<boolean>;
  /** Condemns an object, whoever owns it. */
  take(blob: string): Promise<void>;
  /** Records that its bytes were removed. What may still arrive is to be removed again after `again`. */
  removed(blob: string, again: number): Promise<void>;
  /** Leaves an object that could not be removed for later, so that it keeps no other from its turn. */
  putOff(blob: string, until: number): Promise<void>;
  /** Those that are to be removed by now, at most so many. */
  due(now: number, max: number): Promise<readonly string[]>;
}

/** Key of what belongs to an incident, and to one of its streams. */
export const incidentPrefix = (incidentId: string): string => `incidents/${incidentId}/`;
/** @param streamId undefined for chunks from before there were streams */
export const streamPrefix = (incidentId: string, streamId: string | undefined): string =>
  `${incidentPrefix(incidentId)}${streamId ?? 'legacy'}/`;

/** The name of an object: within a stream, the order of names is that of indexes. `random`: hex digits */
export const objectName = ({ incidentId, streamId, chunkIndex }: PlaceFor, random: string): string =>
  `${OBJECT_PREFIX}${streamPrefix(incidentId, streamId)}${String(chunkIndex).padStart(16, '0')}-${random}`;

/** What makes a chunk the same, beside its bytes. */
const chunkKey = ({ incidentId, streamId, chunkIndex }: PlaceFor): string =>
  `${incidentId}/${streamId ?? 'legacy'}/${chunkIndex}`;

/** @see Intents */
export function intentsOn(db: Db): Intents {
  return {
    async begin(where, fresh, writer, now) {
      const { incidentId, size, sha256 } = where;
      const script = new Script();
      script.step(
        'left',
        sql`UPDATE loose_blobs SET writer = ${writer}, touched_at = ${now}, erase_at = ${now + LIFETIME_MS}
          WHERE blob = (SELECT blob FROM loose_blobs
            WHERE chunk = ${chunkKey(where)} AND state = 'staged' AND size = ${size} AND sha256 = ${sha256}
              AND touched_at <= ${now - SILENT_MS} LIMIT 1)
          RETURNING blob`,
      );
      script.step(
        'fresh',
        sql`INSERT INTO loose_blobs
            (blob, state, bytes, erase_at, writer, size, sha256, chunk, incident_id, touched_at)
          SELECT ${fresh}, 'staged', 0, ${now + LIFETIME_MS}, ${writer}, ${size}, ${sha256}, ${chunkKey(where)},
            ${incidentId}, ${now}
          WHERE changes() = 0 AND EXISTS
            (SELECT 1 FROM incidents WHERE id = ${incidentId} AND deletion_state = 'active')`,
      );
      const answer = await script.run(db);
      const left = firstRow(answer('left'))?.text('blob');
      if (left !== undefined) return { blob: left, writer, takenOver: true };
      return answer('fresh')?.changes === 1 ? { blob: fresh, writer, takenOver: false } : undefined;
    },

    async touch({ blob, writer }, now) {
      const done = await write(
        db,
        sql`UPDATE loose_blobs SET touched_at = ${now}, erase_at = ${now + LIFETIME_MS}
          WHERE blob = ${blob} AND writer = ${writer} AND state = 'staged'`,
      );
      return done?.changes === 1;
    },

    async condemn(blob, whose) {
      const which = 'writer' in whose ? sql`writer = ${whose.writer}` : sql`erase_at <= ${whose.dueBy}`;
      const done = await write(
        db,
        sql`UPDATE loose_blobs SET state = 'erasing', erase_at = 0 WHERE blob = ${blob} AND ${which}`,
      );
      return done?.changes === 1;
    },

    async take(blob) {
      await write(
        db,
        sql`INSERT INTO loose_blobs (blob, state, bytes, erase_at) VALUES (${blob}, 'erasing', 0, 0)
          ON CONFLICT (blob) DO UPDATE SET state = 'erasing', erase_at = 0`,
      );
    },

    async removed(blob, again) {
      const script = new Script();
      script.step(
        'certain',
        sql`DELETE FROM loose_blobs WHERE blob = ${blob} AND state = 'erasing' AND size IS NULL`,
      );
      script.step(
        'again',
        sql`UPDATE loose_blobs SET size = NULL, erase_at = ${again}
          WHERE blob = ${blob} AND state = 'erasing' AND changes() = 0`,
      );
      await script.run(db);
    },

    async putOff(blob, until) {
      await write(
        db,
        sql`UPDATE loose_blobs SET erase_at = ${until} WHERE blob = ${blob} AND state = 'erasing'`,
      );
    },

    async due(now, max) {
      const found = await read(
        db,
        sql`SELECT blob FROM loose_blobs WHERE erase_at <= ${now} AND blob GLOB ${OBJECTS}
          ORDER BY erase_at LIMIT ${max}`,
      );
      return allRows(found).map((row) => row.text('blob'));
    },
  };
}
