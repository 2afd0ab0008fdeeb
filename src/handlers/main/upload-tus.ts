/**
 * tus 1.0.0: the core protocol, and its extensions creation, creation-with-upload, creation-defer-length, expiration,
 * checksum and termination.
 */
import { chunkFields } from '../../core/chunk-fields.ts';
import { Fault } from '../../core/faults.ts';
import { appendTo, type Checksum } from '../../core/upload-append.ts';
import { finishUpload, recall } from '../../core/upload-finish.ts';
import {
  beginUpload,
  dropUpload,
  type HeldUpload,
  holdUpload,
  isConcluded,
  requireLength,
  stateLength,
} from '../../core/uploads.ts';
import { decodePaddedBase64 } from '../../crypto/base64.ts';
import type { Upload } from '../../store/chunks.ts';
import { bodyOf } from '../kit/body.ts';
import { json, type Reply } from '../kit/reply.ts';
import { admitted } from './chunk-answer.ts';
import { originOf } from './origin.ts';
import { type Headings, httpDate, tusNumber, typeIn, uploadPath } from './upload-headers.ts';
import { metadataFields } from './upload-metadata.ts';
import { requireTus, TUS } from './upload-tus-version.ts';
import { bare, isEmpty, refusal, type UploadCall, uploadView } from './upload-view.ts';

const CONTENT_TYPE = 'application/offset+octet-stream';

/** What the protocol wants said of an upload in answers that change it, and to HEAD. */
const standing = (upload: Upload): Headings => ({
  ...TUS,
  'upload-offset': String(upload.offset),
  'upload-expires': httpDate(upload.expiresAt),
  ...(upload.chunkId !== undefined && {
    'content-location': `/v1/incidents/${upload.incidentId}/streams/${upload.streamId}/chunks/${upload.chunkIndex}`,
  }),
});

const malformed = (message: string) => new Fault('upload_malformed', { message });

/** `Upload-Checksum`. @throws Fault `upload_malformed` for a malformed one and for an unknown algorithm */
function checksumIn(request: Request): Checksum | undefined {
  const header = request.headers.get('upload-checksum');
  if (header === null) return undefined;
  const [, algorithm, text = ''] = /^(sha1|sha256) ([A-Za-z0-9+/]+={0,2})$/.exec(header) ?? [];
  const digest = decodePaddedBase64(text);
  const known = algorithm === 'sha1' || algorithm === 'sha256' ? algorithm : undefined;
  if (known === undefined || digest?.length !== (known === 'sha1' ? 20 : 32))
    throw malformed('Upload-Checksum must be sha1 or sha256, a space, and the digest in Base64');
  return { algorithm: known, digest, mismatch: 'upload_checksum_mismatch' };
}

/** `Upload-Length`, where it is there. @throws Fault `upload_malformed`, `upload_too_large` */
function lengthIn({ request, deps }: UploadCall): number | undefined {
  const header = request.headers.get('upload-length');
  const length = tusNumber(header);
  if (header !== null && length === undefined) throw malformed('Upload-Length must be a whole number');
  requireLength(deps, length);
  return length;
}

/** All bytes are here: makes them a chunk, or says why not. @returns the upload with its chunk. @throws Fault */
async function finish(call: UploadCall, upload: Upload): Promise<Upload> {
  const finisher = { live: call.who.live, origin: originOf(call.who, 'upload') };
  const outcome = await finishUpload(call.deps, finisher, upload);
  if (outcome.kind === 'refused') throw outcome.fault;
  return { ...upload, chunkId: outcome.chunk.id };
}

/** Adds the body, and finishes what is whole by then. */
async function addBody(call: UploadCall, held: HeldUpload, checksum?: Checksum): Promise<Upload> {
  const longer = await appendTo(call.deps, held, bodyOf(call.request, call.deps), checksum);
  return longer.offset === longer.length ? finish(call, longer) : longer;
}

