/** The two parts of a wrapped key that have a shape of their own: the age file, and the metadata beside it. */
import { parseAgeHeader } from '../crypto/age-header.ts';
import { utf8 } from '../crypto/hash.ts';
import { decodeBase64url } from '../crypto/sealed-base64.ts';
import { Fault } from './faults.ts';
import { holdsKeyMaterial } from './key-material.ts';

const MOST_CHARACTERS = 16_384;
/** C2SP age.md, section "Payload": a nonce of 16 bytes, then at least one chunk, of which 16 bytes are its tag. */
const LEAST_PAYLOAD = 32;
const NATIVE = ['X25519', 'mlkem768x25519'];

/** A private key beside a header: payload bytes are ciphertext, in which these letters never come together. */
const SECRET_KEY = /AGE-SECRET-KEY-/i;

const LATIN1 = 'latin1';

/**
 * One binary age file for recipients, in unpadded base64url. Whether it opens, and for whom, only they can tell.
 * @throws Fault `invalid_wrapped_key_ciphertext` for anything else, a file for a passphrase included: that could be
 *   guessed at by whoever gets hold of it
 */
export function wrappedFileOf(value: unknown): string {
  const refused = new Fault('invalid_wrapped_key_ciphertext');
  if (typeof value !== 'string' || value.length > MOST_CHARACTERS) throw refused;
  const file = decodeBase64url(value);
  const header = file && parseAgeHeader(file);
  if (file === undefined || header === undefined || file.length - header.length < LEAST_PAYLOAD)
    throw refused;
  const types = header.stanzas.map(({ type }) => type);
  if (types.includes('scrypt') || !types.some((type) => NATIVE.includes(type))) throw refused;
  if (types.some(holdsKeyMaterial) || SECRET_KEY.test(new TextDecoder(LATIN1).decode(file))) throw refused;
  return value;
}

const MOST_BYTES = 4096;
/** Deeper than any description of a key. It keeps every walk over the value off the end of the stack. */
const MOST_DEPTH = 16;

/** Whether a parsed JSON value is plain: not too deep, of numbers that there are, and without key material. */
function isHarmless(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !holdsKeyMaterial(value);
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return true;
  if (depth === MOST_DEPTH) return false;
  return Object.entries(value).every(
    ([name, member]) => isHarmless(name, depth + 1) && isHarmless(member, depth + 1),
  );
}

/**
 * What a client says about a wrapped key in public, as the text of one JSON object; undefined where it says nothing.
 * @throws Fault `invalid_public_wrapping_metadata` also where a name or a text in it is, or names, key material
 */
export function wrappingMetadataOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const isObject = typeof value === 'object' && !Array.isArray(value);
  if (!isObject || !isHarmless(value, 0)) throw new Fault('invalid_public_wrapping_metadata');
  const text = JSON.stringify(value);
  if (utf8(text).length > MOST_BYTES) throw new Fault('invalid_public_wrapping_metadata');
  return text;
}
