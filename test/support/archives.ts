/** Archives put together on purpose: honest ones by our own writer, and ones that no writer would make. */
import { nodeCrc32 } from '../../runtime/digest.ts';
import { zipLayout, zipRange } from '../../src/core/zip.ts';
import {
  centralHeader,
  endRecords,
  localHeader,
  type ZipDirectory,
  type ZipEntryFacts,
} from '../../src/core/zip-records.ts';

export interface Packed {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const AT = Date.UTC(2026, 0, 2, 3, 4, 6);

const factsOf = ({ name, bytes }: Packed): ZipEntryFacts => ({
  name,
  size: bytes.length,
  crc32: nodeCrc32(bytes, 0),
  modifiedAt: AT,
});

/** An archive as Sallyport writes it. */
export async function pack(entries: readonly Packed[]): Promise<Buffer> {
  const pages = async function* () {
    yield entries.map((entry) => ({
      ...factsOf(entry),
      async *open(offset: number, length: number) {
        yield new Uint8Array(entry.bytes.subarray(offset, offset + length));
      },
    }));
  };
  const layout = await zipLayout(pages);
  const parts: Uint8Array[] = [];
  for await (const piece of zipRange(pages, layout, 0, layout.length)) parts.push(piece);
  return Buffer.concat(parts);
}

/** What is done to the parts of an archive before they are joined. */
export interface Craft {
  /** To what stands in front of an entry's bytes, what stands in the directory, and what is between. */
  readonly entry?: (at: number, parts: { local: Buffer; central: Buffer; between: Buffer }) => void;
  readonly end?: (directory: ZipDirectory) => ZipDirectory;
}

/** An archive with something done to it; each part tells the truth where it is not told to lie. */
export function craft(entries: readonly Packed[], { entry, end = (directory) => directory }: Craft): Buffer {
  const body: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [at, packed] of entries.entries()) {
    const facts = factsOf(packed);
    const parts = {
      local: Buffer.from(localHeader(facts)),
      central: Buffer.alloc(0),
      between: Buffer.alloc(0),
    };
    parts.central = Buffer.from(centralHeader(facts, offset));
    entry?.(at, parts);
    body.push(parts.local, packed.bytes, parts.between);
    directory.push(parts.central);
    offset += parts.local.length + packed.bytes.length + parts.between.length;
  }
  const length = directory.reduce((sum, bytes) => sum + bytes.length, 0);
  const records = endRecords(end({ entries: entries.length, offset, length }));
  return Buffer.concat([...body, ...directory, records]);
}