/** POST to where uploads are created. */
export async function tusCreate(call: UploadCall): Promise<Reply> {
  const { deps, request, params } = call;
  requireTus(request);
  if (request.headers.has('upload-concat')) throw malformed('Upload-Concat is not supported');
  const admission = await admitted(call, params.id);
  const length = lengthIn(call);
  const deferred = request.headers.get('upload-defer-length');
  if (deferred === null ? length === undefined : deferred !== '1' || length !== undefined)
    throw malformed('send either Upload-Length, or Upload-Defer-Length: 1');
  const metadata = request.headers.get('upload-metadata');
  const fields = chunkFields(metadataFields(metadata));
  const checksum = checksumIn(request);
  const brings = typeIn(request) === CONTENT_TYPE;
  if (!brings && !(await isEmpty(bodyOf(request, deps))))
    throw new Fault('unsupported_media_type', { message: `Content-Type must be ${CONTENT_TYPE}` });
  const plan = { protocol: 'tus', fields, length, ...(metadata !== null && { metadata }) } as const;
  const held = await beginUpload(deps, admission, plan);
  let { upload } = held;
  try {
    if (brings || length === 0) upload = await addBody(call, held, checksum);
  } catch (error) {
    // Nobody was told where it is.
    await dropUpload(deps, upload);
    throw error;
  }
  return json(201, uploadView(upload), { ...standing(upload), location: uploadPath(upload.id) });
}

/**
 * HEAD. A client takes an offset that is the length for the end of its upload. So where all bytes are there and
 * nobody lived to commit them, that is done now, and only then told.
 */
export async function tusOffset(call: UploadCall): Promise<Reply> {
  const { deps, request, who, params } = call;
  requireTus(request);
  const { upload } = await holdUpload(deps, who.live, params.id, 'tus');
  // Without an offset, as the protocol wants it for what cannot be resumed.
  if (upload.refusal !== undefined) throw new Fault('upload_not_found');
  const whole = upload.offset === upload.length && upload.chunkId === undefined;
  const shown = whole ? await finish(call, upload) : upload;
  return bare({
    ...standing(shown),
    ...(shown.length === undefined
      ? { 'upload-defer-length': '1' }
      : { 'upload-length': String(shown.length) }),
    ...(shown.metadata !== undefined && { 'upload-metadata': shown.metadata }),
  });
}

async function append(call: UploadCall, held: HeldUpload, offset: number): Promise<Reply> {
  const { deps, request } = call;
  const { upload, turn } = held;
  if (isConcluded(upload)) {
    const outcome = await recall(deps, upload);
    if (outcome.kind === 'refused') throw outcome.fault;
  }
  if (offset !== upload.offset) throw new Fault('upload_offset_mismatch');
  if (isConcluded(upload)) {
    if (await isEmpty(bodyOf(request, deps))) return bare(standing(upload));
    throw new Fault('upload_complete');
  }
  const checksum = checksumIn(request);
  const length = lengthIn(call);
  const sized = length === undefined ? upload : await stateLength(deps, upload, length);
  return bare(standing(await addBody(call, { upload: sized, turn }, checksum)));
}

/** PATCH. */
export async function tusAppend(call: UploadCall): Promise<Reply> {
  const { deps, request, who, params } = call;
  requireTus(request);
  if (typeIn(request) !== CONTENT_TYPE)
    throw new Fault('unsupported_media_type', { message: `Content-Type must be ${CONTENT_TYPE}` });
  const offset = tusNumber(request.headers.get('upload-offset'));
  if (offset === undefined) throw malformed('Upload-Offset must be a whole number');
  const held = await holdUpload(deps, who.live, params.id, 'tus');
  const { id, accountId } = held.upload;
  try {
    return await append(call, held, offset);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    // Where it stands by now, whoever has moved it. What was refused for good stands nowhere.
    const upload = await deps.store.uploads.find(id, accountId, deps.now());
    if (upload !== undefined && upload.refusal === undefined) return refusal(call, fault, standing(upload));
    throw upload === undefined && fault.kind === 'upload_offset_mismatch'
      ? new Fault('upload_not_found')
      : fault;
  }
}

/** DELETE. A chunk that the upload has become stays: evidence is not taken back this way. */
export async function tusTerminate({ deps, request, who, params }: UploadCall): Promise<Reply> {
  requireTus(request);
  const { upload } = await holdUpload(deps, who.live, params.id, 'tus');
  await dropUpload(deps, upload);
  return bare(TUS);
}
