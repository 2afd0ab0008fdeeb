/** Reading committed blobs, a segment at a time: any part of one, never more than a segment in memory. */
import type { BlobPart, Blobs, Bytes } from '../store/store.ts';
import { Fault } from './faults.ts';

type Reading = Pick<Blobs, 'read' | 'segmentBytes' | 'objects'>;

/** Ends where a segment is not there, or not as long as it must be. */
async function* segmentPieces(
  blobs: Reading,
  { blob, size, start, end }: BlobPart,
): AsyncGenerator<Bytes, void, void> {
  const { segmentBytes } = blobs;
  for (let at = start; at < end; ) {
    const index = Math.floor(at / segmentBytes);
    const base = index * segmentBytes;
    const segment = await blobs.read(blob, index);
    if (segment?.length !== Math.min(segmentBytes, size - base)) return;
    const piece = segment.subarray(at - base, Math.min(segment.length, end - base));
    at += piece.length;
    yield piece;
  }
}

/**
 * The bytes of a part, in order, in pieces of about a segment at most. Reads a piece when it is asked for.
 *
 * Throws the fault `stream_chunk_file_missing` where bytes are not there: erased while they were read, for one.
 * Whoever passes the pieces on must then break off, since what it has sent is not whole.
 *
 * @param moved asked where the blob's bytes are not (any more): where else they lie, if anywhere
 */
export async function* blobPieces(
  blobs: Reading,
  part: BlobPart,
  moved: () => Promise<string | undefined> = async () => undefined,
): AsyncGenerator<Bytes, void, void> {
  const { objects } = blobs;
  const { end } = part;
  let { blob, start } = part;
  while (start < end) {
    const rest = { ...part, blob, start };
    for await (const piece of objects?.holds(blob) ? objects.pieces(rest) : segmentPieces(blobs, rest)) {
      start += piece.length;
      yield piece;
    }
    if (start >= end) return;
    const now = await moved();
    if (now === undefined || now === blob) throw new Fault('stream_chunk_file_missing');
    blob = now;
  }
}

/** Pieces as a web stream that asks for the next one when it is read, errors when they throw, and lets go early. */
export function pieceStream(pieces: AsyncGenerator<Bytes, void, void>): ReadableStream<Bytes> {
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        const step = await pieces.next();
        if (step.done === true) controller.close();
        else controller.enqueue(step.value);
      },
      async cancel() {
        await pieces.return();
      },
    },
    { highWaterMark: 0 },
  );
}
