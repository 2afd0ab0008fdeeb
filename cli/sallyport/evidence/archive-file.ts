/** The bytes of an archive at a place, and in a stretch. */
import type { FileHandle } from 'node:fs/promises';
import { Failure } from '../../shared/failure.ts';

/** What the file is, as far as this file cares: bytes at a place. */
export interface ArchiveFile {
  readonly handle: Pick<FileHandle, 'read'>;
  /** Bytes. */
  readonly size: number;
}

/** The archive is not one that Sallyport writes: it was changed, cut, or made by something else. */
export function malformed(code: string, message: string): Failure {
  return new Failure('refused', code, message);
}

/** Bytes of the file. Throws `archive_cut` where it ends before them. */
export async function bytesAt(
  { handle, size }: ArchiveFile,
  offset: number,
  length: number,
): Promise<Buffer> {
  if (offset < 0 || offset + length > size)
    throw malformed('archive_cut', 'The archive ends too early: it was cut, or its lengths are false.');
  const bytes = Buffer.allocUnsafe(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await handle.read(bytes, read, length - read, offset + read);
    if (bytesRead === 0) throw malformed('archive_cut', 'The file became shorter while it was read.');
    read += bytesRead;
  }
  return bytes;
}

const READ_AHEAD = 256 * 1024;

/** Reads a stretch of the file from its start, some of it ahead. */
export class Ahead {
  readonly #file: ArchiveFile;
  readonly #end: number;
  #at: number;
  #held: Buffer = Buffer.alloc(0);

  constructor(file: ArchiveFile, start: number, end: number) {
    this.#file = file;
    this.#at = start;
    this.#end = end;
  }

  /** Bytes that nobody has taken yet. */
  get left(): number {
    return this.#end - this.#at + this.#held.length;
  }

  async take(length: number): Promise<Buffer> {
    if (length > this.left)
      throw malformed('archive_lengths', 'The directory of the archive ends in the middle of an entry.');
    if (this.#held.length < length) {
      const more = Math.min(this.#end - this.#at, Math.max(READ_AHEAD, length - this.#held.length));
      const bytes = await bytesAt(this.#file, this.#at, more);
      this.#at += more;
      this.#held = Buffer.concat([this.#held, bytes]);
    }
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }
}
