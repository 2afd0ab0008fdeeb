/**
 * The upload room of the main door: chunks in pieces, by two protocols that end in the same commit. Which one a
 * request speaks, `Tus-Resumable` says; an upload of one is not there for the other.
 */
import { Fault, type FaultKind } from '../../core/faults.ts';
import { type AnswerNote, type HeaderNote, productRoute } from '../kit/route.ts';
import { account } from '../kit/session.ts';
import {
  ADMISSION_FAULTS,
  ARRIVAL_FAULTS,
  COMMIT_FAULTS,
  REPLAYED,
  RETRY_KEY,
  UploadedView,
} from './chunk-answer.ts';
import { FIELD_FAULTS } from './chunk-view.ts';
import { incidentParams } from './incident-params.ts';
import { draftAppend, draftCancel, draftOffset } from './upload-draft.ts';
import { tusAppend, tusCreate, tusOffset, tusTerminate } from './upload-tus.ts';
import { isTus, refuseTus, type TusMethod, tusMethod, tusOptions } from './upload-tus-version.ts';
import { type UploadCall, UploadView } from './upload-view.ts';

const PATH = '/v1/uploads/:id';

/** What every route of an upload has. */
const COMMON = {
  path: PATH,
  limit: 'upload',
  gate: account,
  params: ({ id = '' }: Readonly<Record<string, string>>) => ({ id }),
  refuse: refuseTus,
  refusedAs: ['application/json'],
  options: tusOptions,
} as const;

const TUS_FAULTS: readonly FaultKind[] = ['precondition_failed', 'upload_malformed', 'upload_not_found'];

const SPEAKS: Readonly<Record<string, HeaderNote>> = {
  'Tus-Resumable': { description: '1.0.0, in requests of tus.' },
};
const OVERRIDES: Readonly<Record<string, HeaderNote>> = {
  'X-HTTP-Method-Override': { description: 'PATCH or DELETE, where a client of tus cannot send them.' },
};
const ADDS: Readonly<Record<string, HeaderNote>> = {
  'Upload-Offset': { description: 'Where the body begins: where the upload stands.', required: true },
  'Upload-Complete': { description: '?1 when the body is all that is left, else ?0; required without tus.' },
  'Upload-Length': { description: 'How many bytes all of it has.' },
  'Content-Digest': { description: 'sha-256 of this body (RFC 9530); of other bytes none is kept.' },
  'Upload-Checksum': { description: 'tus: sha1 or sha256 of this body, in Base64.' },
};
const STANDS: Readonly<Record<string, HeaderNote>> = {
  'Upload-Offset': { description: 'How many bytes are kept: none of them need be sent again.' },
  'Upload-Limit': { description: 'max-size in bytes, max-age in seconds.' },
  'Upload-Complete': { description: 'Whether it has come to its end.' },
  'Upload-Length': { description: 'How many bytes all of it has, where that was said.' },
  'Upload-Expires': { description: 'tus: when it ends, finished or not.' },
};
const STANDING: AnswerNote = { description: 'Where the upload stands.', headers: STANDS };

/** By tus, as the method that the request is meant to have. */
function speakTus(call: UploadCall, method: TusMethod) {
  if (method === 'HEAD') return tusOffset(call);
  return method === 'PATCH' ? tusAppend(call) : tusTerminate(call);
}

export const offset = productRoute({
  ...COMMON,
  id: 'uploads.offset',
  method: 'GET',
  summary: 'Where an upload stands. Who was still adding to it adds nothing more.',
  headers: SPEAKS,
  answers: { 204: STANDING },
  faults: [...TUS_FAULTS, ...ADMISSION_FAULTS, ...COMMIT_FAULTS],
  reply: async (call) => (isTus(call.request) ? speakTus(call, tusMethod(call.request)) : draftOffset(call)),
});

export const append = productRoute({
  ...COMMON,
  id: 'uploads.append',
  method: 'PATCH',
  summary: 'Add to an upload; with the last of it, it becomes a chunk.',
  headers: { ...SPEAKS, ...ADDS },
  body: {
    description: 'The bytes from Upload-Offset on.',
    types: ['application/partial-upload', 'application/offset+octet-stream'],
  },
  answers: {
    204: STANDING,
    201: {
      description: 'All of it is here, and kept. It is never overwritten.',
      schema: UploadedView,
      headers: STANDS,
    },
    200: REPLAYED,
  },
  faults: [
    ...TUS_FAULTS,
    ...ADMISSION_FAULTS,
    ...ARRIVAL_FAULTS,
    ...COMMIT_FAULTS,
    'unsupported_media_type',
    'invalid_content_digest',
    'upload_checksum_mismatch',
    'upload_complete',
    'upload_length_mismatch',
    'upload_offset_mismatch',
  ],
  reply: async (call) => (isTus(call.request) ? speakTus(call, tusMethod(call.request)) : draftAppend(call)),
});

export const cancel = productRoute({
  ...COMMON,
  id: 'uploads.cancel',
  method: 'DELETE',
  summary: 'Give an upload up. A chunk that it has become stays.',
  headers: SPEAKS,
  answers: { 204: { description: 'Gone, with what had been kept of it.' } },
  faults: append.faults,
  reply: async (call) => (isTus(call.request) ? speakTus(call, tusMethod(call.request)) : draftCancel(call)),
});

export const override = productRoute({
  ...COMMON,
  id: 'uploads.override',
  method: 'POST',
  summary: 'PATCH or DELETE of tus, for clients that cannot send them.',
  headers: { ...SPEAKS, ...OVERRIDES },
  body: { description: 'As with the method that is meant.', types: ['application/offset+octet-stream'] },
  answers: { 204: STANDING },
  faults: append.faults,
  async reply(call) {
    if (!isTus(call.request)) throw new Fault('not_found');
    return speakTus(call, tusMethod(call.request));
  },
});

export const create = productRoute({
  ...COMMON,
  id: 'uploads.create',
  method: 'POST',
  path: '/v1/incidents/:id/uploads',
  params: incidentParams,
  summary: 'Begin an upload of a chunk by tus 1.0.',
  headers: {
    ...RETRY_KEY,
    'Tus-Resumable': { description: '1.0.0', required: true },
    'Upload-Metadata': {
      description:
        'stream_id, chunk_index, media_type, started_at, ended_at, sha256_hex and, where there is one, original_filename or filename, each value in Base64.',
      required: true,
    },
    'Upload-Length': { description: 'How many bytes all of it has.' },
    'Upload-Defer-Length': { description: '1, where nobody knows yet.' },
    'Upload-Checksum': { description: 'sha1 or sha256 of this body, in Base64.' },
  },
  body: {
    description: 'Nothing, or the beginning of it, or all.',
    types: ['application/offset+octet-stream'],
  },
  answers: {
    201: {
      description: 'Begun at Location; with all of its bytes, kept as well.',
      schema: UploadView,
      headers: { ...STANDS, Location: { description: 'Where the upload goes on.', required: true } },
    },
  },
  faults: [
    ...FIELD_FAULTS,
    ...ADMISSION_FAULTS,
    ...ARRIVAL_FAULTS,
    ...COMMIT_FAULTS,
    ...TUS_FAULTS,
    'invalid_sha256_hex',
    'unsupported_media_type',
    'upload_checksum_mismatch',
    'upload_length_mismatch',
    'upload_offset_mismatch',
  ],
  async reply(call) {
    if ((call.request.headers.get('x-http-method-override') ?? 'POST') !== 'POST')
      throw new Fault('not_found');
    return tusCreate(call);
  },
});

export const uploadRoutes = [offset, append, cancel, override, create];
