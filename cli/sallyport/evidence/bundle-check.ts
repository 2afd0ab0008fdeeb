/**
 * What a bundle proves by itself, offline: that every chunk is there, in order and as the manifest names it, sealed for
 * this incident, stream and place, and that the last one says that it is the last. Who made it, and when, is proven by
 * the custody folder; what is in it, by opening it.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { parseInstant } from '../../../src/core/instant.ts';
import { SealedError } from '../../../src/crypto/sealed-error.ts';
import { COMMITMENT_BYTES, MAX_PREFIX_BYTES, parseSealedHeader } from '../../../src/crypto/sealed-header.ts';
import { Failure } from '../../shared/failure.ts';
import { type ArchiveEntry, type ArchiveFile, entryBytes } from './archive.ts';
import { type BundlePart, readBundle } from './bundle-reader.ts';
import type { BundleReport, Gap, Problem, StreamReport } from './bundle-report.ts';
import type { ChunkLine, StreamManifest } from './manifests.ts';

type Told = Pick<Problem, 'code' | 'kind' | 'message'>;

export interface CheckOptions {
  /** The longest time, in seconds, between two chunks that is not a failure; any is fine when undefined. */
  readonly maxGap: number | undefined;
}

/** Clocks of recorders are not finer than that: less is neither a gap nor an overlap. */
const SLACK_SECONDS = 1;
const MOST_TOLD = 100;
/** The tag of the one segment that there always is. */
const LEAST_PAYLOAD = 16;

class Findings {
  readonly told: Problem[] = [];
  count = 0;
  verdict: BundleReport['verdict'] = 'ok';

  add(problem: Problem): void {
    this.count += 1;
    if (this.told.length < MOST_TOLD) this.told.push(problem);
    if (this.verdict !== 'failed') this.verdict = problem.kind;
  }
}

interface Digested {
  readonly sha256: string;
  readonly crc32: number;
  /** The first bytes, as many as a sealed header can have. */
  readonly start: Buffer;
}

async function digest(file: ArchiveFile, entry: ArchiveEntry): Promise<Digested> {
  const sha256 = createHash('sha256');
  let sum = 0;
  let start: Buffer | undefined;
  for await (const piece of entryBytes(file, entry)) {
    start ??= piece.subarray(0, MAX_PREFIX_BYTES);
    sha256.update(piece);
    sum = crc32(piece, sum);
  }
  return { sha256: sha256.digest('hex'), crc32: sum, start: start ?? Buffer.alloc(0) };
}

/** What the public header of a chunk has to do with its place; undefined when all is well. */
function headerProblem(
  start: Buffer,
  size: number,
  stream: StreamManifest,
  chunk: ChunkLine,
): Told | undefined {
  const { incident_id, stream_id, media_type, chunk_count } = stream;
  try {
    const { header, headerLength } = parseSealedHeader(start);
    const { context } = header;
    if (size < headerLength + COMMITMENT_BYTES + LEAST_PAYLOAD)
      return { code: 'chunk_not_sealed', kind: 'failed', message: 'it ends before its sealed bytes begin' };
    if (
      context.kind !== 'chunk' ||
      context.incident_id !== incident_id ||
      context.stream_id !== stream_id ||
      context.media_type !== media_type ||
      context.chunk_index !== chunk.chunk_index
    )
      return {
        code: 'chunk_context',
        kind: 'failed',
        message: 'it was sealed for another incident, stream, kind or place',
      };
    if (context.final && chunk.chunk_index < chunk_count)
      return {
        code: 'final_early',
        kind: 'failed',
        message: 'it says that it is the last, and others follow',
      };
    if (!context.final && chunk.chunk_index === chunk_count)
      return {
        code: 'end_not_proven',
        kind: 'not_proven',
        message: 'it does not say that it is the last: the end of the recording is not proven',
      };
    return undefined;
  } catch (error) {
    if (!(error instanceof SealedError)) throw error;
    const message = `it is not sealed as it should be (${error.code})`;
    return { code: 'chunk_not_sealed', kind: 'failed', message };
  }
}

const NS_PER_SECOND = 1e9;
const ns = (text: string) => parseInstant(text)?.epochNs ?? 0n;

/** Follows one stream from chunk to chunk. */
class StreamCheck {
  readonly #stream: StreamManifest;
  readonly #findings: Findings;
  readonly #options: CheckOptions;
  readonly #gaps: Gap[] = [];
  #gapCount = 0;
  #before: ChunkLine | undefined;
  #endProven = false;

