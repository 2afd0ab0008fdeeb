import assert from 'node:assert/strict';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nodeCrc32 } from '../../runtime/digest.ts';
import { type ZipEntry, type ZipPages, zipLayout, zipRange } from '../../src/core/zip.ts';
import type { Bytes } from '../../src/store/store.ts';
import { inSoak } from '../support/seed.ts';
import { tempDir } from '../support/temp.ts';
import { noZipPeers, type PeerEntry, pythonReads, unzipReads } from '../support/zip-peers.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const AT = Date.UTC(2026, 0, 2, 3, 4, 6);
const ZEROS: Bytes = new Uint8Array(MIB);

/** Zeros, which a file system need not keep. */
function zeros(name: string, size: number): ZipEntry {
  let crc32 = 0;
  for (let at = 0; at < size; at += MIB)
    crc32 = nodeCrc32(ZEROS.subarray(0, Math.min(MIB, size - at)), crc32);
  return {
    name,
    size,
    crc32,
    modifiedAt: AT,
    async *open(_offset, length) {
      for (let left = length; left > 0; left -= MIB) yield ZEROS.subarray(0, Math.min(MIB, left));
    },
  };
}

function numbered(name: string, n: number): ZipEntry {
  const content = new TextEncoder().encode(`content ${n}`);
  return {
    name,
    size: content.length,
    crc32: nodeCrc32(content, 0),
    modifiedAt: AT,
    async *open(offset, length) {
      yield content.slice(offset, offset + length);
    },
  };
}

/** Writes an archive; whole pieces of zeros are left as holes. */
async function write(file: FileHandle, pages: ZipPages): Promise<number> {
  const layout = await zipLayout(pages);
  let at = 0;
  for await (const piece of zipRange(pages, layout, 0, layout.length)) {
    if (piece.buffer !== ZEROS.buffer) await file.write(piece, 0, piece.length, at);
    at += piece.length;
  }
  assert.equal(at, layout.length);
  await file.truncate(at);
  return at;
}

async function written(pages: ZipPages, use: (path: string, length: number) => Promise<void>): Promise<void> {
  const dir = await tempDir();
  try {
    const path = join(dir.path, 'archive.zip');
    const file = await open(path, 'w');
    let length: number;
    try {
      length = await write(file, pages);
    } finally {
      await file.close();
    }
    await use(path, length);
  } finally {
    await dir.remove();
  }
}

const facts = ({ name, size, crc32 }: Pick<PeerEntry, 'name' | 'size' | 'crc32'>) => ({ name, size, crc32 });

describe('archives that others read', { skip: noZipPeers }, () => {
  it('every entry is stored, private, named in UTF-8 and dated in UTC', async () => {
    const entries = [numbered('manifest.json', 1), numbered('zwölf/日本.enc', 2)];
    await written(
      async function* () {
        yield entries;
      },
      async (path) => {
        const read = await pythonReads(path);
        assert.deepEqual(
          read,
          entries.map((entry) => ({
            ...facts(entry),
            time: [2026, 1, 2, 3, 4, 6],
            mode: 0o100600,
            method: 0,
            flags: 0x800,
            version: 10,
          })),
        );
        assert.equal(await unzipReads(path), 2);
      },
    );
  });

  const soaking = { timeout: 300_000, skip: inSoak('a bundle of this size in test/handlers/bundles-large') };
  it('over 4 GiB in one entry, and entries that begin after 4 GiB', soaking, async () => {
    const large = zeros('large', 4 * GIB + 5);
    const entries = [numbered('first', 1), large, numbered('after', 2), zeros('many', 3 * MIB + 1)];
    await written(
      async function* () {
        yield entries;
      },
      async (path, length) => {
        assert.ok(length > 4 * GIB);
        assert.deepEqual((await pythonReads(path)).map(facts), entries.map(facts));
        assert.equal(await unzipReads(path), entries.length);
      },
    );
  });

  for (const count of [65_535, 70_000]) {
    it(`${count} entries`, count === 70_000 ? soaking : { timeout: 300_000 }, async () => {
      await written(
        async function* () {
          for (let at = 0; at < count; at += 1000) {
            const length = Math.min(1000, count - at);
            yield Array.from({ length }, (_, i) => numbered(`chunks/${at + i + 1}.enc`, at + i + 1));
          }
        },
        async (path) => {
          const read = await pythonReads(path);
          assert.equal(read.length, count);
          assert.deepEqual(
            read.map(facts),
            Array.from({ length: count }, (_, i) => facts(numbered(`chunks/${i + 1}.enc`, i + 1))),
          );
          assert.equal(await unzipReads(path), count);
        },
      );
    });
  }
});
