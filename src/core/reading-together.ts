/**
 * Small chunks that follow one another, read from the database together: a download of thousands of them would else
 * be thousands of requests, of which an edge runtime gives each download so many.
 */
import type { KeptChunk } from '../store/chunks.ts';
import type { Blobs, Bytes } from '../store/store.ts';

/** Gives the bytes of a whole chunk, or undefined where it is to be read by itself. Each chunk is asked for once. */
export type Together = (chunk: KeptChunk) => Promise<Bytes | undefined>;

/**
 * Reads the chunks of a page in their order. At most a segment's bytes are in memory at a time; larger chunks, and
 * those in an object store, are not read here.
 */
export function readingTogether(blobs: Blobs, page: readonly KeptChunk[]): Together {
  const places = new Map(page.map(({ id }, at) => [id, at]));
  const isSmall = ({ blob, byteSize }: KeptChunk) =>
    byteSize * 2 <= blobs.segmentBytes && blobs.objects?.holds(blob) !== true;
  let held: ReadonlyMap<string, Bytes> = new Map();
  return async (chunk) => {
    if (!isSmall(chunk)) return undefined;
    const known = held.get(chunk.blob);
    if (known !== undefined) return known;
    const names: string[] = [];
    let room = blobs.segmentBytes;
    for (let at = places.get(chunk.id) ?? page.length; at < page.length; at += 1) {
      const next = page[at];
      if (next === undefined || !isSmall(next) || next.byteSize > room) break;
      room -= next.byteSize;
      names.push(next.blob);
    }
    // What was held before is not needed any more.
    held = new Map();
    held = await blobs.readSmall(names);
    return held.get(chunk.blob);
  };
}
