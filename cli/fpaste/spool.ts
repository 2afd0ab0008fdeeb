/**
 * Bytes that may be needed again: in memory while they are few, then in a file that nobody else can open and
 * that has no name any more, so that nothing is left behind whatever happens.
 */

import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorCode, Failure } from '../shared/failure.ts';

const MEMORY_BYTES = 2 * 1024 * 1024;
const READ_BYTES = 64 * 1024;

export class Spool {
  readonly #memory: Uint8Array[] = [];
  #file: FileHandle | undefined;
  #folder: string | undefined;
  #length = 0;

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  /** Appends a copy. One call at a time. Throws `refused` when the disk does not take it. */
  async append(piece: Uint8Array): Promise<void> {
    if (this.#file === undefined && this.#length + piece.length <= MEMORY_BYTES) {
      // Not `slice`, which for a Buffer is no copy.
      this.#memory.push(new Uint8Array(piece));
      this.#length += piece.length;
      return;
    }
    try {
      const file = this.#file ?? (await this.#moveToFile());
      await writeAll(file, piece, this.#length);
      this.#length += piece.length;
    } catch (error) {
      throw new Failure(
        'refused',
        'no_space',
        `A temporary file cannot be written (${errorCode(error)}). Set TMPDIR to a folder with room.`,
      );
    }
  }

  /** All bytes so far, from the beginning, in pieces that are the reader's own. */
  async *read(): AsyncGenerator<Uint8Array> {
    const until = this.#length;
    if (this.#file === undefined) {
      for (const piece of [...this.#memory]) yield new Uint8Array(piece);
      return;
    }
    for (let at = 0; at < until; ) {
      const buffer = new Uint8Array(Math.min(READ_BYTES, until - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) throw new Failure('refused', 'no_space', 'A temporary file lost its content.');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    this.#memory.length = 0;
    this.#length = 0;
    const file = this.#file;
    const folder = this.#folder;
    this.#file = undefined;
    this.#folder = undefined;
    await file?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }

  async #moveToFile(): Promise<FileHandle> {
    const folder = await mkdtemp(join(tmpdir(), 'fpaste-'));
    this.#folder = folder;
    const path = join(folder, 'spool');
    const file = await open(path, 'wx+', 0o600);
    this.#file = file;
    // Where an open file cannot be removed (Windows), `close` does it.
    await rm(folder, { recursive: true, force: true }).then(
      () => {
        this.#folder = undefined;
      },
      () => undefined,
    );
    let at = 0;
    for (const piece of this.#memory) {
      await writeAll(file, piece, at);
      at += piece.length;
    }
    this.#memory.length = 0;
    return file;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}
