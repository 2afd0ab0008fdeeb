/**
 * Creating an upload by the draft "Resumable Uploads for HTTP" (its section Upload Creation): the plain request that
 * uploads a chunk, with `Upload-Complete`. There are no interim responses here, so that a client that sends all in
 * one request could never learn where to go on: such a request is an ordinary one, and says so.
 */
import * as v from 'valibot';
import { type ChunkFields, chunkFields, wholeNumber } from '../../core/chunk-fields.ts';
import { Fault, type FaultKind } from '../../core/faults.ts';
import { appendTo, type Checksum } from '../../core/upload-append.ts';
import { beginUpload, dropUpload } from '../../core/uploads.ts';
import { bodyOf } from '../kit/body.ts';
import { sha256In } from '../kit/content-digest.ts';
import { json, type Reply } from '../kit/reply.ts';
import type { AnswerNote, Call, HeaderNote } from '../kit/route.ts';
import type { SignedIn } from '../kit/session.ts';
import { admitted, UploadedView } from './chunk-answer.ts';
import { COMPLETE, completeIn, INCOMPLETE, integerIn, limitHeader, uploadPath } from './upload-headers.ts';
import { refusing, saying, UploadView, uploadView } from './upload-view.ts';

export type ChunkPut = Call<
  SignedIn,
  { readonly id: string; readonly streamId: string; readonly index: string }
>;

/** Uploads a chunk in one request. @param digest the header with the SHA-256 of its body */
export type PutWhole = (call: ChunkPut, digest: string | null) => Promise<Reply>;

export const DRAFT_HEADERS: Readonly<Record<string, HeaderNote>> = {
  'Upload-Complete': { description: '?1: all of it is here. ?0: this begins an upload in pieces.' },
  'Upload-Length': { description: 'How many bytes all of it has, where that is known.' },
  'Repr-Digest': { description: 'sha-256 of all of it (RFC 9530). Required with Upload-Complete: ?0.' },
};

export const BEGUN_OR_UPLOADED: AnswerNote = {
  description: 'Kept, and never overwritten; or, with Upload-Complete: ?0, begun at Location.',
  schema: v.union([UploadedView, UploadView]),
  headers: {
    Location: { description: 'Where the upload goes on.' },
    'Upload-Complete': { description: '?1 with the chunk, ?0 with an upload that was begun.' },
    'Upload-Offset': { description: 'How many bytes are kept.' },
    'Upload-Limit': { description: 'max-size in bytes, max-age in seconds.' },
  },
};

/** Besides those of a plain upload. */
export const DRAFT_PUT_FAULTS: readonly FaultKind[] = ['upload_length_mismatch', 'upload_offset_mismatch'];

/** What `Content-Digest` says of a request that brings a part. @throws Fault `invalid_content_digest` */
export function contentChecksum(request: Request): Checksum | undefined {
  const header = request.headers.get('content-digest');
  if (header === null) return undefined;
  const sha256 = sha256In(header);
  if (sha256 === undefined) throw new Fault('invalid_content_digest');
  const digest = Uint8Array.from(sha256.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return { algorithm: 'sha256', digest, mismatch: 'hash_mismatch' };
}

/**
 * How long a request says that all of it is, by either of the draft's two ways.
 * @throws Fault `upload_length_mismatch` when they disagree
 */
export function statedLength(
  request: Request,
  offset: number,
  complete: boolean,
  announced: number | undefined,
): number | undefined {
  const stated = integerIn(request, 'upload-length');
  const implied = complete && announced !== undefined ? offset + announced : undefined;
  if (stated !== undefined && implied !== undefined && stated !== implied)
    throw new Fault('upload_length_mismatch');
  return stated ?? implied;
}

function fieldsOf({ request, params }: ChunkPut): ChunkFields {
  const sha256 = sha256In(request.headers.get('repr-digest'));
  if (sha256 === undefined) {
    throw new Fault('invalid_content_digest', {
      message: 'Repr-Digest must hold sha-256 of all of the upload (RFC 9530)',
    });
  }
  return chunkFields({
    streamId: params.streamId,
    chunkIndex: wholeNumber(params.index),
    mediaType: request.headers.get('x-media-type'),
    startedAt: request.headers.get('x-started-at'),
    endedAt: request.headers.get('x-ended-at'),
    sha256,
  });
}

async function begin(call: ChunkPut): Promise<Reply> {
  const { deps, request, params } = call;
  const admission = await admitted(call, params.id);
  const fields = fieldsOf(call);
  const checksum = contentChecksum(request);
  const source = bodyOf(request, deps);
  const length = statedLength(request, 0, false, source.declaredLength);
  const held = await beginUpload(deps, admission, { protocol: 'draft', fields, length });
  let upload = held.upload;
  try {
    upload = await appendTo(deps, held, source, checksum);
  } catch (error) {
    // Nobody was told where it is.
    await dropUpload(deps, upload);
    throw error;
  }
  return json(201, uploadView(upload), {
    ...limitHeader(deps.settings, upload.expiresAt - deps.now()),
    ...INCOMPLETE,
    location: uploadPath(upload.id),
    'upload-offset': String(upload.offset),
  });
}

/** All in one request, which may say so with `Repr-Digest`, since both digests are of the same bytes then. */
function whole(call: ChunkPut, put: PutWhole): Promise<Reply> {
  const { request, deps } = call;
  const content = request.headers.get('content-digest');
  const repr = request.headers.get('repr-digest');
  // A length that contradicts itself is about the upload, all else about what it was to become.
  const headers = ({ kind }: Fault) => (kind === 'upload_length_mismatch' ? INCOMPLETE : COMPLETE);
  return refusing(call, headers, async () => {
    statedLength(request, 0, true, bodyOf(request, deps).declaredLength);
    if (content !== null && repr !== null && sha256In(content) !== sha256In(repr))
      throw new Fault('invalid_content_digest');
    return saying(await put(call, content ?? repr), COMPLETE);
  });
}

/** A PUT of a chunk: an upload in pieces where `Upload-Complete` says so, else an ordinary one. */
export function putOrBegin(call: ChunkPut, put: PutWhole): Promise<Reply> {
  const complete = completeIn(call.request);
  if (complete === undefined) return put(call, call.request.headers.get('content-digest'));
  if (complete) return whole(call, put);
  return refusing(
    call,
    () => INCOMPLETE,
    () => begin(call),
  );
}
