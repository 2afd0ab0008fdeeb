/**
 * CRC-32 (ISO 3309, as ZIP has it) in plain JavaScript, for runtimes without zlib's: the reflected polynomial
 * 0xEDB88320, eight bytes a step by eight tables ("slicing by 8").
 */

const SLICES = 8;

/** Eight tables of 256: entry `n` of table `k` is the checksum of the byte `n` followed by `k` bytes of zero. */
function makeTables(): Uint32Array {
  const tables = new Uint32Array(SLICES * 256);
  for (let n = 0; n < 256; n += 1) {
    let value = n;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    tables[n] = value;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const before = tables[at - 256] ?? 0;
    tables[at] = (before >>> 8) ^ (tables[before & 255] ?? 0);
  }
  return tables;
}

let made: Uint32Array | undefined;

/**
 * The checksum of what came before and these bytes.
 * @param previous the checksum so far; that of nothing is 0
 * @returns an integer from 0 to 2^32 - 1
 */
export function crc32(bytes: Uint8Array, previous: number): number {
  made ??= makeTables();
  const tables = made;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const look = (slice: number, byte: number) => tables[slice * 256 + byte] ?? 0;
  let crc = ~previous;
  let at = 0;
  for (const end = bytes.length - (bytes.length % SLICES); at < end; at += SLICES) {
    const low = view.getUint32(at, true) ^ crc;
    const high = view.getUint32(at + 4, true);
    crc =
      look(7, low & 255) ^
      look(6, (low >>> 8) & 255) ^
      look(5, (low >>> 16) & 255) ^
      look(4, low >>> 24) ^
      look(3, high & 255) ^
      look(2, (high >>> 8) & 255) ^
      look(1, (high >>> 16) & 255) ^
      look(0, high >>> 24);
  }
  for (; at < bytes.length; at += 1) crc = (crc >>> 8) ^ look(0, (crc ^ view.getUint8(at)) & 255);
  return ~crc >>> 0;
}
