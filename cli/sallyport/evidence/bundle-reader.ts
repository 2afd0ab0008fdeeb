/** A bundle taken apart: its manifests held against each other and against what lies in the archive, in order. */
import { isDeepStrictEqual } from 'node:util';
import { crc32 } from 'node:zlib';
import { printable } from '../../shared/text.ts';
import { type ArchiveEntry, type ArchiveFile, archiveEntries, entryBytes } from './archive.ts';
import { malformed } from './archive-file.ts';
import {
  type ChunkLine,
  LONGEST_MANIFEST,
  type Manifest,
  parseManifest,
  parseStreamManifest,
  type StreamManifest,
} from './manifests.ts';

/** What comes out of a bundle, in this order: the manifest, then each stream and its chunks, then custody. */
export type BundlePart =
  | ({ readonly part: 'manifest'; readonly entry: ArchiveEntry } & Manifest)
  | { readonly part: 'stream'; readonly stream: StreamManifest }
  | {
      readonly part: 'chunk';
      readonly stream: StreamManifest;
      readonly chunk: ChunkLine;
      readonly entry: ArchiveEntry;
    }
  /** What proves the rest: `custody/…`, nothing of which is looked at here. */
  | { readonly part: 'custody'; readonly entry: ArchiveEntry };

/** More than there will ever be kinds of proof; an archive with more is not ours. */
const MOST_CUSTODY = 32;

const FIRST = 'manifest.json';
/** A manifest or a chunk: the folder of its stream, and of a chunk its kind and index. */
const ENTRY = /^((?:streams\/[^/]+\/)?)(?:manifest\.json|chunks\/([a-z]+)_(\d{6,})\.enc)$/;

const nameOf = (folder: string, { media_type, chunk_index }: ChunkLine) =>
  `${folder}chunks/${media_type}_${String(chunk_index).padStart(6, '0')}.enc`;

/** Takes entries one after another, by the name that the next one must have. */
class Sequence {
  readonly #entries: AsyncGenerator<ArchiveEntry, void, void>;
  readonly #passed: (name: string) => boolean;
  #next: ArchiveEntry | undefined;

  /** @param passed whether an entry of this name has been taken */
  constructor(entries: AsyncGenerator<ArchiveEntry, void, void>, passed: (name: string) => boolean) {
    this.#entries = entries;
    this.#passed = passed;
  }

  async peek(): Promise<ArchiveEntry | undefined> {
    this.#next ??= (await this.#entries.next()).value ?? undefined;
    return this.#next;
  }

  async take(name: string): Promise<ArchiveEntry> {
    const entry = await this.peek();
    if (entry === undefined)
      throw malformed('entry_missing', `The bundle lacks "${name}", which its manifest lists.`);
    if (entry.name !== name) throw this.unexpected(entry, name);
    this.#next = undefined;
    return entry;
  }

  unexpected(entry: ArchiveEntry, name?: string) {
    const shown = printable(entry.name, 80);
    if (this.#passed(entry.name)) return malformed('entry_duplicate', `The bundle holds "${shown}" twice.`);
    return name === undefined
      ? malformed('entry_unexpected', `The bundle holds "${shown}", which its manifest does not list.`)
      : malformed('entry_unexpected', `The bundle holds "${shown}" where "${name}" must be.`);
  }
}

/** A manifest's bytes. Throws `manifest_malformed` for a giant, `entry_checksum`. */
async function whole(file: ArchiveFile, entry: ArchiveEntry): Promise<Buffer> {
  if (entry.size > LONGEST_MANIFEST)
    throw malformed('manifest_malformed', 'A manifest is longer than this program reads.');
  const parts: Buffer[] = [];
  for await (const piece of entryBytes(file, entry)) parts.push(piece);
  const bytes = Buffer.concat(parts);
  if (crc32(bytes) !== entry.crc32)
    throw malformed('entry_checksum', `The bytes of "${entry.name}" do not have the CRC-32 of the archive.`);
  return bytes;
}

/**
 * Everything in a bundle, in order. That an entry is there, has the name, place and size that the manifests give it,
 * and that nothing else is there, has been checked when it is handed out or at the end; its bytes are the caller's to
 * check.
 *
 * Throws a failure whose code says what is wrong: those of `archiveEntries`, `manifest_malformed`,
 * `manifest_inconsistent`, `entry_checksum`, `entry_missing`, `entry_unexpected`, `entry_duplicate`, `chunk_size`.
 */
export async function* readBundle(file: ArchiveFile): AsyncGenerator<BundlePart, void, void> {
  const done = new Set<string>();
  let folder = '';
  let current: StreamManifest | undefined;
  let place = 0;
  const passed = (name: string): boolean => {
    const [, of, media, index] = ENTRY.exec(name) ?? [];
    if (of === undefined) return false;
    if (of !== folder) return done.has(of) || name === FIRST;
    return media === undefined || (media === current?.media_type && Number(index) <= place);
  };
  const entries = new Sequence(archiveEntries(file), passed);

  async function* chunksOf(stream: StreamManifest): AsyncGenerator<BundlePart, void, void> {
    current = stream;
    yield { part: 'stream', stream };
    for (const chunk of stream.chunks) {
      const entry = await entries.take(nameOf(folder, chunk));
      place = chunk.chunk_index;
      if (entry.size !== chunk.byte_size)
        throw malformed(
          'chunk_size',
          `"${entry.name}" has ${entry.size} bytes; the manifest says ${chunk.byte_size}.`,
        );
      yield { part: 'chunk', stream, chunk, entry };
    }
  }

  const entry = await entries.take(FIRST);
  const manifest = parseManifest(await whole(file, entry));
  yield { part: 'manifest', entry, ...manifest };
  if (manifest.kind === 'stream') {
    yield* chunksOf(manifest.manifest);
  } else {
    for (const listed of manifest.manifest.streams) {
      folder = `streams/${listed.stream_id}/`;
      place = 0;
      const own = await entries.take(`${folder}manifest.json`);
      const where = `The manifest of ${listed.stream_id}`;
      const stream = parseStreamManifest(await whole(file, own), where);
      if (!isDeepStrictEqual(stream, listed))
        throw malformed('manifest_inconsistent', `${where} says something else than that of the incident.`);
      yield* chunksOf(stream);
      done.add(folder);
    }
  }
  const proofs = new Set<string>();
  for (let next = await entries.peek(); next !== undefined; next = await entries.peek()) {
    const { name } = next;
    if (proofs.has(name)) throw malformed('entry_duplicate', `The bundle holds "${name}" twice.`);
    if (!/^custody\/[a-z0-9][a-z0-9.-]*$/.test(name) || proofs.size === MOST_CUSTODY)
      throw entries.unexpected(next);
    proofs.add(name);
    yield { part: 'custody', entry: await entries.take(name) };
  }
}
