/**
 * Uploads in pieces. An upload and its staged blob are made together, so that an upload without a blob is one whose
 * bytes were swept, discarded or adopted, never one that has not begun.
 */
import type { Upload, UploadStore } from '../chunks.ts';
import type { Db } from '../db.ts';
import type { MediaType } from '../incidents.ts';
import { firstRow, type Row } from './rows.ts';
import { read, Script, Sql, sql, write } from './script.ts';

const COLUMNS = [
  ...['id', 'account_id', 'incident_id', 'stream_id', 'chunk_index', 'media_type', 'started_at', 'ended_at'],
  ...['original_filename', 'sha256', 'protocol', 'blob', 'length', 'retry_key_hash', 'created_at'],
  'expires_at',
];
const UPLOAD = new Sql(COLUMNS.join(', '), []);
const UPLOAD_OF_U = new Sql(COLUMNS.map((name) => `u.${name} AS ${name}`).join(', '), []);

function uploadOf(row: Row): Upload {
  const originalFilename = row.optionalText('original_filename');
  const length = row.optionalNumber('length');
  const retryKeyHash = row.optionalText('retry_key_hash');
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
    createdAt: row.number('created_at'),
    expiresAt: row.number('expires_at'),
    ...(chunkId !== undefined && { chunkId }),
    ...(refusal !== undefined && { refusal }),
  };
}

/** @see UploadStore */
export function uploadStore(db: Db): UploadStore {
  return {
    async create(upload) {
      const script = new Script();
      script.step(
        'upload',
        sql`INSERT INTO uploads (${UPLOAD}) VALUES
          (${upload.id}, ${upload.accountId}, ${upload.incidentId}, ${upload.streamId}, ${upload.chunkIndex},
            ${upload.mediaType}, ${upload.startedAt}, ${upload.endedAt}, ${upload.originalFilename ?? null},
            ${upload.sha256}, ${upload.protocol}, ${upload.blob}, ${upload.length ?? null},
            ${upload.retryKeyHash ?? null}, ${upload.createdAt}, ${upload.expiresAt})`,
      );
      script.step(
        'blob',
        sql`INSERT INTO loose_blobs (blob, state, bytes, erase_at)
          VALUES (${upload.blob}, 'staged', 0, ${upload.expiresAt})`,
      );
      await script.run(db);
    },

    async find(id, accountId, now) {
      // A chunk that has its blob is what it became, also where nobody lived to record that.
      const found = await read(
        db,
        sql`SELECT ${UPLOAD_OF_U}, coalesce(u.chunk_id, c.id) AS chunk_id, u.refusal AS refusal,
            b.bytes AS staged_bytes
          FROM uploads AS u
            LEFT JOIN loose_blobs AS b ON b.blob = u.blob AND b.state = 'staged'
            LEFT JOIN chunks AS c ON c.blob = u.blob
          WHERE u.id = ${id} AND u.account_id = ${accountId} AND u.expires_at > ${now}
            AND coalesce(b.blob, c.id, u.chunk_id, u.refusal) IS NOT NULL`,
      );
      const row = firstRow(found);
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
      const script = new Script();
      const due = sql`FROM uploads WHERE expires_at <= ${now} ORDER BY expires_at LIMIT ${max}`;
      // No bytes outlive the upload that they arrived by.
      script.step(
        'bytes',
        sql`UPDATE loose_blobs SET erase_at = 0 WHERE state = 'staged' AND blob IN (SELECT blob ${due})`,
      );
      script.step('delete', sql`DELETE FROM uploads WHERE id IN (SELECT id ${due})`);
      const answer = await script.run(db);
      return (answer('delete')?.changes ?? 0) < max;
    },
  };
}
