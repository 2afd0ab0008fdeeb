/** What an upload of a chunk is answered, in whichever way its bytes came. */
import * as v from 'valibot';
import type { CommittedChunk } from '../../core/chunk-commit.ts';
import { admitUpload } from '../../core/chunk-commit.ts';
import type { FaultKind } from '../../core/faults.ts';
import { ownedBy } from '../../core/owned.ts';
import { json, type Reply } from '../kit/reply.ts';
import type { AnswerNote, Call, HeaderNote } from '../kit/route.ts';
import type { SignedIn } from '../kit/session.ts';
import { ChunkView, chunkView, FIELD_FAULTS } from './chunk-view.ts';
import { originOf } from './origin.ts';

export const RETRY_KEY: Readonly<Record<string, HeaderNote>> = {
  'Idempotency-Key': {
    description: '1 to 255 visible ASCII characters; makes a retry of an equivalent upload answer its chunk.',
  },
};

/** A chunk, and the signed receipt for it where the server has a key to sign with. */
export const UploadedView = v.strictObject({ ...ChunkView.entries, receipt: v.optional(v.string()) });

export const REPLAYED: AnswerNote = {
  description: 'An equivalent upload had made it before; this is its chunk.',
  schema: UploadedView,
  headers: { 'Idempotency-Replayed': { description: 'true', required: true } },
};

export const UPLOADED: Readonly<Record<number, AnswerNote>> = {
  201: { description: 'Kept. It is never overwritten.', schema: UploadedView },
  200: REPLAYED,
};

/** Who may not upload there at all. */
export const ADMISSION_FAULTS: readonly FaultKind[] = [
  'incident_not_found',
  'incident_deleting',
  'incident_closed',
  'invalid_idempotency_key',
];

/** What ends the arrival of bytes. */
export const ARRIVAL_FAULTS: readonly FaultKind[] = [
  'upload_too_large',
  'upload_staging_quota_exceeded',
  'request_timeout',
  'request_aborted',
];

/** What bytes that have arrived are refused for. */
export const COMMIT_FAULTS: readonly FaultKind[] = [
  'hash_mismatch',
  'stream_not_found',
  'stream_not_open',
  'stream_media_type_mismatch',
  'chunk_not_sealed',
  'sealed_context_mismatch',
  'upload_in_progress',
  'upload_coordination_unavailable',
  'idempotency_conflict',
  'duplicate_chunk',
  'account_storage_quota_exceeded',
];

export const UPLOAD_FAULTS: readonly FaultKind[] = [
  ...FIELD_FAULTS,
  ...ADMISSION_FAULTS,
  ...ARRIVAL_FAULTS,
  ...COMMIT_FAULTS,
];

export function uploaded({ chunk, replayed, receipt }: CommittedChunk): Reply {
  const view = { ...chunkView(chunk), ...(receipt !== undefined && { receipt }) };
  return replayed ? json(200, view, { 'idempotency-replayed': 'true' }) : json(201, view);
}

/** May this account upload there, under this key? Asked before a byte of the body is read. */
export function admitted({ deps, request, who }: Call<SignedIn, unknown>, incidentId: string) {
  const owned = ownedBy(who.live, incidentId);
  return admitUpload(
    deps,
    { owned, origin: originOf(who, 'upload') },
    request.headers.get('idempotency-key'),
  );
}
