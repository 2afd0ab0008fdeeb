/**
 * The archive around a bundle, read as strictly as it was written: entries as they are, one after another from the
 * first byte, the directory right behind them, nothing before, between or after. Whatever two ZIP readers could
 * understand in two ways is refused, in words that say what it is.
 *
 * Entries are looked at in their order, a few hundred kilobytes of the directory at a time, so that an archive of any
 * size or number of entries takes the same memory.
 */
import {
  centralHeader,
  endRecords,
  localHeader,
  type ZipDirectory,
  type ZipEntryFacts,
} from '../../../src/core/zip-records.ts';
import type { Failure } from '../../shared/failure.ts';
import { printable } from '../../shared/text.ts';
import { Ahead, type ArchiveFile, bytesAt, malformed } from './archive-file.ts';

export type { ArchiveFile } from './archive-file.ts';

export interface ArchiveEntry extends ZipEntryFacts {
  /** Where its bytes begin in the file. */
  readonly offset: number;
}

/** Longer than any name in a bundle; an archive of longer ones is none of ours. */
const LONGEST_NAME = 255;
/** A comment at the end of an archive can be so long (APPNOTE 6.3.10 §4.3.16). */
const LONGEST_COMMENT = 65_535;

const END_BYTES = 22;
const END64_BYTES = 56;
const LOCATOR64_BYTES = 20;
const END = Buffer.from('504b0506', 'hex');
const LOCATOR64 = Buffer.from('504b0607', 'hex');
const END64 = Buffer.from('504b0606', 'hex');

async function noEnd(file: ArchiveFile): Promise<Failure> {
  const start = await bytesAt(file, 0, Math.min(4, file.size));
  if (!start.equals(Buffer.from('504b0304', 'hex')))
    return malformed('not_an_archive', 'This is not a bundle: it does not begin like a ZIP archive.');
  const length = Math.min(file.size, LONGEST_COMMENT + END_BYTES);
  const tail = await bytesAt(file, file.size - length, length);
  return tail.includes(END)
    ? malformed('archive_trailing', 'Something follows the end of the archive, or a comment was added to it.')
    : malformed(
        'archive_cut',
        'The archive has no end: it was cut, or something long follows it. Download it again.',
      );
}

function u64(bytes: Buffer, offset: number): number {
  const value = bytes.readBigUInt64LE(offset);
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw malformed('archive_lengths', 'The archive states a length that no file has.');
  return Number(value);
}

/** Where the directory is. Throws when the file does not end as an archive of ours does. */
async function readEnd(file: ArchiveFile): Promise<ZipDirectory> {
  if (file.size < END_BYTES) throw await noEnd(file);
  const end = await bytesAt(file, file.size - END_BYTES, END_BYTES);
  if (!end.subarray(0, 4).equals(END)) throw await noEnd(file);
  const short = { entries: end.readUInt16LE(10), length: end.readUInt32LE(12), offset: end.readUInt32LE(16) };
  const large = short.entries === 0xffff || short.length === 0xffff_ffff || short.offset === 0xffff_ffff;
  const directory = large ? await readEnd64(file) : short;
  const records = endRecords(directory);
  const at = directory.offset + directory.length;
  if (at + records.length !== file.size)
    throw malformed(
      'archive_lengths',
      'The end of the archive is not where its directory says: something was added, removed or changed.',
    );
  if (!(await bytesAt(file, at, records.length)).equals(records)) throw foreign('The end of the archive');
  return directory;
}

async function readEnd64(file: ArchiveFile): Promise<ZipDirectory> {
  const length = END64_BYTES + LOCATOR64_BYTES;
  const bytes = await bytesAt(file, file.size - END_BYTES - length, length);
  if (!bytes.subarray(0, 4).equals(END64) || !bytes.subarray(END64_BYTES, END64_BYTES + 4).equals(LOCATOR64))
    throw malformed('archive_lengths', 'The archive says that it is large, and does not say how large.');
  return { entries: u64(bytes, 32), length: u64(bytes, 40), offset: u64(bytes, 48) };
}

const foreign = (what: string) =>
  malformed(
    'archive_foreign',
    `${what} is not as Sallyport writes it: it was changed or made by another program.`,
  );

function nameIn(bytes: Buffer): string {
  let name: string;
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed('entry_name', 'An entry has a name that is not UTF-8.');
  }
  const shown = `The entry "${printable(name, 80)}"`;
  if (name === '' || bytes.length > LONGEST_NAME)
    throw malformed('entry_name', `${shown} has a name of an impossible length.`);
  if (
    name.startsWith('/') ||
    name.includes('\\') ||
    /^[A-Za-z]:/.test(name) ||
    name.split('/').includes('..')
  )
    throw malformed(
      'entry_path',
      `${shown} would be unpacked outside of its folder. Do not unpack this archive.`,
    );
  if (!/^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/.test(name) || name.split('/').includes('.'))
    throw malformed('entry_name', `${shown} has a name that no entry of a bundle has.`);
  return name;
}

