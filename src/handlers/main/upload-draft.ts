/**
 * The upload resource of the draft "Resumable Uploads for HTTP" (interop version 8): Offset Retrieval, Upload Append,
 * Upload Cancellation.
 */
import { Fault } from '../../core/faults.ts';
import { appendTo, type Checksum } from '../../core/upload-append.ts';
import { type Finished, finishUpload, recall } from '../../core/upload-finish.ts';
import { dropUpload, type HeldUpload, holdUpload, isConcluded, stateLength } from '../../core/uploads.ts';
import type { Upload } from '../../store/chunks.ts';
import { bodyOf } from '../kit/body.ts';
import type { Reply } from '../kit/reply.ts';
import { uploaded } from './chunk-answer.ts';
import { originOf } from './origin.ts';
import { contentChecksum, statedLength } from './upload-draft-put.ts';
import {
  COMPLETE,
  completeIn,
  type Headings,
  INCOMPLETE,
  integerIn,
  limitHeader,
  typeIn,
} from './upload-headers.ts';
import { bare, isEmpty, refusal, refusing, saying, type UploadCall } from './upload-view.ts';

/** What an append says of itself. */
interface Append {
  readonly offset: number;
  readonly complete: boolean;
  readonly checksum: Checksum | undefined;
}

/** How far an upload is, and for how long it stays. */
const standing = ({ deps }: UploadCall, upload: Upload): Headings => ({
  'upload-offset': String(upload.offset),
  ...limitHeader(deps.settings, upload.expiresAt - deps.now()),
});

/** GET and HEAD. */
export async function draftOffset(call: UploadCall): Promise<Reply> {
  const { upload } = await holdUpload(call.deps, call.who.live, call.params.id, 'draft');
  return bare({
    ...standing(call, upload),
    ...(isConcluded(upload) ? COMPLETE : INCOMPLETE),
    ...(upload.length !== undefined && { 'upload-length': String(upload.length) }),
  });
}

/** DELETE. A chunk that the upload has become stays: evidence is not taken back this way. */
export async function draftCancel({ deps, who, params }: UploadCall): Promise<Reply> {
  const { upload } = await holdUpload(deps, who.live, params.id, 'draft');
  await dropUpload(deps, upload);
  return bare({});
}

function appendOf(request: Request): Append {
  if (typeIn(request) !== 'application/partial-upload') {
    throw new Fault('unsupported_media_type', { message: 'Content-Type must be application/partial-upload' });
  }
  const offset = integerIn(request, 'upload-offset');
  const complete = completeIn(request);
  if (offset === undefined || complete === undefined) {
    throw new Fault('upload_malformed', {
      message: 'Upload-Offset (an Integer) and Upload-Complete (?0 or ?1) are required',
    });
  }
  return { offset, complete, checksum: contentChecksum(request) };
}

/** What the resource answers that the upload was meant for. */
function finished(call: UploadCall, upload: Upload, outcome: Finished): Reply {
  const headers = { ...standing(call, upload), ...COMPLETE };
  return outcome.kind === 'committed'
    ? saying(uploaded(outcome), headers)
    : refusal(call, outcome.fault, headers);
}

async function append(call: UploadCall, held: HeldUpload, asked: Append): Promise<Reply> {
  const { deps, request, who } = call;
  const { offset, complete, checksum } = asked;
  const { upload, turn } = held;
  const source = bodyOf(request, deps);
  if (offset !== upload.offset) throw new Fault('upload_offset_mismatch');
  if (isConcluded(upload)) {
    // The last answer was lost: here it is again, for whoever has nothing to add.
    if (complete && (await isEmpty(source))) return finished(call, upload, await recall(deps, upload));
    throw new Fault('upload_complete');
  }
  const length = statedLength(request, offset, complete, source.declaredLength);
  const sized = length === undefined ? upload : await stateLength(deps, upload, length);
  const longer = await appendTo(deps, { upload: sized, turn }, source, checksum);
  if (!complete) return bare({ ...standing(call, longer), ...INCOMPLETE });
  // All of it, it says: fewer bytes than were stated before are not all of it.
  const all = await stateLength(deps, longer, longer.offset);
  const finisher = { live: who.live, origin: originOf(who, 'upload') };
  return finished(call, all, await finishUpload(deps, finisher, all));
}

/** PATCH. */
export async function draftAppend(call: UploadCall): Promise<Reply> {
  const { deps, who, params, request } = call;
  return refusing(
    call,
    () => INCOMPLETE,
    async () => {
      const asked = appendOf(request);
      const held = await holdUpload(deps, who.live, params.id, 'draft');
      const { id, accountId } = held.upload;
      try {
        return await append(call, held, asked);
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        // Where it stands by now, whoever has moved it.
        const upload = await deps.store.uploads.find(id, accountId, deps.now());
        if (upload !== undefined) return refusal(call, fault, { ...standing(call, upload), ...INCOMPLETE });
        throw fault.kind === 'upload_offset_mismatch' ? new Fault('upload_not_found') : fault;
      }
    },
  );
}
