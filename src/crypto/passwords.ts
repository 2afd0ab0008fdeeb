/**
 * Passwords of people at rest: Argon2id (RFC 9106) in PHC strings, the same on every runtime.
 *
 * A password is hashed as the UTF-8 of its NFC form and otherwise exactly as given, without trimming or folding:
 * two keyboards that spell the same letter differently (é as one code point or as two) must agree.
 */
import { decodeBase64, encodeBase64 } from './base64.ts';
import { equalBytes } from './compare.ts';
import { utf8 } from './hash.ts';

export interface Argon2Cost {
  readonly memoryKiB: number;
  readonly iterations: number;
  readonly parallelism: number;
  /** Length of the result in bytes. */
  readonly length: number;
}

/**
 * Argon2id, version 0x13, without secret or associated data. The password has at least one byte: not every
 * implementation hashes an empty one.
 */
export type Argon2id = (password: Uint8Array, salt: Uint8Array, cost: Argon2Cost) => Promise<Uint8Array>;

/** What new hashes cost: 19 MiB, two passes, one lane. */
const PASSWORD_COST: Argon2Cost = { memoryKiB: 19_456, iterations: 2, parallelism: 1, length: 32 };
const SALT_BYTES = 16;

/**
 * The most that a stored string may ask of us. Strings come from our own database, but a verification must not
 * become a way to exhaust memory for whoever can write there.
 */
const MOST: Argon2Cost = { memoryKiB: 262_144, iterations: 16, parallelism: 16, length: 64 };
const LEAST_SALT_BYTES = 8;
const MOST_SALT_BYTES = 64;
const LEAST_LENGTH = 16;
const MOST_PHC_CHARACTERS = 256;

const NUMBER = '([1-9][0-9]{0,6})';
const PHC = new RegExp(
  `^\\$argon2id\\$v=19\\$m=${NUMBER},t=${NUMBER},p=${NUMBER}\\$([A-Za-z0-9+/]+)\\$([A-Za-z0-9+/]+)$`,
);

export interface Phc {
  readonly cost: Argon2Cost;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly hash: Uint8Array<ArrayBuffer>;
}

/**
 * A new PHC string of `password` under a fresh salt of 16 bytes. Rejects with a RangeError when the password is
 * empty, else as `argon2id` does.
 */
export async function hashPassword(
  argon2id: Argon2id,
  password: string,
  random: (length: number) => Uint8Array,
): Promise<string> {
  if (password === '') throw new RangeError('a password cannot be empty');
  const salt = random(SALT_BYTES);
  const hash = await argon2id(passwordBytes(password), salt, PASSWORD_COST);
  const { memoryKiB, iterations, parallelism } = PASSWORD_COST;
  const parameters = `m=${memoryKiB},t=${iterations},p=${parallelism}`;
  return `$argon2id$v=19$${parameters}$${encodeBase64(salt)}$${encodeBase64(hash)}`;
}

/**
 * Reads a PHC string as {@link hashPassword} writes it: Argon2id, version 19, the three parameters in this order
 * and in plain decimals, salt (8 to 64 bytes) and hash (16 to 64) in unpadded canonical base64.
 *
 * @returns undefined for anything else, also where it costs more than 256 MiB, 16 passes or 16 lanes, or less
 *   than Argon2's own minimum of 8 KiB a lane.
 */
export function parsePhc(text: string): Phc | undefined {
  if (text.length > MOST_PHC_CHARACTERS) return undefined;
  const match = PHC.exec(text);
  const salt = decodeBase64(match?.[4] ?? '');
  const hash = decodeBase64(match?.[5] ?? '');
  if (match === null || salt === undefined || hash === undefined) return undefined;
  const cost = {
    memoryKiB: Number(match[1]),
    iterations: Number(match[2]),
    parallelism: Number(match[3]),
    length: hash.length,
  };
  const affordable =
    cost.memoryKiB >= 8 * cost.parallelism &&
    cost.memoryKiB <= MOST.memoryKiB &&
    cost.iterations <= MOST.iterations &&
    cost.parallelism <= MOST.parallelism;
  const shaped =
    salt.length >= LEAST_SALT_BYTES &&
    salt.length <= MOST_SALT_BYTES &&
    hash.length >= LEAST_LENGTH &&
    hash.length <= MOST.length;
  return affordable && shaped ? { cost, salt, hash } : undefined;
}

/**
 * Whether `password` is the one of a stored PHC string, compared in constant time. An empty one never is, and
 * takes as long to be told so as any other.
 *
 * Throws a TypeError when the string is malformed: then the database is damaged, and saying "wrong password"
 * would hide it. Rejects as `argon2id` does.
 */
export async function verifyPassword(argon2id: Argon2id, phc: string, password: string): Promise<boolean> {
  const { cost, salt, hash } = mustParse(phc);
  const bytes = passwordBytes(password === '' ? '\0' : password);
  return equalBytes(await argon2id(bytes, salt, cost), hash) && password !== '';
}

/** Whether a stored PHC string is weaker in any respect than new ones are. Throws as {@link verifyPassword}. */
export function needsRehash(phc: string): boolean {
  const { cost, salt } = mustParse(phc);
  return (
    cost.memoryKiB < PASSWORD_COST.memoryKiB ||
    cost.iterations < PASSWORD_COST.iterations ||
    cost.parallelism < PASSWORD_COST.parallelism ||
    cost.length < PASSWORD_COST.length ||
    salt.length < SALT_BYTES
  );
}

function mustParse(phc: string): Phc {
  const parsed = parsePhc(phc);
  if (parsed === undefined) throw new TypeError('a stored password hash is malformed');
  return parsed;
}

function passwordBytes(password: string): Uint8Array {
  return utf8(password.normalize('NFC'));
}
