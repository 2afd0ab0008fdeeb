/** What lies in a bundle, as entries of an archive that read their bytes when they are asked to. */
import { hex, utf8 } from '../crypto/hash.ts';
import type { BundleContents, KeptChunk } from '../store/chunks.ts';
import type { Stream } from '../store/incidents.ts';
import type { Bytes } from '../store/store.ts';
import { blobPieces } from './blob-reader.ts';
import { type Custody, consistencyLines, leafLines } from './bundle-custody.ts';
import { incidentManifest, streamManifest } from './bundle-manifest.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { readingTogether, type Together } from './reading-together.ts';
import type { ZipEntry } from './zip.ts';

/** Rows that are read at one time. */
const PAGE = 200;

/** What is known of a text once it has gone by. */
export interface Measure {
  readonly size: number;
  readonly crc32: number;
  /** 32 bytes. */
  readonly sha256: Bytes;
}

/** Measures a text that comes in pieces. */
export class Gauge {
  readonly #deps: Pick<Deps, 'crc32' | 'digest'>;
  readonly #digest: ReturnType<Deps['digest']>;
  #size = 0;
  #crc32 = 0;

  constructor(deps: Pick<Deps, 'crc32' | 'digest'>) {
    this.#deps = deps;
    this.#digest = deps.digest();
  }

  add(text: string): void {
    const bytes = utf8(text);
    this.#size += bytes.length;
    this.#crc32 = this.#deps.crc32(bytes, this.#crc32);
    this.#digest.update(bytes);
  }

