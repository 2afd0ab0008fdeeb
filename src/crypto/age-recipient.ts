/**
 * Public keys of age (C2SP age.md): whether a text is one that somebody can encrypt to. Nothing is encrypted here,
 * so that the library that could stays out of what runs on an edge.
 */
import { bytesOfWords, decodeBech32 } from './bech32.ts';
import { hex } from './hash.ts';

/** The native kinds, as their stanzas are called in lower case. */
export type RecipientKind = 'x25519' | 'mlkem768x25519';

/** No recipient is longer: a hybrid one has 1959 characters, one of X25519 has 62. */
export const MAX_RECIPIENT_LENGTH = 1959;

const X25519_BYTES = 32;
/** FIPS 203 §8: an ML-KEM-768 encapsulation key is 768 numbers of twelve bits, and a seed of 32 bytes. */
const MLKEM_BYTES = 1184;
const MLKEM_NUMBERS_BYTES = 1152;
const MLKEM_MODULUS = 3329;

/**
 * Points of small order (RFC 7748 §6.1, with the values above the modulus that mean the same), little-endian, without
 * the highest bit, which X25519 ignores. Whoever encrypts to one shares a secret with everybody, so age refuses to.
 */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

function isX25519Key(bytes: Uint8Array): boolean {
  if (bytes.length !== X25519_BYTES) return false;
  const point = Uint8Array.from(bytes);
  point[X25519_BYTES - 1] = (point[X25519_BYTES - 1] ?? 0) & 0x7f;
  return !SMALL_ORDER.has(hex(point));
}

/** FIPS 203 §7.2: every number of an encapsulation key is below the modulus. */
function isMlKemKey(bytes: Uint8Array): boolean {
  for (let at = 0; at < MLKEM_NUMBERS_BYTES; at += 3) {
    const [low = 0, middle = 0, high = 0] = bytes.subarray(at, at + 3);
    const first = low | ((middle & 15) << 8);
    const second = (middle >> 4) | (high << 4);
    if (first >= MLKEM_MODULUS || second >= MLKEM_MODULUS) return false;
  }
  return true;
}

/**
 * What kind of recipient a text is: `age1…` (X25519) or `age1pq1…` (ML-KEM-768 with X25519). Only the one spelling in
 * lower case without anything around it counts, so that a key has one fingerprint.
 *
 * @returns undefined for everything else: a wrong checksum or length, plugins' recipients, numbers out of range
 */
export function recipientKind(text: string): RecipientKind | undefined {
  if (text.length > MAX_RECIPIENT_LENGTH || text !== text.toLowerCase()) return undefined;
  const { prefix, words } = decodeBech32(text) ?? {};
  const bytes = words && bytesOfWords(words);
  if (bytes === undefined) return undefined;
  if (prefix === 'age') return isX25519Key(bytes) ? 'x25519' : undefined;
  if (prefix !== 'age1pq' || bytes.length !== MLKEM_BYTES + X25519_BYTES) return undefined;
  const whole = isMlKemKey(bytes) && isX25519Key(bytes.subarray(MLKEM_BYTES));
  return whole ? 'mlkem768x25519' : undefined;
}
