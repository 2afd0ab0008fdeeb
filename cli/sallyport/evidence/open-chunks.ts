/** Sealed chunks, wherever they lie: loose files, a server's streams, a bundle. What they say is checked later. */

import { createReadStream } from 'node:fs';
import { type FileHandle, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_PREFIX_BYTES, parseSealedHeader, SealedError } from '../../../src/crypto/sealed.ts';
import { errorCode, usage } from '../../shared/failure.ts';
import { type ArchiveEntry, type ArchiveFile, entryBytes } from './archive.ts';
import { readBundle } from './bundle-reader.ts';
import { listChunks } from './completing.ts';
import type { Login } from './login.ts';

/** A chunk that was found, by its public header or by what lists it. */
export interface FoundChunk {
  readonly incidentId: string;
  readonly streamId: string;
  readonly mediaType: string;
  readonly index: number;
  /** Lower-case hex SHA-256 of the sealed bytes, where something states it. */
  readonly sha256: string | undefined;
  /** Where it is, for messages. */
  readonly where: string;
  /** The sealed bytes. */
  readonly bytes: () => AsyncIterable<Uint8Array>;
}

const DEEPEST = 8;
const MOST_FILES = 1_000_000;

/**
 * The chunks among the files of a folder and of the folders in it: a staging directory, an unpacked bundle, or
 * whatever was collected. Other files are passed over. Throws a usage failure when the folder cannot be read.
 */
export async function looseChunks(folder: string): Promise<readonly FoundChunk[]> {
  const found: FoundChunk[] = [];
  let files = 0;
  const visit = async (place: string, depth: number): Promise<void> => {
    const entries = await opendir(place).catch((error: unknown) => {
      throw usage(`The folder ${place} cannot be read (${errorCode(error)}).`);
    });
    for await (const entry of entries) {
      const path = join(place, entry.name);
      // Links are not followed: what is opened is what lies here.
      if (entry.isDirectory() && depth < DEEPEST) await visit(path, depth + 1);
      if (!entry.isFile()) continue;
      files += 1;
      if (files > MOST_FILES) throw usage(`There are more than ${MOST_FILES} files in this folder.`);
      const chunk = await chunkIn(path);
      if (chunk !== undefined) found.push(chunk);
    }
  };
  await visit(folder, 1);
  return found;
}

/** The chunk in a file, by its header; undefined for any other file. */
async function chunkIn(path: string): Promise<FoundChunk | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    throw usage(`${path} cannot be read (${errorCode(error)}).`);
  }
  try {
    const start = new Uint8Array(MAX_PREFIX_BYTES);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    const { context } = parseSealedHeader(start.subarray(0, bytesRead)).header;
    if (context.kind !== 'chunk') return undefined;
    return {
      incidentId: context.incident_id,
      streamId: context.stream_id,
      mediaType: context.media_type,
      index: context.chunk_index,
      sha256: undefined,
      where: path,
      bytes: () => createReadStream(path),
    };
  } catch (error) {
    if (error instanceof SealedError) return undefined;
    throw error;
  } finally {
    await file.close();
  }
}

/** The chunks of a bundle as it was downloaded. Throws what the reader refuses: a bundle that was cut or changed. */
export async function bundleChunks(path: string): Promise<readonly FoundChunk[]> {
  return await withArchive(path, async (file) => {
    const found: FoundChunk[] = [];
    for await (const part of readBundle(file)) {
      if (part.part !== 'chunk') continue;
      const { stream, chunk, entry } = part;
      found.push({
        incidentId: stream.incident_id,
        streamId: stream.stream_id,
        mediaType: stream.media_type,
        index: chunk.chunk_index,
        sha256: chunk.sha256_hex,
        where: entry.name,
        bytes: () => bytesIn(path, entry),
      });
    }
    return found;
  });
}

async function* bytesIn(path: string, entry: ArchiveEntry): AsyncGenerator<Uint8Array> {
  const handle = await open(path, 'r');
  try {
    yield* entryBytes({ handle, size: (await handle.stat()).size }, entry);
  } finally {
    await handle.close();
  }
}

async function withArchive<T>(path: string, use: (file: ArchiveFile) => Promise<T>): Promise<T> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw usage(`${path} cannot be read (${errorCode(error)}).`);
  });
  try {
    return await use({ handle, size: (await handle.stat()).size });
  } finally {
    await handle.close();
  }
}

/** The chunks that a server has of an incident, or of one stream of it, in any state: fetched one by one. */
export async function chunksOnServer(
  login: Login,
  incidentId: string,
  streamId: string | undefined,
): Promise<readonly FoundChunk[]> {
  const found: FoundChunk[] = [];
  for await (const chunk of listChunks(login, incidentId)) {
    if (streamId !== undefined && chunk.streamId !== streamId) continue;
    const path = `v1/incidents/${incidentId}/streams/${chunk.streamId}/chunks/${chunk.index}`;
    found.push({
      incidentId,
      streamId: chunk.streamId,
      mediaType: chunk.mediaType,
      index: chunk.index,
      sha256: chunk.sha256,
      where: `chunk ${chunk.index} on the server`,
      bytes: () => fetched(login, path),
    });
  }
  return found;
}

async function* fetched(login: Login, path: string): AsyncGenerator<Uint8Array> {
  const answer = await login.fetched({ method: 'GET', path });
  try {
    yield* answer.body;
  } finally {
    answer.close();
  }
}
