/** Comparing: whether what a client believes is kept is what is kept. */
import * as v from 'valibot';
import { chunkFields } from '../../core/chunk-fields.ts';
import { findChunk, mismatches } from '../../core/chunks.ts';
import { Fault } from '../../core/faults.ts';
import { ownedBy } from '../../core/owned.ts';
import { JSON_FAULTS, readFields } from '../kit/body.ts';
import { json } from '../kit/reply.ts';
import { account } from '../kit/session.ts';
import { ConflictView, conflictView, FIELD_FAULTS, MatchedView, matchedView } from './chunk-view.ts';
import { incidentRoute } from './incident-route.ts';

const EXPECTED = [
  'stream_id',
  'chunk_index',
  'media_type',
  'started_at',
  'ended_at',
  'byte_size',
  'sha256_hex',
  'original_filename',
] as const;

/** A text member of a JSON document that may be absent. @throws Fault `invalid_field` */
function textIn(value: unknown, name: string): string | undefined {
  if (value !== undefined && typeof value !== 'string')
    throw new Fault('invalid_field', { message: `${name} must be text` });
  return value;
}

export const reconcile = incidentRoute({
  id: 'chunks.reconcile',
  method: 'POST',
  path: '/v1/incidents/:id/chunks/reconcile',
  limit: 'reconcile',
  gate: account,
  params: ({ id = '' }: Readonly<Record<string, string>>) => ({ id }),
  summary: 'Compare a chunk with what the client believes is kept, in any state of its stream.',
  body: {
    description: 'What the chunk should be.',
    types: [],
    json: v.strictObject({
      stream_id: v.string(),
      chunk_index: v.number(),
      media_type: v.string(),
      started_at: v.string(),
      ended_at: v.string(),
      byte_size: v.number(),
      sha256_hex: v.string(),
      original_filename: v.optional(v.string()),
    }),
  },
  answers: {
    200: { description: 'It is the same.', schema: MatchedView },
    409: { description: 'It differs; what is stored is not told.', schema: ConflictView },
  },
  faults: [
    ...JSON_FAULTS,
    ...FIELD_FAULTS,
    'invalid_sha256_hex',
    'invalid_byte_size',
    'incident_not_found',
    'incident_deleting',
    'stream_not_found',
    'chunk_not_found',
  ],
  async reply({ deps, request, who, params, requestId }) {
    const owned = ownedBy(who.live, params.id);
    const given = await readFields(request, deps, EXPECTED);
    const streamId = textIn(given.stream_id, 'stream_id');
    if (streamId === undefined) throw new Fault('invalid_field', { message: 'stream_id is missing' });
    const expected = chunkFields({
      streamId,
      chunkIndex: given.chunk_index,
      mediaType: given.media_type,
      startedAt: given.started_at,
      endedAt: given.ended_at,
      sha256: given.sha256_hex,
      originalFilename: textIn(given.original_filename, 'original_filename'),
    });
    const byteSize = given.byte_size;
    if (typeof byteSize !== 'number' || !Number.isSafeInteger(byteSize) || byteSize < 1)
      throw new Fault('invalid_byte_size');
    const chunk = await findChunk(deps, who.live, params.id, streamId, expected.chunkIndex);
    const mismatched = mismatches(chunk, expected, byteSize);
    return mismatched.length === 0
      ? json(200, matchedView(owned, expected, chunk))
      : json(409, conflictView(owned, expected, mismatched, requestId));
  },
});
