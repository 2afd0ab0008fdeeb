/** Writes Bech32 (BIP-173, without its bound on the length), with whatever in it that a test needs. */

const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2n, 0x26508e6dn, 0x1ea119fan, 0x3d4233ddn, 0x2a1462b3n];

function polymod(values: readonly number[]): bigint {
  let sum = 1n;
  for (const value of values) {
    const top = sum >> 25n;
    sum = ((sum & 0x1ffffffn) << 5n) ^ BigInt(value);
    for (const [bit, term] of GENERATOR.entries()) if ((top >> BigInt(bit)) & 1n) sum ^= term;
  }
  return sum;
}

/** Five bits each, the last filled up with zeros. */
export function wordsOf(bytes: Uint8Array): number[] {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => Number.parseInt(group.padEnd(5, '0'), 2));
}

/** The text of a prefix and of words of five bits, with its checksum. */
export function bech32Of(prefix: string, words: readonly number[]): string {
  const codes = [...prefix].map((character) => character.charCodeAt(0));
  const expanded = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
  const sum = polymod([...expanded, ...words, 0, 0, 0, 0, 0, 0]) ^ 1n;
  const checksum = [25n, 20n, 15n, 10n, 5n, 0n].map((shift) => Number((sum >> shift) & 31n));
  return `${prefix}1${[...words, ...checksum].map((word) => CHARSET[word]).join('')}`;
}
