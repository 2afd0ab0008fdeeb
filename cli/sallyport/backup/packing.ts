/** From a copy of the database and some keys to the bytes of a backup. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { BackupFacts } from '../../../src/store/libsql/backup-facts.ts';
import type { Keys } from './keys.ts';
import { DATABASE, FORMAT, MANIFEST, type Manifest, manifestText } from './manifest.ts';
import { type TarEntry, tarEnd, tarHeader, tarLength, tarPadding } from './tar.ts';

const PIECE_BYTES = 1024 * 1024;
/** What a database begins with that is not encrypted. https://www.sqlite.org/fileformat2.html#magic_header_string */
const SQLITE = 'SQLite format 3\0';

/** The bytes of a file from its beginning. */
async function* fileBytes(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let at = 0; ; ) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(PIECE_BYTES), 0, PIECE_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

export interface BackupPlan {
  readonly database: FileHandle;
  readonly facts: BackupFacts;
  readonly keys: Keys;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Packed {
  readonly manifest: Manifest;
  /** How many bytes there will be. */
  readonly length: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** @param at is told how many bytes of the database have been hashed */
export async function packBackup(plan: BackupPlan, at: (bytes: number) => void): Promise<Packed> {
  const { facts, now } = plan;
  const hash = createHash('sha256');
  let size = 0;
  let plain = false;
  for await (const piece of fileBytes(plan.database)) {
    // What the file says, not what the settings of this command do: the server may have others.
    if (size === 0) plain = Buffer.from(piece.subarray(0, SQLITE.length)).toString('latin1') === SQLITE;
    hash.update(piece);
    size += piece.length;
    at(size);
  }
  const texts = [...plan.keys].map(([name, text]) => ({ name, bytes: new TextEncoder().encode(text) }));
  const manifest: Manifest = {
    format: FORMAT,
    version: plan.version,
    created_at: new Date(now).toISOString(),
    schema: facts.schema,
    database_encrypted: !plain,
    entries: [
      { name: DATABASE, size, sha256: hash.digest('hex') },
      ...texts.map(({ name, bytes }) => ({
        name,
        size: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
      })),
    ],
    counts: facts.counts,
  };
  const head = new TextEncoder().encode(manifestText(manifest));
  const once = async function* (bytes: Uint8Array) {
    yield bytes;
  };
  const files: readonly (TarEntry & { readonly open: () => AsyncIterable<Uint8Array> })[] = [
    { name: MANIFEST, size: head.length, open: () => once(head) },
    { name: DATABASE, size, open: () => fileBytes(plan.database) },
    ...texts.map(({ name, bytes }) => ({ name, size: bytes.length, open: () => once(bytes) })),
  ];
  const mtime = Math.floor(now / 1000);
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const entry of files) {
      yield tarHeader(entry, mtime);
      yield* entry.open();
      yield tarPadding(entry.size);
    }
    yield tarEnd();
  }
  return { manifest, length: tarLength(files), pieces: pieces() };
}
