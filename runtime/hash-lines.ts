/**
 * A file of SHA-1 hashes in their order, a line each: what the downloader of Have I Been Pwned writes, some 40 GB. It
 * is searched where it lies, by halves, with some thirty small reads and no memory to speak of.
 */
import type { FileHandle } from 'node:fs/promises';

/** 40 hex digits, and maybe how often it was seen. */
const LINE = /^([0-9a-f]{40})(?::\d{1,12})?$/i;
/** Longer than any line: whatever is read at a place holds the end of one line and the whole of the next. */
const WINDOW = 160;
/** So many places, evenly apart, are looked at to see that the lines stand in their order. */
const PROBES = 512;

/** The digits of a line in upper case; undefined for what is no such line. */
export function hashIn(line: string): string | undefined {
  return LINE.exec(line.trimEnd())?.[1]?.toUpperCase();
}

/** What `at` bytes into the file is, or comes next: a whole line. */
interface Found {
  readonly hash: string;
  /** Where the line after it begins. */
  readonly next: number;
}

export interface HashLines {
  /** @param hash SHA-1 in upper-case hex. @throws RangeError where the file holds something else than hashes */
  has(hash: string): Promise<boolean>;
  /** Whether the places that are looked at follow each other. @throws RangeError as `has` */
  isSorted(): Promise<boolean>;
}

/** @param size of the file in bytes; its first line is a hash */
export function hashLines(file: FileHandle, size: number): HashLines {
  /** The first line that begins at `at` or later; undefined where none does. */
  async function lineFrom(at: number): Promise<Found | undefined> {
    // From the byte before: where that one ends a line, the next begins right here.
    const from = Math.max(0, at - 1);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(WINDOW), 0, WINDOW, from);
    const text = buffer.toString('latin1', 0, bytesRead);
    const skipped = at === 0 ? 0 : text.indexOf('\n') + 1;
    if (at !== 0 && skipped === 0) {
      if (from + bytesRead >= size) return undefined;
      throw new RangeError('a line is too long to be a hash');
    }
    const rest = text.slice(skipped);
    if (rest.trim() === '' && from + bytesRead >= size) return undefined;
    const ends = rest.indexOf('\n');
    const line = ends === -1 ? rest : rest.slice(0, ends);
    const hash = hashIn(line);
    if (hash === undefined) throw new RangeError('a line is no hash');
    return { hash, next: from + skipped + line.length + 1 };
  }

  return {
    async has(hash) {
      // Lines that begin before `low` are smaller; those that begin at `high` or later are not.
      let [low, high] = [0, size];
      while (low < high) {
        const middle = Math.floor((low + high) / 2);
        const found = await lineFrom(middle);
        if (found === undefined || found.hash >= hash) high = middle;
        else low = found.next;
      }
      return (await lineFrom(low))?.hash === hash;
    },

    async isSorted() {
      let before = '';
      let seen = 0;
      for (let probe = 0; probe <= PROBES; probe += 1) {
        const at = Math.floor((probe * size) / PROBES);
        if (at < seen) continue;
        const found = await lineFrom(at);
        if (found === undefined) return true;
        if (found.hash <= before) return false;
        before = found.hash;
        seen = found.next;
      }
      return true;
    },
  };
}
