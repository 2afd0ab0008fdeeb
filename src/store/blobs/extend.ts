/** Adding bytes to a staged blob at an offset that the caller believes in: one batch, which only one of many wins. */
import type { Db } from '../db.ts';
import { firstRow } from '../libsql/rows.ts';
import { Script, type Sql, sql } from '../libsql/script.ts';
import { SEGMENT_BYTES } from '../libsql/segments.ts';
import type { Bytes, WriterTurn } from '../store.ts';

interface Extension {
  readonly name: string;
  /** How many bytes it has. */
  readonly offset: number;
  /** At most {@link SEGMENT_BYTES}. */
  readonly bytes: Bytes;
  readonly eraseAt: number;
  /** Most bytes that may lie staged at one time, over all uploads. */
  readonly stagingQuotaBytes: number;
  readonly turn: WriterTurn | undefined;
}

/** The condition that the blob is staged, the writer's, has `offset` bytes, and that its last segment ends there. */
function endsAt(name: string, offset: number, writer: string | undefined): Sql {
  const named = sql`SELECT 1 FROM loose_blobs WHERE blob = ${name}`;
  const theirs = sql`writer IS ${writer ?? null}`;
  const staged = sql`EXISTS (${named} AND state = 'staged' AND bytes = ${offset} AND ${theirs})`;
  // Not begun: the name is neither on the list nor taken by bytes that something else owns.
  const segments = sql`SELECT 1 FROM segments WHERE blob = ${name}`;
  if (offset === 0) {
    return writer === undefined ? sql`${staged} OR NOT (EXISTS (${named}) OR EXISTS (${segments}))` : staged;
  }
  const last = Math.floor((offset - 1) / SEGMENT_BYTES);
  const ends = sql`idx = ${last} AND length(bytes) = ${offset - last * SEGMENT_BYTES}`;
  return sql`${staged} AND EXISTS (${segments} AND ${ends})`;
}

/** The condition that everything staged has room for so many bytes more, and that its holder may have them. */
function roomFor(name: string, more: number, stagingQuotaBytes: number, turn: WriterTurn | undefined): Sql {
  const all = sql`(SELECT coalesce(sum(bytes), 0) FROM loose_blobs WHERE state = 'staged') + ${more}
    <= ${stagingQuotaBytes}`;
  if (turn === undefined) return all;
  const holder = sql`(SELECT holder FROM loose_blobs WHERE blob = ${name})`;
  const held = sql`SELECT coalesce(sum(bytes), 0) FROM loose_blobs WHERE holder = ${holder} AND state = 'staged'`;
  return sql`${all} AND (${held}) + ${more} <= ${turn.holderMost}`;
}

/** @see Blobs.extend */
export async function extendBlob(
  db: Db,
  { name, offset, bytes, eraseAt, stagingQuotaBytes, turn }: Extension,
): Promise<'extended' | 'moved' | 'full'> {
  if (bytes.length > SEGMENT_BYTES) throw new RangeError('more bytes at a time than a segment has');
  const used = offset % SEGMENT_BYTES;
  const filling = used === 0 ? 0 : Math.min(SEGMENT_BYTES - used, bytes.length);
  const next = Math.ceil(offset / SEGMENT_BYTES);
  const expected = endsAt(name, offset, turn?.writer);
  const room = roomFor(name, bytes.length, stagingQuotaBytes, turn);

  const script = new Script();
  script.step('expected', sql`SELECT 1 WHERE ${expected}`);
  script.step(
    'grow',
    sql`INSERT INTO loose_blobs (blob, state, bytes, erase_at)
      SELECT ${name}, 'staged', ${bytes.length}, ${eraseAt} WHERE (${expected}) AND ${room}
      ON CONFLICT (blob) DO UPDATE SET bytes = bytes + excluded.bytes, erase_at = excluded.erase_at`,
  );
  // changes() is the row count of the statement just before: each of these goes on where the one before did.
  if (filling > 0) {
    // Joining makes text of two blobs, whatever is in them; the cast takes it for what it is.
    script.step(
      'fill',
      sql`UPDATE segments SET bytes = CAST(bytes || ${bytes.slice(0, filling)} AS BLOB)
        WHERE blob = ${name} AND idx = ${next - 1} AND changes() = 1`,
    );
  }
  if (filling < bytes.length) {
    // In memory of their own, which a driver may take over; a whole segment is not copied for that.
    const rest = filling === 0 ? bytes : bytes.slice(filling);
    script.step(
      'append',
      sql`INSERT INTO segments (blob, idx, bytes) SELECT ${name}, ${next}, ${rest} WHERE changes() = 1`,
    );
  }
  const answer = await script.run(db);
  if (answer('grow')?.changes === 1) return 'extended';
  return firstRow(answer('expected')) === undefined ? 'moved' : 'full';
}
