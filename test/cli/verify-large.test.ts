/** `sallyport verify` on bundles that are large: in bytes, and in entries. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nodeCrc32 } from '../../runtime/digest.ts';
import { type ZipEntry, zipLayout, zipRange } from '../../src/core/zip.ts';
import { writeSealedHeader } from '../../src/crypto/sealed.ts';
import type { Bytes } from '../../src/store/store.ts';
import { inSoak } from '../support/seed.ts';
import { tempDir } from '../support/temp.ts';

const CLI = fileURLToPath(new URL('../../cli/sallyport.ts', import.meta.url));
const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const ZEROS: Bytes = new Uint8Array(MIB);
const INCIDENT = 'inc_01ARZ3NDEKTSV4RRFFQ69G5FAV';
const STREAM = 'str_01ARZ3NDEKTSV4RRFFQ69G5FAV';

interface Chunk {
  readonly line: object;
  readonly entry: ZipEntry;
}

/** A chunk with a true header and zeros behind it: nobody without a key can tell. */
function chunkOf(index: number, count: number, zeros: number): Chunk {
  const context = {
    kind: 'chunk',
    incident_id: INCIDENT,
    stream_id: STREAM,
    media_type: 'audio',
    chunk_index: index,
    final: index === count,
  } as const;
  const header = writeSealedHeader({ salt: new Uint8Array(16), kdf: { id: 'none' }, context });
  async function* pieces(offset: number, length: number): AsyncGenerator<Bytes> {
    assert.equal(offset, 0);
    assert.equal(length, header.length + zeros);
    yield header;
    for (let left = zeros; left > 0; left -= MIB) yield ZEROS.subarray(0, Math.min(MIB, left));
  }
  const digest = createHash('sha256').update(header);
  let crc32 = nodeCrc32(header, 0);
  for (let left = zeros; left > 0; left -= MIB) {
    const piece = ZEROS.subarray(0, Math.min(MIB, left));
    digest.update(piece);
    crc32 = nodeCrc32(piece, crc32);
  }
  const name = `chunks/audio_${String(index).padStart(6, '0')}.enc`;
  const size = header.length + zeros;
  const at = (n: number) => new Date(Date.UTC(2026, 0, 2) + n * 1000).toISOString().replace('.000Z', 'Z');
  const line = {
    chunk_index: index,
    media_type: 'audio',
    byte_size: size,
    sha256_hex: digest.digest('hex'),
    started_at: at(index),
    ended_at: at(index + 1),
  };
  return { line, entry: { name, size, crc32, modifiedAt: 0, open: pieces } };
}

/** Writes the bundle of a stream of chunks with so many zeros; whole pieces of zeros are left as holes. @returns its length in bytes */
async function write(file: FileHandle, sizes: readonly number[]): Promise<number> {
  const count = sizes.length;
  const chunks = sizes.map((zeros, at) => chunkOf(at + 1, count, zeros));
  const text = JSON.stringify({
    incident_id: INCIDENT,
    stream_id: STREAM,
    media_type: 'audio',
    status: 'complete',
    encryption: { expected: 'client-side', scheme: 'sallyport-sealed-v1', server_decrypts: false },
    created_at: '2026-01-02T00:00:00.000Z',
    chunk_count: count,
    total_bytes: chunks.reduce((sum, { entry }) => sum + entry.size, 0),
    chunks: chunks.map(({ line }) => line),
  });
  const bytes = new TextEncoder().encode(text);
  const manifest: ZipEntry = {
    name: 'manifest.json',
    size: bytes.length,
    crc32: nodeCrc32(bytes, 0),
    modifiedAt: 0,
    async *open() {
      yield bytes;
    },
  };
  const pages = async function* () {
    yield [manifest, ...chunks.map(({ entry }) => entry)];
  };
  const layout = await zipLayout(pages);
  let at = 0;
  for await (const piece of zipRange(pages, layout, 0, layout.length)) {
    if (piece.buffer !== ZEROS.buffer) await file.write(piece, 0, piece.length, at);
    at += piece.length;
  }
  await file.truncate(at);
  return at;
}

async function verified(sizes: readonly number[], use: (length: number, report: Report) => void) {
  const dir = await tempDir();
  try {
    const path = join(dir.path, 'bundle.zip');
    const file = await open(path, 'w');
    const length = await write(file, sizes).finally(() => file.close());
    const args = [CLI, 'verify', '--json', path];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 26 });
    use(length, JSON.parse(stdout) as Report);
  } finally {
    await dir.remove();
  }
}

interface Report {
  readonly verdict: string;
  readonly streams: readonly { readonly chunk_count: number; readonly end_proven: boolean }[];
}

const whole = ({ verdict, streams: [stream] }: Report) => [verdict, stream?.chunk_count, stream?.end_proven];

describe('sallyport verify', { timeout: 600_000 }, () => {
  it('copes with 70,000 entries', () =>
    verified(Array(70_000).fill(48), (_, report) => assert.deepEqual(whole(report), ['ok', 70_000, true])));

  const soaking = { skip: inSoak('the reader of others in test/handlers/bundles-large') };
  it('copes with an entry of more than 4 GiB, and with what lies behind them', soaking, () =>
    verified([100, 4 * GIB + 100, 100], (length, report) => {
      assert.ok(length > 4 * GIB);
      assert.deepEqual(whole(report), ['ok', 3, true]);
    }),
  );
});
