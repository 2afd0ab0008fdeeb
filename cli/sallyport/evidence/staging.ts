/**
 * The staging directory: sealed chunks between the recorder and the server. A chunk is here before it leaves, and
 * until the server has it. What lies here is ciphertext; the recording itself never touches the disk.
 *
 * A chunk is written to `chunks/NNNNNNNN.sealed.part` and flushed, then stated in the journal, then renamed. So
 * whatever the moment of a crash, the journal tells what must be there, and it is there under one of the two names.
 */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, Failure } from '../../shared/failure.ts';
import { flushFolder } from '../../shared/kept.ts';
import type { World } from '../../shared/world.ts';
import { Journal, type StagedChunk } from './journal.ts';
import { Receipts } from './receipts.ts';

export type { StagedChunk } from './journal.ts';

const PIECE_BYTES = 64 * 1024;
/** Room that is held for journal and receipts: an acknowledgement must be noted before it can make room itself. */
const RESERVE_BYTES = 64 * 1024;

export class Staging {
  readonly directory: string;
  readonly #journal: Journal;
  readonly #receipts: Receipts;
  readonly #chunks: string;
  #pendingBytes: number;
  /** Chunks up to this index are under their final name. */
  #ready: number;
  #wake: () => void = () => undefined;

  private constructor(directory: string, journal: Journal, receipts: Receipts) {
    this.directory = directory;
    this.#journal = journal;
    this.#receipts = receipts;
    this.#chunks = join(directory, 'chunks');
    this.#ready = journal.state.lastIndex;
    this.#pendingBytes = [...journal.state.pending.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Opens a directory that nobody else uses, and puts in order what a crash has left. */
  static async open(world: Pick<World, 'random'>, directory: string): Promise<Staging> {
    await mkdir(join(directory, 'chunks'), { recursive: true, mode: 0o700 });
    const receipts = await Receipts.open(directory);
    const staging = new Staging(directory, await Journal.open(world, directory, 'journal.jsonl'), receipts);
    try {
      await staging.#recover();
      await staging.#reserve();
    } catch (error) {
      await staging.close();
      throw error;
    }
    return staging;
  }

  /** The next index to be staged. */
  get nextIndex(): number {
    return this.#journal.state.lastIndex + 1;
  }

  /** Bytes of the recording that are sealed, acknowledged ones included: where its source goes on. */
  get recordedBytes(): number {
    return this.#journal.state.plainBytes;
  }

  get acknowledged(): number {
    return this.#journal.state.acknowledged;
  }

  /** Chunks that the server has not acknowledged, and their bytes. */
  get pending(): { readonly chunks: number; readonly bytes: number } {
    return { chunks: this.#journal.state.pending.size, bytes: this.#pendingBytes };
  }

  /** Whether the end of the stream has been sealed. */
  get ended(): boolean {
    return this.#journal.state.final;
  }

  get completed(): boolean {
    return this.#journal.state.completed;
  }

  /** What the server has signed for. */
  get receipts(): { readonly path: string; readonly count: number } {
    return this.#receipts;
  }

  /** The first chunk that the server has not acknowledged. */
  next(): StagedChunk | undefined {
    const chunk = this.#journal.state.pending.values().next().value;
    return chunk !== undefined && chunk.index <= this.#ready ? chunk : undefined;
  }

  /** Resolves after the next chunk was staged, or `ring` was called. */
  changed(): Promise<void> {
    return new Promise((done) => {
      const before = this.#wake;
      this.#wake = () => {
        before();
        done();
      };
    });
  }

  ring(): void {
    const wake = this.#wake;
    this.#wake = () => undefined;
    wake();
  }

  /** Makes a sealed chunk last. When it resolves, a crash cannot take it away any more. */
  async stage(
    sealed: AsyncIterable<Uint8Array>,
    facts: Omit<StagedChunk, 'index' | 'sha256' | 'bytes'>,
  ): Promise<StagedChunk> {
    const index = this.nextIndex;
    const part = this.#path(index, true);
    let written: { readonly sha256: string; readonly bytes: number };
    try {
      written = await writeFlushed(part, sealed);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    const chunk = { index, ...facts, ...written };
    await flushFolder(this.#chunks);
    await this.#journal.staged(chunk);
    this.#pendingBytes += chunk.bytes;
    await rename(part, this.#path(index, false));
    await flushFolder(this.#chunks);
    this.#ready = index;
    this.ring();
    return chunk;
  }

  /** The bytes of a staged chunk. */
  async *read({ index }: StagedChunk): AsyncGenerator<Uint8Array> {
    yield* createReadStream(this.#path(index, false), { highWaterMark: PIECE_BYTES });
  }

  /** Whether a staged chunk is still what it was when it was sealed. */
  async isWhole(chunk: StagedChunk): Promise<boolean> {
    const hash = createHash('sha256');
    try {
      for await (const piece of this.read(chunk)) hash.update(piece);
    } catch {
      return false;
    }
    return hash.digest('hex') === chunk.sha256;
  }

  /** The server has it: it need not be here any more. What it signed for it is on the disk before that is noted. */
  async acknowledge({ index, bytes }: StagedChunk, receipt?: string): Promise<void> {
    if (receipt !== undefined) await this.#inReserve(() => this.#receipts.keep(receipt));
    await this.#inReserve(() => this.#journal.acknowledged(index));
    this.#pendingBytes -= bytes;
    await rm(this.#path(index, false), { force: true });
    this.ring();
  }

  async complete(): Promise<void> {
    await this.#journal.completed();
  }

  async close(): Promise<void> {
    await rm(this.#reservePath, { force: true });
    await this.#journal.close();
    await this.#receipts.close();
  }

  get #reservePath(): string {
    return join(this.directory, 'reserve');
  }

  /** Without room for it, there is all the more to be uploaded. */
  async #reserve(): Promise<void> {
    await writeFile(this.#reservePath, new Uint8Array(RESERVE_BYTES), { mode: 0o600 }).catch(
      (error: unknown) => {
        if (!isDiskFull(error)) throw error;
      },
    );
  }

  /** Writes; on a full disk, again in the room that was held for it. */
  async #inReserve(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await rm(this.#reservePath, { force: true });
      await write();
    }
  }

  #path(index: number, part: boolean): string {
    return join(this.#chunks, `${String(index).padStart(8, '0')}.sealed${part ? '.part' : ''}`);
  }

  /** Finishes renames that a crash came before, and removes what the journal does not know. */
  async #recover(): Promise<void> {
    const { pending } = this.#journal.state;
    for (const chunk of pending.values()) {
      if (await isFile(this.#path(chunk.index, false))) continue;
      const part = this.#path(chunk.index, true);
      if (!(await isFile(part))) {
        throw new Failure(
          'refused',
          'chunk_missing',
          `Chunk ${chunk.index} is missing in ${this.#chunks}: somebody has removed it. Put it back, or end the stream without it: sallyport stream fail.`,
        );
      }
      await rename(part, this.#path(chunk.index, false));
    }
    for (const name of await readdir(this.#chunks)) {
      const [, digits = '', part] = /^(\d{8,})\.sealed(\.part)?$/.exec(name) ?? [];
      // Acknowledged and not yet removed, or never stated: its bytes are asked of the source again.
      if (digits !== '' && (part !== undefined || !pending.has(Number(digits))))
        await rm(join(this.#chunks, name), { force: true });
    }
    await flushFolder(this.#chunks);
  }
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
}

async function writeFlushed(path: string, pieces: AsyncIterable<Uint8Array>) {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'w', 0o600);
  try {
    for await (const piece of pieces) {
      hash.update(piece);
      await writeAll(file, piece);
      bytes += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    done += (await file.write(piece, done, piece.length - done)).bytesWritten;
  }
}

/** Whether what failed was for want of room on the disk. */
export function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(errorCode(error));
}
