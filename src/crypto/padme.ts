/**
 * How long a sealed paste's plaintext is made, so that its length says little about its content: Padmé ("Reducing
 * Metadata Leakage from Encrypted Files and Communication with PURBs", PETS 2019, section 4) above a floor.
 */

/** No paste is shorter inside than this many bytes. */
export const MINIMUM_PADDED_BYTES = 256;

/**
 * The Padmé length for `length` bytes (an integer from 2 to 2^52): the length rounded up so that, of its binary
 * digits, only the first ⌊log2 log2 length⌋ + 1 after the leading one may be set. Adds at most 12%, less as
 * lengths grow.
 */
export function padme(length: number): number {
  const exponent = floorLog2(length);
  const kept = floorLog2(exponent) + 1;
  const step = 2 ** Math.max(0, exponent - kept);
  return Math.ceil(length / step) * step;
}

/** The whole plaintext's length for `used` bytes of length field, JSON, content and 0x80 together. */
export function paddedLength(used: number): number {
  return used <= MINIMUM_PADDED_BYTES ? MINIMUM_PADDED_BYTES : padme(used);
}

/** ⌊log2 n⌋ exactly, for an integer n from 1 to 2^53 (Math.log2 rounds up just below large powers of two). */
function floorLog2(n: number): number {
  return n < 2 ** 32 ? 31 - Math.clz32(n) : 63 - Math.clz32(Math.floor(n / 2 ** 32));
}