function modifiedAt(time: number, date: number): number {
  const day = [(date >> 9) + 1980, ((date >> 5) & 15) - 1, date & 31] as const;
  return Date.UTC(...day, time >> 11, (time >> 5) & 63, (time & 31) * 2);
}

interface Central {
  readonly entry: ZipEntryFacts;
  /** Where it says that its local header is. */
  readonly local: number;
  readonly bytes: Buffer;
}

const CENTRAL_BYTES = 46;

async function readCentral(directory: Ahead): Promise<Central> {
  const fixed = await directory.take(CENTRAL_BYTES);
  if (fixed.readUInt32LE(0) !== 0x02014b50) throw foreign('The directory of the archive');
  const nameLength = fixed.readUInt16LE(28);
  const extraLength = fixed.readUInt16LE(30);
  const rest = await directory.take(nameLength + extraLength + fixed.readUInt16LE(32));
  const name = nameIn(rest.subarray(0, nameLength));
  const shown = `The entry "${printable(name, 80)}"`;
  const flags = fixed.readUInt16LE(8);
  if (fixed.readUInt16LE(10) !== 0)
    throw malformed('entry_compressed', `${shown} is compressed; in a bundle nothing is.`);
  if ((flags & 0x2041) !== 0) throw malformed('entry_encrypted', `${shown} is encrypted by the archive.`);
  if ((flags & 8) !== 0)
    throw malformed('entry_sizes', `${shown} states its size behind its bytes; in a bundle none does.`);
  const sizes = [fixed.readUInt32LE(20), fixed.readUInt32LE(24)];
  if (sizes[0] !== sizes[1])
    throw malformed('entry_sizes', `${shown} states two sizes, though nothing is compressed.`);
  const long = longValues(rest.subarray(nameLength, nameLength + extraLength));
  const of = (value: number, at: number) => (value === 0xffff_ffff ? (long[at] ?? value) : value);
  const size = of(sizes[0] ?? 0, 0);
  const local = of(fixed.readUInt32LE(42), sizes[0] === 0xffff_ffff ? 2 : 0);
  const at = modifiedAt(fixed.readUInt16LE(12), fixed.readUInt16LE(14));
  const entry = { name, size, crc32: fixed.readUInt32LE(16), modifiedAt: at };
  return { entry, local, bytes: Buffer.concat([fixed, rest]) };
}

/** The numbers of a ZIP64 extra field, when it is the first and there is one. */
function longValues(extra: Buffer): number[] {
  if (extra.length < 4 || extra.readUInt16LE(0) !== 1) return [];
  const values: number[] = [];
  for (let at = 4; at + 8 <= extra.length; at += 8) values.push(u64(extra, at));
  return values;
}

/**
 * The entries of an archive in order. Each is checked against the directory and its neighbours when it is asked for;
 * its bytes are not read.
 *
 * Throws a failure whose code begins with `archive_` or `entry_`, or is `not_an_archive`.
 */
export async function* archiveEntries(file: ArchiveFile): AsyncGenerator<ArchiveEntry, void, void> {
  const end = await readEnd(file);
  const directory = new Ahead(file, end.offset, end.offset + end.length);
  let offset = 0;
  for (let count = 0; count < end.entries; count += 1) {
    const { entry, local, bytes } = await readCentral(directory);
    const shown = `The entry "${printable(entry.name, 80)}"`;
    if (local < offset)
      throw malformed('entry_overlap', `${shown} overlaps the one before it, or stands in another order.`);
    if (local > offset)
      throw malformed(
        'entry_between',
        `In front of ${shown.replace('The', 'the')} lie bytes that belong to no entry.`,
      );
    if (!bytes.equals(centralHeader(entry, offset))) throw foreign(shown);
    const header = localHeader(entry);
    const data = offset + header.length;
    if (data + entry.size > end.offset)
      throw malformed('entry_sizes', `${shown} would reach into the directory: its size is false.`);
    if (!(await bytesAt(file, offset, header.length)).equals(header))
      throw malformed(
        'entry_disagrees',
        `${shown} is described in two ways, in front of its bytes and at the end.`,
      );
    yield { ...entry, offset: data };
    offset = data + entry.size;
  }
  if (directory.left > 0 || offset !== end.offset)
    throw malformed('archive_lengths', 'The archive holds more than its directory counts.');
}

const PIECE = 256 * 1024;

/** The bytes of an entry, or of its first `length`. */
export async function* entryBytes(
  file: ArchiveFile,
  { offset, size }: Pick<ArchiveEntry, 'offset' | 'size'>,
  length = size,
): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < length; at += PIECE) yield bytesAt(file, offset + at, Math.min(PIECE, length - at));
}
