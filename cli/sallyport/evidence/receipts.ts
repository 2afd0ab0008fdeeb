/**
 * The server's signed receipts for chunks, one JSON string a line, kept for as long as the directory: what shows
 * later that it took a chunk in, and when. `sallyport verify --receipts` reads them.
 */

import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../shared/failure.ts';
import { flushFolder } from '../../shared/kept.ts';

const FILE = 'receipts.jsonl';
/** A signed note of some hundred bytes; what is much longer is none. */
const LONGEST = 8192;

/** A receipt in an answer, or undefined. It is kept as it came: what it proves is for whoever verifies to say. */
export function receiptIn(json: unknown): string | undefined {
  const receipt = (json as { receipt?: unknown } | null | undefined)?.receipt;
  return typeof receipt === 'string' && receipt !== '' && receipt.length <= LONGEST ? receipt : undefined;
}

export class Receipts {
  readonly path: string;
  readonly #folder: string;
  #count: number;
  #length: number;
  #file: FileHandle | undefined;

  private constructor(folder: string, count: number, length: number) {
    this.#folder = folder;
    this.path = join(folder, FILE);
    this.#count = count;
    this.#length = length;
  }

  /** Nothing is made before there is a receipt to keep. A line that a crash has cut is written over. */
  static async open(folder: string): Promise<Receipts> {
    const text = await readFile(join(folder, FILE)).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    const length = text.lastIndexOf(0x0a) + 1;
    const count = text.subarray(0, length).reduce((sum, byte) => sum + (byte === 0x0a ? 1 : 0), 0);
    return new Receipts(folder, count, length);
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** When it resolves, a crash cannot take it away any more. Call once at a time. */
  async keep(receipt: string): Promise<void> {
    const file = await this.#opened();
    const bytes = Buffer.from(`${JSON.stringify(receipt)}\n`);
    try {
      for (let done = 0; done < bytes.length; )
        done += (await file.write(bytes, done, bytes.length - done, this.#length + done)).bytesWritten;
      await file.sync();
    } catch (error) {
      await file.truncate(this.#length).catch(() => undefined);
      throw error;
    }
    this.#length += bytes.length;
    this.#count += 1;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    const file = await open(this.path, this.#length === 0 ? 'w' : 'r+', 0o600);
    this.#file = file;
    await file.truncate(this.#length);
    await flushFolder(this.#folder);
    return file;
  }
}
