/**
 * Ids: a prefix that says of what, and a ULID (48 bits of milliseconds, 80 random bits; 26 characters of upper-case
 * Crockford base32), so that the order of ids is the order of creation. Within one millisecond the order is chance.
 */
import { encodeTime, ulid } from 'ulid';

/** Account, session, second factor and its challenge, what belongs to incidents, and audit entries. */
export type IdPrefix =
  | 'acct'
  | 'ses'
  | 'sf'
  | 'sfc'
  | 'inc'
  | 'str'
  | 'chk'
  | 'cin'
  | 'uop'
  | 'itk'
  | 'del'
  | 'dli'
  | 'cpk'
  | 'ctc'
  | 'ark'
  | 'arcp'
  | 'tcr'
  | 'sgr'
  | 'wkey'
  | 'lra'
  | 'aud';

export interface IdSources {
  /** Milliseconds since the epoch. */
  now(): number;
  /** `length` unpredictable bytes. */
  random(length: number): Uint8Array;
}

const TIME_LENGTH = 10;
const RANDOM_LENGTH = 16;
/** The first character holds three bits, the 48 of the time being no multiple of five. */
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** A fresh id, `acct_01…`. An id names a thing and grants nothing; secrets are made by `randomToken`. */
export function newId<P extends IdPrefix>(prefix: P, sources: IdSources): `${P}_${string}` {
  const bytes = sources.random(RANDOM_LENGTH);
  if (bytes.length !== RANDOM_LENGTH) throw new RangeError('the source of random bytes gave too few');
  let at = 0;
  // One byte a character; the library keeps its five highest bits.
  const fraction = () => (bytes[at++] ?? 0) / 256;
  // The time is encoded apart: ulid() would read the machine's clock in place of a time of 0.
  return `${prefix}_${encodeTime(sources.now())}${ulid(1, fraction).slice(TIME_LENGTH)}`;
}

/** Whether a text has the one spelling of an id with this prefix. It need not have been issued. */
export function isId(prefix: IdPrefix, text: string): boolean {
  return text.startsWith(`${prefix}_`) && ULID.test(text.slice(prefix.length + 1));
}
