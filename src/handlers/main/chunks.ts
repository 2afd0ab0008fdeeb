/** The chunk room of the main door: sealed bytes in, as a form or as they are. */
import { chunkIntake } from '../../core/chunk-commit.ts';
import { chunkFields, wholeNumber } from '../../core/chunk-fields.ts';
import { uploadChunk } from '../../core/chunks.ts';
import { receive } from '../../core/receive.ts';
import { bodyOf } from '../kit/body.ts';
import { sha256In } from '../kit/content-digest.ts';
import type { Reply } from '../kit/reply.ts';
import { productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import { admitted, RETRY_KEY, UPLOAD_FAULTS, UPLOADED, uploaded } from './chunk-answer.ts';
import { readChunkForm } from './chunk-form.ts';
import { list, read, readLegacy } from './chunk-reads.ts';
import { reconcile } from './chunk-reconcile.ts';
import {
  BEGUN_OR_UPLOADED,
  type ChunkPut,
  DRAFT_HEADERS,
  DRAFT_PUT_FAULTS,
  putOrBegin,
} from './upload-draft-put.ts';
import { limitHeader } from './upload-headers.ts';

type Given = Readonly<Record<string, string>>;

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

/** The bytes as they are, all of them in one request. @param digest the header that holds their SHA-256 */
async function putWhole(call: ChunkPut, digest: string | null): Promise<Reply> {
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
      sha256: sha256In(digest),
    },
    'invalid_content_digest',
  );
  const received = await receive(deps, source, intake);
  return uploaded(await uploadChunk(deps, admission, () => fields, received));
}

export const put = productRoute({
  id: 'chunks.put',
  method: 'PUT',
  path: '/v1/incidents/:id/streams/:stream_id/chunks/:index',
  limit: 'upload',
  gate: account,
  params: ({ id = '', stream_id = '', index = '' }: Given) => ({ id, streamId: stream_id, index }),
  summary: 'Upload a sealed chunk as it is, or with Upload-Complete: ?0 begin to, in pieces.',
  headers: {
    ...RETRY_KEY,
    'Content-Digest': {
      description:
        'sha-256 of the body (RFC 9530). Required, unless Upload-Complete and Repr-Digest are sent.',
    },
    'X-Media-Type': { description: 'audio, video, location or metadata.', required: true },
    'X-Started-At': { description: 'RFC 3339, with any offset.', required: true },
    'X-Ended-At': { description: 'RFC 3339, with any offset.', required: true },
    ...DRAFT_HEADERS,
  },
  body: { description: 'The sealed bytes.', types: ['application/octet-stream', '*/*'] },
  answers: { ...UPLOADED, 201: BEGUN_OR_UPLOADED },
  faults: [...UPLOAD_FAULTS, ...DRAFT_PUT_FAULTS, 'invalid_content_digest'],
  options: limitHeader,
  reply: (call) => putOrBegin(call, putWhole),
});

export const chunkRoutes = [upload, put, reconcile, list, read, readLegacy];
