/**
 * The records of a ZIP archive (PKWARE APPNOTE 6.3.10) that stores its entries as they are, byte for byte the same
 * for the same entries: names in UTF-8, times in UTC, one Unix mode for all, sizes and checksums known in advance and
 * written before the bytes. ZIP64 (§4.3.14 f, §4.5.3) where an entry, an offset or a count needs it, and only there.
 */
import { utf8 } from '../crypto/hash.ts';
import type { Bytes } from '../store/store.ts';

/** What the records say about an entry. */
export interface ZipEntryFacts {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** CRC-32 (ISO 3309) of the bytes. */
  readonly crc32: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
}

/** What the end of an archive says about its directory. */
export interface ZipDirectory {
  readonly entries: number;
  readonly offset: number;
  readonly length: number;
}

const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const END64_BYTES = 56;
const LOCATOR64_BYTES = 20;

/** These values mean "look in the ZIP64 record", so that already they need one. */
const MAX32 = 0xffff_ffff;
const MAX16 = 0xffff;

/** Versions of the specification that a reader needs: 1.0 for what is stored as it is, 4.5 for ZIP64. */
const PLAIN = 10;
const ZIP64 = 45;
/** Made on Unix (§4.4.2), which gives the external attributes their meaning. */
const MADE_BY = (3 << 8) | ZIP64;
/** Bit 11 (§4.4.4): the name is UTF-8. Bit 3 is clear: no data descriptor follows. */
const FLAGS = 1 << 11;
/** A regular file that its owner may read and write. */
const UNIX_MODE = 0o100600;

/** Little-endian numbers into bytes of a known length. */
class Writer {
  readonly bytes: Bytes;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
    this.#view = new DataView(this.bytes.buffer);
  }

  u16(...values: number[]): this {
    for (const value of values) {
      this.#view.setUint16(this.#at, value, true);
      this.#at += 2;
    }
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) {
      this.#view.setUint32(this.#at, value, true);
      this.#at += 4;
    }
    return this;
  }

  u64(...values: number[]): this {
    for (const value of values) this.u32(value % 2 ** 32, Math.floor(value / 2 ** 32));
    return this;
  }

  raw(bytes: Bytes): this {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }
}

const EARLIEST = Date.UTC(1980, 0, 1);
const LATEST = Date.UTC(2107, 11, 31, 23, 59, 58);

/** Time and date of MS-DOS (§4.4.6) in UTC, two seconds fine, from 1980 to 2107. */
export function dosTime(ms: number): { readonly time: number; readonly date: number } {
  const at = new Date(Math.min(Math.max(ms, EARLIEST), LATEST));
  return {
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
  };
}

const large = (value: number) => value >= MAX32;

/** The ZIP64 extra field (§4.5.3) of these values, nothing when there are none. */
function extra64(values: readonly number[]): Bytes {
  if (values.length === 0) return new Uint8Array(0);
  const length = values.length * 8;
  return new Writer(4 + length).u16(1, length).u64(...values).bytes;
}

/** Where a size stands in two places, both sizes are the same: nothing is compressed. */
const sizes64 = ({ size }: ZipEntryFacts) => (large(size) ? [size, size] : []);

function nameOf({ name }: ZipEntryFacts): Bytes {
  const bytes = utf8(name);
  if (bytes.length === 0 || bytes.length > MAX16) throw new RangeError('an entry has an impossible name');
  return bytes;
}

/** What stands in front of an entry's bytes. */
export function localHeader(entry: ZipEntryFacts): Bytes {
  const name = nameOf(entry);
  const extra = extra64(sizes64(entry));
  const { time, date } = dosTime(entry.modifiedAt);
  const size = Math.min(entry.size, MAX32);
  return new Writer(LOCAL_BYTES + name.length + extra.length)
    .u32(0x04034b50)
    .u16(extra.length > 0 ? ZIP64 : PLAIN, FLAGS, 0, time, date)
    .u32(entry.crc32, size, size)
    .u16(name.length, extra.length)
    .raw(name)
    .raw(extra).bytes;
}

/** What the directory says about an entry whose local header is `offset` bytes into the archive. */
export function centralHeader(entry: ZipEntryFacts, offset: number): Bytes {
  const name = nameOf(entry);
  const extra = extra64([...sizes64(entry), ...(large(offset) ? [offset] : [])]);
  const { time, date } = dosTime(entry.modifiedAt);
  const size = Math.min(entry.size, MAX32);
  return new Writer(CENTRAL_BYTES + name.length + extra.length)
    .u32(0x02014b50)
    .u16(MADE_BY, extra.length > 0 ? ZIP64 : PLAIN, FLAGS, 0, time, date)
    .u32(entry.crc32, size, size)
    .u16(name.length, extra.length, 0, 0, 0)
    .u32(UNIX_MODE * 2 ** 16, Math.min(offset, MAX32))
    .raw(name)
    .raw(extra).bytes;
}

const needsEnd64 = ({ entries, offset, length }: ZipDirectory) =>
  entries >= MAX16 || large(offset) || large(length);

/** What follows the directory. */
export function endRecords(directory: ZipDirectory): Bytes {
  const { entries, offset, length } = directory;
  const writer = new Writer(endLength(directory));
  if (needsEnd64(directory)) {
    writer
      .u32(0x06064b50)
      // The size of what follows in this record.
      .u64(END64_BYTES - 12)
      .u16(MADE_BY, ZIP64)
      .u32(0, 0)
      .u64(entries, entries, length, offset)
      // The locator: on the first disk of one, right after the directory.
      .u32(0x07064b50, 0)
      .u64(offset + length)
      .u32(1);
  }
  const count = Math.min(entries, MAX16);
  return writer
    .u32(0x06054b50)
    .u16(0, 0, count, count)
    .u32(Math.min(length, MAX32), Math.min(offset, MAX32))
    .u16(0).bytes;
}

/** Length of {@link endRecords}. */
export function endLength(directory: ZipDirectory): number {
  return END_BYTES + (needsEnd64(directory) ? END64_BYTES + LOCATOR64_BYTES : 0);
}

/** Length of {@link localHeader}, without making it. */
export function localLength(entry: ZipEntryFacts): number {
  return LOCAL_BYTES + nameOf(entry).length + (large(entry.size) ? 20 : 0);
}

/** Length of {@link centralHeader}, without making it. */
export function centralLength(entry: ZipEntryFacts, offset: number): number {
  const values = (large(entry.size) ? 2 : 0) + (large(offset) ? 1 : 0);
  return CENTRAL_BYTES + nameOf(entry).length + (values === 0 ? 0 : 4 + values * 8);
}
