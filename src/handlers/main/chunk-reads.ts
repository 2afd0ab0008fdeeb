/** Chunks back to their owner: the list of them, and the ciphertext of one. */
import * as v from 'valibot';
import { wholeNumber } from '../../core/chunk-fields.ts';
import { findChunk, findLegacyChunk, listChunks, openChunk } from '../../core/chunks.ts';
import { MEDIA_TYPES } from '../../core/streams.ts';
import type { KeptChunk } from '../../store/chunks.ts';
import { digestHeader } from '../kit/content-digest.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { rangedAnswer } from '../kit/range.ts';
import { json, type Reply } from '../kit/reply.ts';
import { type AnswerNote, type Call, type HeaderNote, productRoute } from '../kit/route.ts';
import { account, type SignedIn } from '../kit/session.ts';
import { ChunkView, chunkView } from './chunk-view.ts';
import { incidentRoute } from './incident-route.ts';
import { originOf } from './origin.ts';

type Given = Readonly<Record<string, string>>;

export const list = incidentRoute({
  id: 'chunks.list',
  method: 'GET',
  path: '/v1/incidents/:id/chunks',
  limit: 'incident_read',
  gate: account,
  params: ({ id = '' }: Given) => ({ id }),
  summary:
    'The chunks of an incident in the order of their ids, ?after=<id>&limit=<n>, at most 1000 at a time.',
  answers: { 200: { description: 'A page.', schema: v.array(ChunkView), headers: PAGE_HEADERS } },
  faults: [...PAGING_FAULTS, 'incident_not_found'],
  async reply({ deps, request, who, params }) {
    const page = await listChunks(deps, who.live, params.id, pagingIn(request));
    return json(200, page.items.map(chunkView), pageHeaders(request, page));
  },
});

const BYTES_HEADERS: Readonly<Record<string, HeaderNote>> = {
  'Content-Length': { description: 'Exact.', required: true },
  'Accept-Ranges': { description: 'bytes', required: true },
  ETag: { description: 'Strong; the SHA-256 of the whole chunk.', required: true },
};
const BYTES: Readonly<Record<number, AnswerNote>> = {
  200: {
    description: 'The ciphertext.',
    types: ['application/octet-stream'],
    headers: {
      ...BYTES_HEADERS,
      'Content-Digest': { description: 'sha-256 of the body (RFC 9530).', required: true },
    },
  },
  206: {
    description: 'A part of the ciphertext.',
    types: ['application/octet-stream'],
    headers: {
      ...BYTES_HEADERS,
      'Content-Range': { description: 'Which bytes, and how many there are.', required: true },
      'Repr-Digest': { description: 'sha-256 of the whole chunk (RFC 9530).', required: true },
    },
  },
};
const RANGES: Readonly<Record<string, HeaderNote>> = {
  Range: { description: 'One range of bytes; of several the whole is sent.' },
  'If-Range': { description: 'The ETag of the part that is already there.' },
};

/** The ciphertext of a chunk, or the part that is asked for. Taking it is recorded, asking for its head is not. */
async function bytesOf(
  { deps, request, who, head }: Call<SignedIn, unknown>,
  chunk: KeptChunk,
): Promise<Reply> {
  const { status, headers, start, end } = rangedAnswer(request, {
    length: chunk.byteSize,
    etag: `"${chunk.sha256}"`,
  });
  // Of a part the digest of what is sent is not known; that of the whole is.
  const digest = status === 206 ? 'repr-digest' : 'content-digest';
  const length = end - start;
  return {
    status,
    headers: { 'content-type': 'application/octet-stream', [digest]: digestHeader(chunk.sha256), ...headers },
    body: head
      ? { length }
      : { length, open: await openChunk(deps, originOf(who, 'download'), chunk, { start, end }) },
  };
}

export const read = productRoute({
  id: 'chunks.read',
  method: 'GET',
  path: '/v1/incidents/:id/streams/:stream_id/chunks/:index',
  limit: 'download',
  gate: account,
  params: ({ id = '', stream_id = '', index = '' }: Given) => ({ id, streamId: stream_id, index }),
  summary: 'The ciphertext of a chunk, in any state of its stream.',
  headers: RANGES,
  answers: BYTES,
  faults: [
    'incident_not_found',
    'incident_deleting',
    'stream_not_found',
    'chunk_not_found',
    'range_not_satisfiable',
  ],
  async reply(call) {
    const { id, streamId, index } = call.params;
    return bytesOf(call, await findChunk(call.deps, call.who.live, id, streamId, wholeNumber(index)));
  },
});

export const readLegacy = productRoute({
  id: 'chunks.read_legacy',
  method: 'GET',
  path: '/v1/incidents/:id/chunks/:media_type/:chunk_index',
  limit: 'download',
  gate: account,
  params({ id = '', media_type = '', chunk_index = '' }: Given) {
    return {
      id,
      mediaType: MEDIA_TYPES.find((type) => type === media_type),
      index: wholeNumber(chunk_index),
    };
  },
  summary: 'The ciphertext of a chunk of no stream, which only an import can have brought.',
  headers: RANGES,
  answers: BYTES,
  faults: ['incident_not_found', 'incident_deleting', 'chunk_not_found', 'range_not_satisfiable'],
  async reply(call) {
    const { id, mediaType, index } = call.params;
    return bytesOf(call, await findLegacyChunk(call.deps, call.who.live, id, mediaType, index));
  },
});