  constructor(stream: StreamManifest, findings: Findings, options: CheckOptions) {
    this.#stream = stream;
    this.#findings = findings;
    this.#options = options;
  }

  see(chunk: ChunkLine, entry: ArchiveEntry, digested: Digested): void {
    const say = (problem: Told) =>
      this.#findings.add({
        ...problem,
        message: `Chunk ${chunk.chunk_index}: ${problem.message}.`,
        streamId: this.#stream.stream_id,
        chunkIndex: chunk.chunk_index,
      });
    const failed = (code: string, message: string) => say({ code, kind: 'failed', message });
    if (digested.sha256 !== chunk.sha256_hex)
      failed('chunk_digest', 'its bytes do not have the SHA-256 that the manifest names');
    if (digested.crc32 !== entry.crc32)
      failed('chunk_checksum', 'its bytes do not have the CRC-32 of the archive');
    const problem = headerProblem(digested.start, entry.size, this.#stream, chunk);
    if (problem !== undefined) say(problem);
    else if (chunk.chunk_index === this.#stream.chunk_count) this.#endProven = true;
    if (ns(chunk.ended_at) < ns(chunk.started_at)) failed('chunk_times', 'it ends before it begins');
    this.#follow(chunk, say);
    this.#before = chunk;
  }

  #follow(chunk: ChunkLine, say: (what: Told) => void): void {
    if (this.#before === undefined) return;
    const seconds = Number(ns(chunk.started_at) - ns(this.#before.ended_at)) / NS_PER_SECOND;
    const doubt = (code: string, message: string) => say({ code, kind: 'not_proven', message });
    if (ns(chunk.started_at) < ns(this.#before.started_at))
      doubt('chunk_order', 'it begins before the one in front of it, by the clock that recorded it');
    const { maxGap } = this.#options;
    if (maxGap !== undefined && seconds > maxGap)
      doubt('gap_too_long', `${seconds} seconds lie between it and the one in front of it`);
    if (Math.abs(seconds) <= SLACK_SECONDS) return;
    this.#gapCount += 1;
    if (this.#gaps.length < MOST_TOLD) this.#gaps.push({ afterIndex: this.#before.chunk_index, seconds });
  }

  report(): StreamReport {
    const { stream_id, media_type, label, chunk_count, total_bytes, chunks } = this.#stream;
    return {
      streamId: stream_id,
      mediaType: media_type,
      label,
      chunkCount: chunk_count,
      totalBytes: total_bytes,
      startedAt: chunks[0]?.started_at ?? '',
      endedAt: chunks.at(-1)?.ended_at ?? '',
      endProven: this.#endProven,
      gaps: this.#gaps,
      gapCount: this.#gapCount,
    };
  }
}

/** Reads a bundle once, from its first byte to its last. What it is is told in the report; only reading can throw. */
export async function checkBundle(file: ArchiveFile, options: CheckOptions): Promise<BundleReport> {
  const findings = new Findings();
  const streams: StreamReport[] = [];
  const manifests: StreamManifest[] = [];
  const custody: ArchiveEntry[] = [];
  let first: Extract<BundlePart, { part: 'manifest' }> | undefined;
  let current: StreamCheck | undefined;
  const finish = () => {
    if (current !== undefined) streams.push(current.report());
    current = undefined;
  };
  try {
    for await (const part of readBundle(file)) {
      if (part.part === 'manifest') first = part;
      if (part.part === 'stream') {
        finish();
        manifests.push(part.stream);
        current = new StreamCheck(part.stream, findings, options);
      }
      if (part.part === 'chunk') current?.see(part.chunk, part.entry, await digest(file, part.entry));
      if (part.part === 'custody') {
        custody.push(part.entry);
        await checksum(file, part.entry, findings);
      }
    }
    finish();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    findings.add({ code: error.code, kind: 'failed', message: error.message });
  }
  return {
    bundle: first?.kind,
    incidentId: first?.kind === 'incident' ? first.manifest.incident.id : first?.manifest.incident_id,
    verdict: findings.verdict,
    streams,
    problems: findings.told,
    problemCount: findings.count,
    manifests,
    custody,
  };
}

async function checksum(file: ArchiveFile, entry: ArchiveEntry, findings: Findings): Promise<void> {
  let sum = 0;
  for await (const piece of entryBytes(file, entry)) sum = crc32(piece, sum);
  if (sum === entry.crc32) return;
  const message = `The bytes of "${entry.name}" do not have the CRC-32 of the archive.`;
  findings.add({ code: 'entry_checksum', kind: 'failed', message });
}
