/** The end of an upload: its bytes are read once more, checked like those of any other chunk, and committed. */
import type { LiveSession } from '../store/accounts.ts';
import type { Upload } from '../store/chunks.ts';
import type { Origin } from './audit.ts';
import { blobPieces } from './blob-reader.ts';
import {
  admitUpload,
  type ChunkBytes,
  COORDINATION_FAULTS,
  type CommittedChunk,
  chunkLook,
  commitUpload,
  type UploadAdmission,
} from './chunk-commit.ts';
import type { ChunkFields } from './chunk-fields.ts';
import type { Deps } from './deps.ts';
import { Fault, type FaultKind } from './faults.ts';
import { orRefused } from './owned.ts';
import { giveBack } from './receive.ts';

/** What became of an upload. Both are final: asking again gets the same answer. */
export type Finished =
  | ({ readonly kind: 'committed' } & CommittedChunk)
  | { readonly kind: 'refused'; readonly fault: Fault };

export interface Finisher {
  readonly live: LiveSession;
  readonly origin: Origin;
}

/** Faults that say nothing about the upload: it is as it was, or it is gone. */
const PASSING: readonly FaultKind[] = [
  ...COORDINATION_FAULTS,
  'storage_unavailable',
  'service_busy',
  'stream_chunk_file_missing',
];

/**
 * Looks at all staged bytes. A hash cannot be carried from one request to the next, which may come to another
 * process, so it is made here; that also shows that what is committed is what is stored.
 */
async function stagedBytes(deps: Deps, { blob, offset: size }: Upload): Promise<ChunkBytes> {
  const digest = deps.digest();
  const look = chunkLook(deps);
  for await (const piece of blobPieces(deps.blobs, { blob, size, start: 0, end: size })) {
    digest.update(piece);
    look.update(piece);
    giveBack(piece);
  }
  const pending = { kind: 'staged', blob, size } as const;
  return { pending, size, sha256: await digest.finish(), ...(await look.finish()) };
}

const fieldsOf = (upload: Upload): ChunkFields => ({
  streamId: upload.streamId,
  chunkIndex: upload.chunkIndex,
  mediaType: upload.mediaType,
  startedAt: upload.startedAt,
  endedAt: upload.endedAt,
  sha256: upload.sha256,
  ...(upload.originalFilename !== undefined && { originalFilename: upload.originalFilename }),
});

/**
 * What a concluded upload came to, as it was answered then.
 * @throws Fault where its chunk cannot be read any more
 */
export async function recall(deps: Deps, upload: Upload): Promise<Finished> {
  const { accountId, incidentId, streamId, chunkIndex, refusal } = upload;
  // Written down by `finishUpload` below, which has nothing but kinds of faults to write.
  if (refusal !== undefined) return { kind: 'refused', fault: new Fault(refusal as FaultKind) };
  const chunk = orRefused(await deps.store.chunks.find({ accountId, incidentId }, streamId, chunkIndex));
  return { kind: 'committed', chunk, replayed: true };
}

async function commit(deps: Deps, { live, origin }: Finisher, upload: Upload): Promise<CommittedChunk> {
  const owned = { incidentId: upload.incidentId, accountId: live.account.id };
  // Who may upload is asked again: a day may have passed since the upload was begun.
  const { retryKeyHash } = upload;
  const admission: UploadAdmission = {
    ...(await admitUpload(deps, { owned, origin }, null)),
    ...(retryKeyHash !== undefined && { retryKeyHash }),
  };
  const bytes = await stagedBytes(deps, upload);
  return await commitUpload(deps, admission, fieldsOf(upload), bytes);
}

/**
 * Commits an upload all of whose bytes are there, and remembers what came of that. Requests for the same upload take
 * turns; whoever comes later is answered what the first one was.
 *
 * @throws Fault `upload_not_found` when it went away meanwhile, and what says nothing about it
 *   (`storage_unavailable`): then it can be asked for again
 */
export function finishUpload(deps: Deps, finisher: Finisher, upload: Upload): Promise<Finished> {
  const { id, accountId } = upload;
  const { uploads } = deps.store;
  const current = () => uploads.find(id, accountId, deps.now());
  return deps.turns.take(`upload:${id}`, async () => {
    const before = await current();
    if (before === undefined) throw new Fault('upload_not_found');
    if (before.chunkId !== undefined || before.refusal !== undefined) return recall(deps, before);
    try {
      const committed = await commit(deps, finisher, upload);
      await uploads.conclude(id, { chunkId: committed.chunk.id });
      return { kind: 'committed', ...committed };
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      const after = await current();
      // Another process was faster: what it made of the bytes is why there was nothing left to commit.
      if (after?.chunkId !== undefined) return recall(deps, after);
      if (PASSING.includes(fault.kind)) throw after === undefined ? new Fault('upload_not_found') : fault;
      await uploads.conclude(id, { refusal: fault.kind });
      await deps.blobs.discard(upload.blob);
      return { kind: 'refused', fault };
    }
  });
}
