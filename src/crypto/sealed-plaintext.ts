/**
 * Inside a paste: uint32 length, a JSON object with name and type, the content, 0x80, zeros. Written and read as
 * streams of unknown length in bounded memory.
 */

import { paddedLength } from './padme.ts';
import type { Bytes, Pull } from './sealed-bytes.ts';
import { SealedError } from './sealed-error.ts';
import { parseStrictObject } from './sealed-json.ts';

export const MAX_METADATA_BYTES = 4096;
const LENGTH_BYTES = 4;
const END_OF_CONTENT = 0x80;
/** The longest run of zeros that is made at once. */
const ZEROS_BYTES = 65536;

/** What a paste says of itself, sealed with it. Both are the sealer's word: a reader must not trust them. */
export interface PasteMetadata {
  /** A file name. May hold anything that Unicode can, path separators included. */
  readonly name?: string | undefined;
  /** A media type, such as `image/png`. Not checked against the content. */
  readonly mime?: string | undefined;
}

/** Length field and JSON. Throws `bad_metadata` above 4096 bytes of JSON or for text that is not well-formed. */
export function writeMetadata({ name, mime }: PasteMetadata): Bytes {
  if (name?.isWellFormed() === false || mime?.isWellFormed() === false) throw new SealedError('bad_metadata');
  const json = new TextEncoder().encode(JSON.stringify({ name, mime }));
  if (json.length > MAX_METADATA_BYTES) throw new SealedError('bad_metadata');
  const bytes = new Uint8Array(LENGTH_BYTES + json.length);
  new DataView(bytes.buffer).setUint32(0, json.length);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

/**
 * Reads the metadata off the first segment of a paste, in which it always fits: 4 + 4096 bytes are less than a
 * segment. Throws `bad_metadata` for anything but one JSON object with at most a text `name` and a text `mime`.
 */
export function readMetadata(segment: Bytes): { readonly metadata: PasteMetadata; readonly length: number } {
  if (segment.length < LENGTH_BYTES) throw new SealedError('bad_metadata');
  const length = LENGTH_BYTES + new DataView(segment.buffer, segment.byteOffset).getUint32(0);
  if (length > LENGTH_BYTES + MAX_METADATA_BYTES || length > segment.length)
    throw new SealedError('bad_metadata');
  const json = parseStrictObject(segment.subarray(LENGTH_BYTES, length));
  if (json.kind !== 'object') throw new SealedError('bad_metadata');
  const metadata: { name?: string; mime?: string } = {};
  for (const [member, value] of Object.entries(json.value)) {
    if ((member !== 'name' && member !== 'mime') || typeof value !== 'string' || !value.isWellFormed()) {
      throw new SealedError('bad_metadata');
    }
    metadata[member] = value;
  }
  return { metadata, length };
}

/** The plaintext of a paste: `head` ({@link writeMetadata}), all of `content`, 0x80 and zeros. */
export function padded(head: Bytes, content: Pull): Pull {
  let stage: 'head' | 'content' | 'zeros' = 'head';
  let used = 0;
  let zeros = 0;
  const run = new Uint8Array(ZEROS_BYTES);
  return {
    async read() {
      if (stage === 'head') {
        stage = 'content';
        used = head.length;
        return head;
      }
      if (stage === 'content') {
        const piece = await content.read();
        if (piece !== undefined) {
          used += piece.length;
          return piece;
        }
        stage = 'zeros';
        zeros = paddedLength(used + 1) - (used + 1);
        return Uint8Array.of(END_OF_CONTENT);
      }
      if (zeros === 0) return undefined;
      const piece = run.subarray(0, zeros);
      zeros -= piece.length;
      return piece;
    },
    cancel: (reason) => content.cancel(reason),
  };
}

/**
 * Removes the padding from the rest of a paste's plaintext.
 *
 * A 0x80 with only zeros behind it may be the end of the content or part of it; that shows when something else
 * follows or the plaintext ends. Until then it is held back as a count, so a file with a gigabyte of zeros in it
 * costs no memory. Rejects with `bad_padding` unless the length is exactly the one that the format demands.
 *
 * @param first what is left of the first segment after the metadata
 * @param before how many bytes of plaintext came before `first`
 */
export function unpadded(first: Bytes, before: number, rest: Pull): Pull {
  // What is known but not yet answered, in this order: a 0x80, `zeros` zeros, `next`.
  let next: Bytes | undefined = first;
  let marker = false;
  let zeros = 0;
  let flushing = false;
  let total = before + first.length;

  /** Answers one piece of a run of zeros that turned out to be content. */
  const flush = (): Bytes => {
    const run = new Uint8Array(Math.min(zeros + (marker ? 1 : 0), ZEROS_BYTES));
    if (marker) run[0] = END_OF_CONTENT;
    zeros -= run.length - (marker ? 1 : 0);
    marker = false;
    flushing = zeros > 0;
    return run;
  };

  return {
    async read() {
      for (;;) {
        if (flushing) return flush();
        if (next === undefined) {
          const piece = await rest.read();
          if (piece === undefined) {
            // All zeros behind the marker are counted, so the content and its marker end where they begin.
            if (!marker || paddedLength(total - zeros) !== total) throw new SealedError('bad_padding');
            return undefined;
          }
          next = piece;
          total += piece.length;
        }
        const end = lastNonZero(next);
        if (end < 0) {
          if (marker) {
            zeros += next.length;
            next = undefined;
            continue;
          }
          // Zeros without a marker before them can only be content.
          const piece = next;
          next = undefined;
          return piece;
        }
        if (marker) {
          flushing = true;
          continue;
        }
        const piece = next;
        next = undefined;
        if (piece[end] !== END_OF_CONTENT) return piece;
        marker = true;
        zeros = piece.length - 1 - end;
        return piece.subarray(0, end);
      }
    },
    cancel: (reason) => rest.cancel(reason),
  };
}

/** The index of the last byte that is not zero, or -1. Runs of zeros are skipped a word at a time. */
function lastNonZero(bytes: Bytes): number {
  let end = bytes.length;
  const unaligned = (bytes.byteOffset + end) % 4;
  for (let i = 0; i < unaligned && end > 0; i++) if (bytes[--end] !== 0) return end;
  if (end === 0) return -1;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + (end % 4), Math.floor(end / 4));
  let word = words.length;
  while (word > 0 && words[word - 1] === 0) word--;
  end -= (words.length - word) * 4;
  while (end > 0) if (bytes[--end] !== 0) return end;
  return -1;
}
