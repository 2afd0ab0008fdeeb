/**
 * What a disk may hold after a loss of power, put together from a record of what a process wrote (`faults/shim.c`):
 * what was flushed is there; of what was written since, any part may be, down to single sectors; names of files are
 * there when their folder was flushed, and of later ones the first few may be, in order, as journals of file systems
 * have it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Seeded } from './seed.ts';

const HEADER_BYTES = 40;
const SECTOR = 512;
const WRITE = 1;
const TRUNCATE = 2;
const SYNC = 3;
const NAME = 4;
const SYNC_FOLDER = 5;
const GONE = 6;

export interface Written {
  readonly op: number;
  readonly path: string;
  /** Nanoseconds of the monotonic clock (`process.hrtime.bigint`), once it was done. */
  readonly at: bigint;
  readonly file: bigint;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Reads a record; a last entry that a kill cut off is left out. */
export function readRecord(data: Buffer): Written[] {
  const entries: Written[] = [];
  for (let at = 0; at + HEADER_BYTES <= data.length; ) {
    const named = data.readUInt32LE(at + 4);
    const length = Number(data.readBigUInt64LE(at + 32));
    const path = at + HEADER_BYTES;
    const end = path + named + length;
    if (end > data.length) break;
    entries.push({
      op: data.readUInt32LE(at),
      path: data.toString('utf8', path, path + named),
      at: data.readBigUInt64LE(at + 8),
      file: data.readBigUInt64LE(at + 16),
      offset: Number(data.readBigUInt64LE(at + 24)),
      bytes: data.subarray(path + named, end),
    });
    at = end;
  }
  return entries;
}

/** What becomes of what was not flushed: none of it is there, all of it, or any part. */
export type Unflushed = 'lost' | 'kept' | 'torn';

/** A file's bytes, and what was done to it since it was flushed. */
class File {
  #content = Buffer.alloc(0);
  #length = 0;
  #since: Written[] = [];

  take(entry: Written): void {
    this.#since.push(entry);
  }

  flushed(): void {
    for (const entry of this.#since) this.#apply(entry);
    this.#since = [];
  }

  /** The bytes after the power went. */
  after(fate: Unflushed, random: Seeded): Buffer {
    for (const entry of this.#since) {
      if (fate === 'lost' || (fate === 'torn' && random.below(2) === 0)) continue;
      if (fate === 'kept' || entry.op === TRUNCATE || random.below(2) === 0) this.#apply(entry);
      else this.#tear(entry, random);
    }
    return this.#content.subarray(0, this.#length);
  }

  #tear({ bytes, offset, ...entry }: Written, random: Seeded): void {
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + SECTOR - ((offset + at) % SECTOR));
      if (random.below(2) === 0)
        this.#apply({ ...entry, offset: offset + at, bytes: bytes.subarray(at, end) });
      at = end;
    }
  }

  #apply({ op, offset, bytes }: Written): void {
    const end = op === TRUNCATE ? offset : offset + bytes.length;
    if (end > this.#content.length) {
      const larger = Buffer.alloc(Math.max(end, 2 * this.#content.length));
      this.#content.copy(larger, 0, 0, this.#length);
      this.#content = larger;
    }
    if (op === TRUNCATE) {
      this.#content.fill(0, Math.min(end, this.#length), Math.max(end, this.#length));
      this.#length = end;
    } else {
      bytes.copy(this.#content, offset);
      this.#length = Math.max(this.#length, end);
    }
  }
}

/** Names of the folders below one, by path. */
class Names {
  readonly #durable = new Map<string, File>();
  #since: { readonly path: string; readonly file: File | undefined }[] = [];

  set(path: string, file: File | undefined): void {
    this.#since.push({ path, file });
  }

  flushed(folder: string): void {
    const others = this.#since.filter(({ path }) => dirname(path) !== folder);
    for (const change of this.#since) if (dirname(change.path) === folder) this.#apply(change);
    this.#since = others;
  }

  after(fate: Unflushed, random: Seeded): ReadonlyMap<string, File> {
    const kept =
      fate === 'lost' ? 0 : fate === 'kept' ? this.#since.length : random.below(this.#since.length + 1);
    for (const change of this.#since.slice(0, kept)) this.#apply(change);
    return this.#durable;
  }

  #apply({ path, file }: { readonly path: string; readonly file: File | undefined }): void {
    if (file === undefined) this.#durable.delete(path);
    else this.#durable.set(path, file);
  }
}

/**
 * Puts together, in `to`, what is left of the files of one folder when the power goes after the first `count` entries.
 * Sockets and the index of the log are not there: they are made anew.
 */
export async function afterPowerLoss(
  record: readonly Written[],
  count: number,
  fate: Unflushed,
  random: Seeded,
  to: string,
): Promise<void> {
  const files = new Map<bigint, File>();
  const names = new Names();
  const known = (inode: bigint): File => {
    const file = files.get(inode) ?? new File();
    files.set(inode, file);
    return file;
  };
  for (const entry of record.slice(0, count)) {
    if (entry.op === WRITE || entry.op === TRUNCATE) known(entry.file).take(entry);
    else if (entry.op === SYNC) known(entry.file).flushed();
    else if (entry.op === SYNC_FOLDER) names.flushed(entry.path);
    else if (entry.op === GONE) names.set(entry.path, undefined);
    else if (entry.op === NAME) {
      // An inode that is used again begins empty.
      if (entry.offset === 1) files.delete(entry.file);
      names.set(entry.path, known(entry.file));
    }
  }
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const [path, file] of names.after(fate, random)) {
    if (/\.(sock|db-shm)$/.test(path) || basename(path) === basename(to)) continue;
    await writeFile(join(to, basename(path)), file.after(fate, random), { mode: 0o600 });
  }
}
