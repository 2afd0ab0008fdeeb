/** The chunk room of the main door: sealed bytes in, as a form or as they are. */
import { admitUpload, type CommittedChunk, chunkIntake } from '../../core/chunk-commit.ts';
import { chunkFields, wholeNumber } from '../../core/chunk-fields.ts';
import { uploadChunk } from '../../core/chunks.ts';
import type { FaultKind } from '../../core/faults.ts';
import { ownedBy } from '../../core/owned.ts';
import { receive } from '../../core/receive.ts';
import { bodyOf } from '../kit/body.ts';
import { sha256In } from '../kit/content-digest.ts';
import { json, type Reply } from '../kit/reply.ts';
import { type AnswerNote, type Call, type HeaderNote, productRoute } from '../kit/route.ts';
import { account, type SignedIn } from '../kit/session.ts';
import { readChunkForm } from './chunk-form.ts';
import { list, read, readLegacy } from './chunk-reads.ts';
import { reconcile } from './chunk-reconcile.ts';
import { ChunkView, chunkView, FIELD_FAULTS } from './chunk-view.ts';
import { originOf } from './origin.ts';

type Given = Readonly<Record<string, string>>;

const RETRY_KEY: Readonly<Record<string, HeaderNote>> = {
  'Idempotency-Key': {
    description: '1 to 255 visible ASCII characters; makes a retry of an equivalent upload answer its chunk.',
  },
};
const UPLOADED: Readonly<Record<number, AnswerNote>> = {
  201: { description: 'Kept. It is never overwritten.', schema: ChunkView },
  200: {
    description: 'An equivalent upload had made it before; this is its chunk.',
    schema: ChunkView,
    headers: { 'Idempotency-Replayed': { description: 'true', required: true } },
  },
};
const UPLOAD_FAULTS: readonly FaultKind[] = [
  ...FIELD_FAULTS,
  'incident_not_found',
  'incident_deleting',
  'incident_closed',
  'invalid_idempotency_key',
  'upload_too_large',
  'upload_staging_quota_exceeded',
  'request_timeout',
  'request_aborted',
  'hash_mismatch',
  'stream_not_found',
  'stream_not_open',
  'stream_media_type_mismatch',
  'chunk_not_sealed',
  'sealed_context_mismatch',
  'idempotency_conflict',
  'duplicate_chunk',
  'account_storage_quota_exceeded',
];

function uploaded({ chunk, replayed }: CommittedChunk): Reply {
  return replayed
    ? json(200, chunkView(chunk), { 'idempotency-replayed': 'true' })
    : json(201, chunkView(chunk));
}

/** May this account upload there, under this key? Asked before a byte of the body is read. */
function admitted({ deps, request, who }: Call<SignedIn, unknown>, incidentId: string) {
  const owned = ownedBy(who.live, incidentId);
  return admitUpload(
    deps,
    { owned, origin: originOf(who, 'upload') },
    request.headers.get('idempotency-key'),
  );
}

export const upload = productRoute({
  id: 'chunks.upload',
  method: 'POST',
  path: '/v1/incidents/:id/chunks',
  limit: 'upload',
  gate: account,
  params: ({ id = '' }: Given) => ({ id }),
  summary: 'Upload a sealed chunk as a form.',
  headers: RETRY_KEY,
  body: {
    description:
      'The part file, and the fields stream_id, chunk_index, media_type, started_at, ended_at, sha256_hex and, where there is one, original_filename.',
    types: ['multipart/form-data'],
  },
  answers: UPLOADED,
  faults: [...UPLOAD_FAULTS, 'invalid_multipart', 'duplicate_file', 'missing_file', 'invalid_sha256_hex'],
  async reply(call) {
    const { deps, request, params } = call;
    const admission = await admitted(call, params.id);
    const { fields, received } = await readChunkForm(request, deps);
    return uploaded(await uploadChunk(deps, admission, () => chunkFields(fields), received));
  },
});

export const put = productRoute({
  id: 'chunks.put',
  method: 'PUT',
  path: '/v1/incidents/:id/streams/:stream_id/chunks/:index',
  limit: 'upload',
  gate: account,
  params: ({ id = '', stream_id = '', index = '' }: Given) => ({ id, streamId: stream_id, index }),
  summary: 'Upload a sealed chunk as it is.',
  headers: {
    ...RETRY_KEY,
    'Content-Digest': { description: 'sha-256 of the body (RFC 9530).', required: true },
    'X-Media-Type': { description: 'audio, video, location or metadata.', required: true },
    'X-Started-At': { description: 'RFC 3339, with any offset.', required: true },
    'X-Ended-At': { description: 'RFC 3339, with any offset.', required: true },
  },
  body: { description: 'The sealed bytes.', types: ['application/octet-stream', '*/*'] },
  answers: UPLOADED,
  faults: [...UPLOAD_FAULTS, 'invalid_content_digest'],
  async reply(call) {
    const { deps, request, params } = call;
    const admission = await admitted(call, params.id);
    const source = bodyOf(request, deps);
    const intake = chunkIntake(deps);
    if ((source.declaredLength ?? 0) > intake.limit) throw intake.tooLarge();
    // All that is stated stands in the head: what is wrong with it is told before the body is read.
    const fields = chunkFields(
      {
        streamId: params.streamId,
        chunkIndex: wholeNumber(params.index),
        mediaType: request.headers.get('x-media-type'),
        startedAt: request.headers.get('x-started-at'),
        endedAt: request.headers.get('x-ended-at'),
        sha256: sha256In(request.headers.get('content-digest')),
      },
      'invalid_content_digest',
    );
    const received = await receive(deps, source, intake);
    return uploaded(await uploadChunk(deps, admission, () => fields, received));
  },
});

export const chunkRoutes = [upload, put, reconcile, list, read, readLegacy];
