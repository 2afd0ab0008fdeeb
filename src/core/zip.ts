/**
 * A ZIP archive as a function of its entries: how long it is and any range of its bytes follow from what is known of
 * them, without reading what lies outside of the range. Entries come in pages and are asked for anew in each pass, so
 * that an archive of a hundred thousand takes no more memory than one of ten.
 */
import type { Bytes } from '../store/store.ts';
import {
  centralHeader,
  centralLength,
  endLength,
  endRecords,
  localHeader,
  localLength,
  type ZipDirectory,
  type ZipEntryFacts,
} from './zip-records.ts';

export interface ZipEntry extends ZipEntryFacts {
  /** `length` of the entry's bytes from `offset` on; throws when they are not there, or not what they should be. */
  open(offset: number, length: number): AsyncIterable<Bytes>;
}

/** All entries in order, page by page; the same whenever it is called, or it throws. */
export type ZipPages = () => AsyncIterable<readonly ZipEntry[]>;

export interface ZipLayout {
  /** Bytes of the whole archive. */
  readonly length: number;
  readonly directory: ZipDirectory;
}

/**
 * How long an archive of these entries is.
 * @param record is given the directory, record by record: together with the bytes of the entries it says all that the
 *   archive does
 */
export async function zipLayout(
  pages: ZipPages,
  record: (bytes: Bytes) => void = () => {},
): Promise<ZipLayout> {
  let entries = 0;
  let offset = 0;
  let listed = 0;
  for await (const page of pages()) {
    for (const entry of page) {
      const header = centralHeader(entry, offset);
      record(header);
      listed += header.length;
      offset += localLength(entry) + entry.size;
      entries += 1;
    }
  }
  const directory = { entries, offset, length: listed };
  const length = offset + listed + endLength(directory);
  if (!Number.isSafeInteger(length)) throw new RangeError('the archive is too long to count its bytes');
  return { length, directory };
}

/** The part of `bytes`, which lie at `offset` of the archive, that belongs to the range. */
function within(bytes: Bytes, offset: number, start: number, end: number): Bytes {
  const from = Math.max(0, start - offset);
  const to = Math.min(bytes.length, end - offset);
  if (from === 0 && to === bytes.length) return bytes;
  return from < to ? bytes.subarray(from, to) : new Uint8Array(0);
}

/** Passes an entry's bytes on and counts them: one byte more or less would shift all that follows. */
async function* exactly(length: number, source: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  let left = length;
  for await (const bytes of source) {
    left -= bytes.length;
    if (left < 0) break;
    yield bytes;
  }
  if (left !== 0) throw new RangeError('an entry is not as long as it was said to be');
}

async function* pieces(
  pages: ZipPages,
  { length, directory }: ZipLayout,
  start: number,
  end: number,
): AsyncGenerator<Bytes> {
  if (start < directory.offset) {
    let offset = 0;
    scan: for await (const page of pages()) {
      for (const entry of page) {
        if (offset >= end) break scan;
        const data = offset + localLength(entry);
        const next = data + entry.size;
        if (start < data) yield within(localHeader(entry), offset, start, end);
        const from = Math.max(0, start - data);
        const to = Math.min(entry.size, end - data);
        if (from < to) yield* exactly(to - from, entry.open(from, to - from));
        offset = next;
      }
    }
  }
  const endOffset = directory.offset + directory.length;
  if (start < endOffset && end > directory.offset) {
    let offset = 0;
    let at = directory.offset;
    scan: for await (const page of pages()) {
      for (const entry of page) {
        if (at >= end) break scan;
        const next = at + centralLength(entry, offset);
        if (next > start) yield within(centralHeader(entry, offset), at, start, end);
        offset += localLength(entry) + entry.size;
        at = next;
      }
    }
  }
  if (end > endOffset && start < length) yield within(endRecords(directory), endOffset, start, end);
}

/** Headers are small; a piece for each would cost more than its bytes. */
const LEAST_PIECE = 64 * 1024;

/**
 * The bytes from `start` up to `end` of the archive of these entries, in pieces. Nothing outside of the range is
 * opened. Throws in the middle when the entries are not those of the layout any more, or what an entry throws.
 */
export async function* zipRange(
  pages: ZipPages,
  layout: ZipLayout,
  start: number,
  end: number,
): AsyncGenerator<Bytes> {
  if (!(start >= 0 && start <= end && end <= layout.length))
    throw new RangeError('not a range of the archive');
  let left = end - start;
  let held = new Uint8Array(0);
  let kept = 0;
  for await (const piece of pieces(pages, layout, start, end)) {
    left -= piece.length;
    if (left < 0) break;
    if (kept + piece.length > held.length) {
      if (kept > 0) yield held.subarray(0, kept);
      kept = 0;
      if (piece.length >= LEAST_PIECE) {
        held = new Uint8Array(0);
        yield piece;
        continue;
      }
      // A fresh one each time: what was given away is not written to again.
      held = new Uint8Array(LEAST_PIECE);
    }
    held.set(piece, kept);
    kept += piece.length;
  }
  if (kept > 0 && left >= 0) yield held.subarray(0, kept);
  if (left !== 0) throw new RangeError('the entries of the archive have changed');
}
