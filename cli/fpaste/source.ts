/** What is uploaded: a file, or standard input. */

import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { errorCode, Failure, usage } from '../shared/failure.ts';
import type { World } from '../shared/world.ts';

export interface Source {
  /** The file's own name, without folders. */
  readonly name: string | undefined;
  /** Bytes, for regular files. A pipe ends when it ends. */
  readonly size: number | undefined;
  readonly pieces: AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** No longer than a segment: such a piece is copied when it is sealed, and its memory can be used again. */
const PIECE_BYTES = 64 * 1024;

/** Opens FILE, or standard input for `-` and nothing. Throws a usage failure when it cannot be read. */
export async function openSource(
  world: World,
  argument: string | undefined,
  say: (line: string) => void,
): Promise<Source> {
  if (argument === undefined || argument === '-') {
    if (world.stdin.isTTY === true) say('Reading from the terminal. End with Ctrl-D.');
    return { name: undefined, size: undefined, pieces: world.stdin, close: async () => undefined };
  }
  const file = await open(argument, 'r').catch((error: unknown) => {
    throw usage(`The file cannot be read (${errorCode(error)}).`);
  });
  try {
    const facts = await file.stat();
    if (facts.isDirectory())
      throw usage('This is a folder. Put it into an archive first, for example with tar.');
    const size = facts.isFile() ? facts.size : undefined;
    return { name: basename(argument), size, pieces: readFile(file, size), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Exactly `size` bytes where that is known, since that is what was announced. */
async function* readFile(file: FileHandle, size: number | undefined): AsyncGenerator<Uint8Array> {
  let left = size ?? Number.POSITIVE_INFINITY;
  while (left > 0) {
    const buffer = new Uint8Array(Math.min(PIECE_BYTES, left));
    const { bytesRead } = await file.read(buffer, 0, buffer.length).catch((error: unknown) => {
      throw usage(`The file cannot be read (${errorCode(error)}).`);
    });
    if (bytesRead === 0) break;
    left -= bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  if (left > 0 && size !== undefined) {
    throw new Failure(
      'refused',
      'file_changed',
      'The file became shorter while it was read. Run the command again.',
    );
  }
}

/** The source with its first piece in hand, for a look at what it is. */
export async function peek(source: Source): Promise<{ readonly first: Uint8Array; readonly source: Source }> {
  const iterator = source.pieces[Symbol.asyncIterator]();
  const start = await iterator.next();
  const first = start.done === true ? new Uint8Array(0) : start.value;
  const pieces = (async function* () {
    if (first.length > 0) yield first;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  })();
  return { first, source: { ...source, pieces } };
}
