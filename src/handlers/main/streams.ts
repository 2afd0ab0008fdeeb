/** The stream room of the main door. */
import * as v from 'valibot';
import { completeStream, createStream, failStream, listStreams, readStream } from '../../core/streams.ts';
import { JSON_FAULTS, readFields, readOptionalFields } from '../kit/body.ts';
import { PAGE_HEADERS, PAGING_FAULTS, pageHeaders, pagingIn } from '../kit/paging.ts';
import { json } from '../kit/reply.ts';
import { account } from '../kit/session.ts';
import { incidentParams, streamParams } from './incident-params.ts';
import { incidentRoute } from './incident-route.ts';
import { originOf } from './origin.ts';
import { StreamAnswer, StreamView, streamView } from './stream-view.ts';

const CLASS = 'stream';

export const create = incidentRoute({
  id: 'streams.create',
  method: 'POST',
  path: '/v1/incidents/:id/streams',
  limit: CLASS,
  gate: account,
  params: incidentParams,
  summary: 'Begin a stream of one kind of media in an open incident.',
  body: {
    description: 'What kind of media, and a label, which the server and viewers can read.',
    types: [],
    json: v.strictObject({
      media_type: v.picklist(['audio', 'video', 'location', 'metadata']),
      label: v.optional(v.string()),
    }),
  },
  answers: { 201: { description: 'Begun.', schema: StreamAnswer } },
  faults: [
    ...JSON_FAULTS,
    'invalid_media_type',
    'invalid_label',
    'incident_not_found',
    'incident_deleting',
    'incident_closed',
    'stream_limit_reached',
  ],
  async reply({ deps, request, who, params: { id } }) {
    const fields = await readFields(request, deps, ['media_type', 'label']);
    const stream = await createStream(deps, originOf(who, CLASS), who.live, id, {
      mediaType: fields.media_type,
      label: fields.label,
    });
    return json(201, { stream: streamView(stream) });
  },
});

export const list = incidentRoute({
  id: 'streams.list',
  method: 'GET',
  path: '/v1/incidents/:id/streams',
  limit: CLASS,
  gate: account,
  params: incidentParams,
  summary: 'The streams of an incident in the order of their creation; after and limit page through them.',
  answers: {
    200: {
      description: 'A page of streams.',
      schema: v.strictObject({ streams: v.array(StreamView) }),
      headers: PAGE_HEADERS,
    },
  },
  faults: [...PAGING_FAULTS, 'incident_not_found'],
  async reply({ deps, request, who, params: { id } }) {
    const page = await listStreams(deps, who.live, id, pagingIn(request));
    return json(200, { streams: page.items.map(streamView) }, pageHeaders(request, page));
  },
});

export const read = incidentRoute({
  id: 'streams.read',
  method: 'GET',
  path: '/v1/incidents/:id/streams/:stream_id',
  limit: CLASS,
  gate: account,
  params: streamParams,
  summary: 'One stream.',
  answers: { 200: { description: 'The stream.', schema: StreamAnswer } },
  faults: ['incident_not_found', 'stream_not_found'],
  async reply({ deps, who, params: { id, streamId } }) {
    return json(200, { stream: streamView(await readStream(deps, who.live, id, streamId)) });
  },
});

export const complete = incidentRoute({
  id: 'streams.complete',
  method: 'POST',
  path: '/v1/incidents/:id/streams/:stream_id/complete',
  limit: CLASS,
  gate: account,
  params: streamParams,
  summary: 'Declare a stream complete: it has exactly the chunks 1 to expected_chunk_count.',
  body: {
    description: 'How many chunks were recorded.',
    types: [],
    json: v.strictObject({ expected_chunk_count: v.pipe(v.number(), v.integer(), v.minValue(1)) }),
  },
  answers: { 200: { description: 'Complete.', schema: StreamAnswer } },
  faults: [
    ...JSON_FAULTS,
    'incident_not_found',
    'incident_deleting',
    'stream_not_found',
    'stream_already_complete',
    'stream_failed',
    'invalid_expected_chunk_count',
    'stream_chunks_incomplete',
    'stream_chunks_not_contiguous',
    'stream_chunk_file_missing',
    'stream_not_open',
  ],
  async reply({ deps, request, who, params: { id, streamId } }) {
    const fields = await readFields(request, deps, ['expected_chunk_count']);
    const count = fields.expected_chunk_count;
    const stream = await completeStream(deps, originOf(who, CLASS), who.live, id, streamId, count);
    return json(200, { stream: streamView(stream) });
  },
});

export const fail = incidentRoute({
  id: 'streams.fail',
  method: 'POST',
  path: '/v1/incidents/:id/streams/:stream_id/fail',
  limit: CLASS,
  gate: account,
  params: streamParams,
  summary: 'Declare a stream failed. Its chunks are kept.',
  body: {
    description: 'Why, for people; the server and viewers can read it.',
    types: [],
    json: v.strictObject({ failure_reason: v.optional(v.string()) }),
  },
  answers: { 200: { description: 'Failed.', schema: StreamAnswer } },
  faults: [
    ...JSON_FAULTS,
    'invalid_failure_reason',
    'incident_not_found',
    'incident_deleting',
    'stream_not_found',
    'stream_not_open',
  ],
  async reply({ deps, request, who, params: { id, streamId } }) {
    const fields = await readOptionalFields(request, deps, ['failure_reason']);
    const reason = fields.failure_reason;
    const stream = await failStream(deps, originOf(who, CLASS), who.live, id, streamId, reason);
    return json(200, { stream: streamView(stream) });
  },
});

export const streamRoutes = [create, list, read, complete, fail];
