/** From the bytes of a backup to a database file and some keys, each held against its digest. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { errorCode, Failure } from '../../shared/failure.ts';
import {
  DATABASE,
  damagedBackup,
  type KeyName,
  MANIFEST,
  MAX_MANIFEST_BYTES,
  type Manifest,
  readManifest,
} from './manifest.ts';
import { type OpenEntry, readTar, TarError } from './tar.ts';

export interface Unpacked {
  readonly manifest: Manifest;
  /** Lines of text. */
  readonly keys: ReadonlyMap<KeyName, string>;
}

/**
 * Writes the database to `path`, a new file (0600), on the disk when this returns. Throws a refusal for a backup that
 * was changed or cut; what it has written by then is of no use.
 * @param ready is told what it is and decides whether to go on, by throwing
 * @param at is told how many bytes of the database are written
 */
export async function unpackBackup(
  pieces: AsyncIterable<Uint8Array>,
  path: string,
  ready: (manifest: Manifest) => Promise<void>,
  at: (bytes: number) => void,
): Promise<Unpacked> {
  let manifest: Manifest | undefined;
  const keys = new Map<KeyName, string>();
  let index = 0;
  try {
    for await (const entry of readTar(pieces)) {
      if (manifest === undefined) {
        if (entry.name !== MANIFEST || entry.size > MAX_MANIFEST_BYTES)
          throw damagedBackup('its description does not come first');
        manifest = readManifest(await wholeOf(entry));
        await ready(manifest);
        continue;
      }
      const expected = manifest.entries[index];
      index += 1;
      if (expected === undefined || expected.name !== entry.name || expected.size !== entry.size)
        throw damagedBackup('it holds something else than its description says');
      if (expected.name === DATABASE) {
        if ((await writeTo(path, entry, at)) !== expected.sha256)
          throw damagedBackup('the database does not have the digest that its description names');
      } else {
        const bytes = await wholeOf(entry);
        if (createHash('sha256').update(bytes).digest('hex') !== expected.sha256)
          throw damagedBackup(`${expected.name} does not have the digest that its description names`);
        keys.set(expected.name, new TextDecoder().decode(bytes));
      }
    }
  } catch (error) {
    throw error instanceof TarError ? damagedBackup(error.message) : error;
  }
  if (manifest === undefined || index !== manifest.entries.length)
    throw damagedBackup('it lacks something that its description names');
  return { manifest, keys };
}

/** For small entries, whose size is known. */
async function wholeOf(entry: OpenEntry): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of entry.bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** @returns the SHA-256 in lower-case hex */
async function writeTo(path: string, entry: OpenEntry, at: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', 0o600);
  try {
    let length = 0;
    for await (const piece of entry.bytes) {
      hash.update(piece);
      for (let done = 0; done < piece.length; )
        done += (await file.write(piece, done, piece.length - done)).bytesWritten;
      length += piece.length;
      at(length);
    }
    await file.sync();
  } catch (error) {
    const code = errorCode(error);
    if (code === 'unknown error') throw error;
    throw new Failure('refused', 'cannot_write', `The database cannot be written (${code}).`);
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