  async finish(): Promise<Measure> {
    return { size: this.#size, crc32: this.#crc32, sha256: await this.#digest.finish() };
  }
}

/**
 * The chunks of a complete stream, page by page.
 * @throws Fault `stream_chunk_file_missing` where they are not numbered 1 to the stream's count or do not come to its
 *   bytes: a complete stream always is, unless its rows went while they were read.
 */
export async function* chunkPages(
  { store }: Pick<Deps, 'store'>,
  stream: Stream,
): AsyncGenerator<readonly KeptChunk[]> {
  let count = 0;
  let bytes = 0;
  while (count < stream.chunkCount) {
    const page = await store.chunks.page(stream.id, count, PAGE);
    for (const chunk of page) {
      count += 1;
      bytes += chunk.byteSize;
      if (chunk.chunkIndex !== count) throw new Fault('stream_chunk_file_missing');
    }
    if (page.length === 0) throw new Fault('stream_chunk_file_missing');
    yield page;
  }
  if (count !== stream.expectedChunkCount || bytes !== stream.totalBytes)
    throw new Fault('stream_chunk_file_missing');
}

/** The bytes of a chunk; those of a whole one are held against its SHA-256 as they go by. */
async function* chunkBytes(
  deps: Deps,
  chunk: KeptChunk,
  offset: number,
  length: number,
  together: Together,
): AsyncGenerator<Bytes, void, void> {
  const whole = length === chunk.byteSize;
  const small = whole ? await together(chunk) : undefined;
  if (small?.length === chunk.byteSize) {
    const digest = deps.digest();
    digest.update(small);
    if (hex(await digest.finish()) !== chunk.sha256) throw new Fault('hash_mismatch');
    yield small;
    return;
  }
  const part = { blob: chunk.blob, size: chunk.byteSize, start: offset, end: offset + length };
  const digest = whole ? deps.digest() : undefined;
  for await (const bytes of blobPieces(deps.blobs, part, () => deps.store.chunks.blobOf(chunk.id))) {
    digest?.update(bytes);
    yield bytes;
  }
  if (digest !== undefined && hex(await digest.finish()) !== chunk.sha256) throw new Fault('hash_mismatch');
}

/** Part of a text that has to be made from its start. */
async function* textBytes(
  text: AsyncIterable<string>,
  offset: number,
  length: number,
): AsyncGenerator<Bytes, void, void> {
  let skip = offset;
  let left = length;
  for await (const piece of text) {
    const bytes = utf8(piece);
    const wanted = bytes.subarray(Math.min(skip, bytes.length)).subarray(0, left);
    skip -= Math.min(skip, bytes.length);
    left -= wanted.length;
    if (wanted.length > 0) yield wanted;
    if (left === 0) return;
  }
}

function textEntry(
  name: string,
  { size, crc32 }: Measure,
  modifiedAt: number,
  text: () => AsyncIterable<string>,
): ZipEntry {
  return {
    name,
    size,
    crc32,
    modifiedAt,
    open: (offset, length) => textBytes(text(), offset, length),
  };
}

/** The text of a manifest as a file. */
async function* asFile(text: AsyncIterable<string>): AsyncGenerator<string> {
  yield* text;
  yield '\n';
}

/** Passes a text on and shows it to whoever measures it. */
async function* shown(text: AsyncIterable<string>, gauge: Gauge): AsyncGenerator<string> {
  for await (const piece of text) {
    gauge.add(piece);
    yield piece;
  }
}

async function drained(text: AsyncIterable<string>): Promise<void> {
  for await (const _ of text);
}

const manifestOf = (deps: Deps, stream: Stream) => streamManifest(stream, chunkPages(deps, stream));

/** Reads all of a stream's rows once. @throws as {@link chunkPages} */
export async function measureStream(deps: Deps, stream: Stream): Promise<Measure> {
  const gauge = new Gauge(deps);
  await drained(shown(asFile(manifestOf(deps, stream)), gauge));
  return gauge.finish();
}

/** The entries of a stream, all names starting with `folder`. */
export async function* streamEntries(
  deps: Deps,
  stream: Stream,
  manifest: Measure,
  folder: string,
): AsyncGenerator<readonly ZipEntry[]> {
  const modifiedAt = stream.completedAt ?? stream.updatedAt;
  const text = () => asFile(manifestOf(deps, stream));
  yield [textEntry(`${folder}manifest.json`, manifest, modifiedAt, text)];
  for await (const page of chunkPages(deps, stream)) {
    const together = readingTogether(deps.blobs, page);
    yield page.map((chunk) => ({
      name: `${folder}chunks/${stream.mediaType}_${String(chunk.chunkIndex).padStart(6, '0')}.enc`,
      size: chunk.byteSize,
      crc32: chunk.crc32,
      modifiedAt: chunk.createdAt,
      open: (offset, length) => chunkBytes(deps, chunk, offset, length, together),
    }));
  }
}

/** What the first reading of an incident's rows tells. */
export interface IncidentMeasures {
  readonly manifest: Measure;
  /** In the order of the streams. */
  readonly streams: readonly Measure[];
  /** When the newest row was made that the bundle holds. */
  readonly newest: number;
}

/** Reads all of an incident's rows once. @throws as {@link chunkPages} */
export async function measureIncident(deps: Deps, contents: BundleContents): Promise<IncidentMeasures> {
  const { incident, latestCheckin } = contents;
  let newest = Math.max(incident.updatedAt, latestCheckin?.createdAt ?? 0);
  const streams: Measure[] = [];
  async function* seen(stream: Stream): AsyncGenerator<readonly KeptChunk[]> {
    for await (const page of chunkPages(deps, stream)) {
      for (const { createdAt } of page) newest = Math.max(newest, createdAt);
      yield page;
    }
  }
  async function* measured(stream: Stream): AsyncGenerator<string> {
    newest = Math.max(newest, stream.updatedAt);
    const gauge = new Gauge(deps);
    yield* shown(streamManifest(stream, seen(stream)), gauge);
    gauge.add('\n');
    streams.push(await gauge.finish());
  }
  const gauge = new Gauge(deps);
  await drained(shown(asFile(incidentManifest(contents, measured, () => newest)), gauge));
  return { manifest: await gauge.finish(), streams, newest };
}

/** The entries of an incident: its manifest, then each stream. */
export async function* incidentEntries(
  deps: Deps,
  contents: BundleContents,
  { manifest, streams, newest }: IncidentMeasures,
): AsyncGenerator<readonly ZipEntry[]> {
  const text = () =>
    asFile(
      incidentManifest(
        contents,
        (stream) => manifestOf(deps, stream),
        () => newest,
      ),
    );
  yield [textEntry('manifest.json', manifest, newest, text)];
  for (const [at, stream] of contents.streams.entries()) {
    const measure = streams[at];
    if (measure === undefined) throw new RangeError('a stream was not measured');
    yield* streamEntries(deps, stream, measure, `streams/${stream.id}/`);
  }
}

/** What the first reading of the log tells. */
export interface CustodyMeasures {
  readonly leaves: Measure;
  readonly consistency: Measure;
}

/** Makes every proof once. */
export async function measureCustody(deps: Deps, custody: Custody): Promise<CustodyMeasures> {
  const measured = async (text: AsyncIterable<string>) => {
    const gauge = new Gauge(deps);
    await drained(shown(text, gauge));
    return gauge.finish();
  };
  return {
    leaves: await measured(leafLines(deps, custody)),
    consistency: await measured(consistencyLines(deps, custody)),
  };
}

function fixedEntry(deps: Pick<Deps, 'crc32'>, name: string, bytes: Bytes, modifiedAt: number): ZipEntry {
  return {
    name,
    size: bytes.length,
    crc32: deps.crc32(bytes, 0),
    modifiedAt,
    async *open(offset, length) {
      yield bytes.slice(offset, offset + length);
    },
  };
}

/** The entries that prove the others. */
export async function* custodyEntries(
  deps: Deps,
  custody: Custody,
  { leaves, consistency }: CustodyMeasures,
): AsyncGenerator<readonly ZipEntry[]> {
  const { checkpoint } = custody;
  const at = checkpoint.createdAt;
  const page = [
    fixedEntry(deps, 'custody/checkpoint', utf8(checkpoint.note), at),
    fixedEntry(deps, 'custody/verifier-key', utf8(`${checkpoint.verifier}\n`), at),
    textEntry('custody/leaves.jsonl', leaves, at, () => leafLines(deps, custody)),
    textEntry('custody/consistency.jsonl', consistency, at, () => consistencyLines(deps, custody)),
  ];
  if (checkpoint.timestamp !== undefined) {
    page.push(fixedEntry(deps, 'custody/timestamp.tsr', checkpoint.timestamp, at));
  }
  yield page;
}
