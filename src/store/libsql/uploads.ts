/**
 * Uploads in pieces. An upload and its staged blob are made together, so that an upload without a blob is one whose
 * bytes were swept, discarded or adopted, never one that has not begun.
 */
import type { Upload, UploadStore } from '../chunks.ts';
import type { Db } from '../db.ts';
import type { MediaType } from '../incidents.ts';
import { isActive } from './owned.ts';
import { firstRow, type Row } from './rows.ts';
import { read, Script, Sql, sql, write } from './script.ts';

const COLUMNS = [
  ...['id', 'account_id', 'incident_id', 'stream_id', 'chunk_index', 'media_type', 'started_at', 'ended_at'],
  ...['original_filename', 'sha256', 'protocol', 'blob', 'length', 'retry_key_hash', 'metadata'],
  ...['created_at', 'expires_at'],
];
const UPLOAD = new Sql(COLUMNS.join(', '), []);
const UPLOAD_OF_U = new Sql(COLUMNS.map((name) => `u.${name} AS ${name}`).join(', '), []);

function uploadOf(row: Row): Upload {
  const originalFilename = row.optionalText('original_filename');
  const length = row.optionalNumber('length');
  const retryKeyHash = row.optionalText('retry_key_hash');
  const metadata = row.optionalText('metadata');
  const chunkId = row.optionalText('chunk_id');
  const refusal = row.optionalText('refusal');
  return {
    id: row.text('id'),
    accountId: row.text('account_id'),
    incidentId: row.text('incident_id'),
    streamId: row.text('stream_id'),
    chunkIndex: row.number('chunk_index'),
    mediaType: row.text('media_type') as MediaType,
    startedAt: row.text('started_at'),
    endedAt: row.text('ended_at'),
    ...(originalFilename !== undefined && { originalFilename }),
    protocol: row.text('protocol') as Upload['protocol'],
    blob: row.text('blob'),
    sha256: row.text('sha256'),
    ...(length !== undefined && { length }),
    // What was concluded has no staged bytes to count any more.
    offset: row.optionalNumber('staged_bytes') ?? length ?? 0,
    ...(retryKeyHash !== undefined && { retryKeyHash }),
    ...(metadata !== undefined && { metadata }),
    createdAt: row.number('created_at'),
    expiresAt: row.number('expires_at'),
    ...(chunkId !== undefined && { chunkId }),
    ...(refusal !== undefined && { refusal }),
  };
}

/** One that can still be asked for. A chunk that has its blob is what it became, though nobody lived to record it. */
const found = (id: string, accountId: string, now: number): Sql =>
  sql`SELECT ${UPLOAD_OF_U}, coalesce(u.chunk_id, c.id) AS chunk_id, u.refusal AS refusal,
      b.bytes AS staged_bytes
    FROM uploads AS u
      LEFT JOIN loose_blobs AS b ON b.blob = u.blob AND b.state = 'staged'
      LEFT JOIN chunks AS c ON c.blob = u.blob
    WHERE u.id = ${id} AND u.account_id = ${accountId} AND u.expires_at > ${now}
      AND coalesce(b.blob, c.id, u.chunk_id, u.refusal) IS NOT NULL`;

/** @see UploadStore */
export function uploadStore(db: Db): UploadStore {
  return {
    async create(upload, writer, most) {
      const script = new Script();
      // What is staged on behalf of an account are its unfinished uploads.
      const unfinished = sql`SELECT count(*) FROM loose_blobs
        WHERE holder = ${upload.accountId} AND state = 'staged'`;
      // It was when the upload was admitted; what comes after the decision to delete would be nobody's to remove.
      const active = sql`SELECT 1 FROM incidents WHERE id = ${upload.incidentId} AND ${isActive}`;
      script.step(
        'blob',
        sql`INSERT INTO loose_blobs (blob, state, bytes, erase_at, writer, holder)
          SELECT ${upload.blob}, 'staged', 0, ${upload.expiresAt}, ${writer}, ${upload.accountId}
          WHERE (${unfinished}) < ${most} AND EXISTS (${active})`,
      );
      script.step(
        'upload',
        sql`INSERT INTO uploads (${UPLOAD}) SELECT
            ${upload.id}, ${upload.accountId}, ${upload.incidentId}, ${upload.streamId}, ${upload.chunkIndex},
            ${upload.mediaType}, ${upload.startedAt}, ${upload.endedAt}, ${upload.originalFilename ?? null},
            ${upload.sha256}, ${upload.protocol}, ${upload.blob}, ${upload.length ?? null},
            ${upload.retryKeyHash ?? null}, ${upload.metadata ?? null}, ${upload.createdAt}, ${upload.expiresAt}
          WHERE changes() = 1`,
      );
      return (await script.run(db))('upload')?.changes === 1;
    },

    async find(id, accountId, now) {
      const row = firstRow(await read(db, found(id, accountId, now)));
      return row && uploadOf(row);
    },

    async take({ id, accountId, protocol }, now, writer) {
      const script = new Script();
      const theirs = sql`SELECT blob FROM uploads
        WHERE id = ${id} AND account_id = ${accountId} AND protocol = ${protocol} AND expires_at > ${now}`;
      script.step(
        'turn',
        sql`UPDATE loose_blobs SET writer = ${writer} WHERE blob = (${theirs}) AND state = 'staged'`,
      );
      script.step('found', sql`${found(id, accountId, now)} AND u.protocol = ${protocol}`);
      const row = firstRow((await script.run(db))('found'));
      return row && uploadOf(row);
    },

    async setLength(id, length) {
      const said = await write(
        db,
        sql`UPDATE uploads SET length = ${length} WHERE id = ${id} AND coalesce(length, ${length}) = ${length}`,
      );
      return said?.changes === 1;
    },

    async conclude(id, outcome) {
      const [chunkId, refusal] = 'chunkId' in outcome ? [outcome.chunkId, null] : [null, outcome.refusal];
      await write(
        db,
        sql`UPDATE uploads SET chunk_id = ${chunkId}, refusal = ${refusal}
          WHERE id = ${id} AND chunk_id IS NULL AND refusal IS NULL`,
      );
    },

    async remove(id) {
      await write(db, sql`DELETE FROM uploads WHERE id = ${id}`);
    },

    async sweep(now, max) {
      const due = sql`SELECT id FROM uploads WHERE expires_at <= ${now} ORDER BY expires_at LIMIT ${max}`;
      const swept = await write(db, sql`DELETE FROM uploads WHERE id IN (${due})`);
      return (swept?.changes ?? 0) < max;
    },
  };
}
