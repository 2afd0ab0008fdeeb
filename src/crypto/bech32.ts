/**
 * Bech32 (BIP-173) as age writes keys with it: without the limit of 90 characters, and with the checksum's first
 * constant. Decoding only; nothing here makes a key.
 */

const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const VALUES = new Map([...CHARSET].map((character, value) => [character, value]));
const CHECKSUM_LENGTH = 6;
/** BIP-173: the human-readable part has 1 to 83 characters. */
const MOST_PREFIX = 83;
/** BIP-173: printable ASCII. */
const PRINTABLE = /^[\x21-\x7e]+$/;

export interface Bech32 {
  /** The human-readable part, in lower case. */
  readonly prefix: string;
  /** What follows the separator, five bits each, without the checksum. */
  readonly words: readonly number[];
}

const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;

/** One step of the checksum: a polynomial over GF(32), reduced. */
function step(sum: number, value: number): number {
  const top = sum >>> 25;
  let next = ((sum & 0x1ffffff) << 5) ^ value;
  for (const [bit, term] of GENERATOR.entries()) if ((top >> bit) & 1) next ^= term;
  return next;
}

function checksumHolds(prefix: string, words: readonly number[]): boolean {
  let sum = 1;
  const codes = [...prefix].map((character) => character.charCodeAt(0));
  for (const code of codes) sum = step(sum, code >> 5);
  sum = step(sum, 0);
  for (const code of codes) sum = step(sum, code & 31);
  for (const word of words) sum = step(sum, word);
  return sum === 1;
}

/** @returns undefined for anything but a whole Bech32 text in one case with the right checksum */
export function decodeBech32(text: string): Bech32 | undefined {
  if (!PRINTABLE.test(text)) return undefined;
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return undefined;
  const separator = lower.lastIndexOf('1');
  if (separator < 1 || separator > MOST_PREFIX) return undefined;
  const prefix = lower.slice(0, separator);
  const words: number[] = [];
  for (const character of lower.slice(separator + 1)) {
    const value = VALUES.get(character);
    if (value === undefined) return undefined;
    words.push(value);
  }
  if (words.length < CHECKSUM_LENGTH || !checksumHolds(prefix, words)) return undefined;
  return { prefix, words: words.slice(0, -CHECKSUM_LENGTH) };
}

/**
 * The bytes that five-bit words stand for.
 * @returns undefined where the last byte is followed by more than the bits that fill its word, or by any that is set
 */
export function bytesOfWords(words: readonly number[]): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(Math.floor((words.length * 5) / 8));
  let written = 0;
  let held = 0;
  let bits = 0;
  for (const word of words) {
    held = (held << 5) | word;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[written++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  return bits < 5 && held === 0 ? bytes : undefined;
}
