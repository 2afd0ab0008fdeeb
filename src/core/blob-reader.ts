/** Reading committed blobs, a segment at a time: any part of one, never more than a segment in memory. */
import type { Blobs, Bytes } from '../store/store.ts';
import { Fault } from './faults.ts';

/** A blob, how long it is, and which of its bytes: from `start` to before `end`. */
export interface BlobPart {
  readonly blob: string;
  /** Of the whole blob, in bytes. */
  readonly size: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The bytes of a part, in order, in pieces of at most a segment. Reads a segment when the piece is asked for.
 *
 * Throws the fault `stream_chunk_file_missing` where a segment is not there, or not as long as it must be: erased
 * while it was read, for one. Whoever passes the pieces on must then break off, since what it has sent is not whole.
 */
export async function* blobPieces(
  blobs: Pick<Blobs, 'read' | 'segmentBytes'>,
  { blob, size, start, end }: BlobPart,
): AsyncGenerator<Bytes, void, void> {
  const { segmentBytes } = blobs;
  for (let at = start; at < end; ) {
    const index = Math.floor(at / segmentBytes);
    const base = index * segmentBytes;
    const segment = await blobs.read(blob, index);
    if (segment?.length !== Math.min(segmentBytes, size - base)) throw new Fault('stream_chunk_file_missing');
    const piece = segment.subarray(at - base, Math.min(segment.length, end - base));
    at += piece.length;
    yield piece;
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
