/**
 * From a key, and perhaps a password, to what opens one file: the key schedule of the sealed format.
 *
 * WebCrypto's HKDF is extract and expand in one call (RFC 5869); two calls with one salt share their prk.
 */

import { decodeBase64url, encodeBase64url } from './sealed-base64.ts';
import { SealedError } from './sealed-error.ts';
import { COMMITMENT_BYTES, type SealedHeader } from './sealed-header.ts';

export const KEY_BYTES = 32;

/** Version 1 of the format has these parameters and no others (RFC 9106 names: m, t, p, tag length, version 0x13). */
export const ARGON2ID_PARAMETERS = {
  memoryKiB: 65536,
  passes: 3,
  lanes: 4,
  outputBytes: 32,
  saltBytes: 16,
} as const;

/**
 * Argon2id with {@link ARGON2ID_PARAMETERS}, no secret and no associated data: `password` (any length) and a
 * 16-byte `salt` to 32 bytes. Handed in, because no web platform has it and each runtime finds its own.
 */
export type Argon2id = (password: Uint8Array, salt: Uint8Array) => Promise<Uint8Array>;

/** `count` bytes from the runtime's secure random generator. */
export type Random = (count: number) => Uint8Array;

/** What a person has: the key out of a link, and perhaps a password. A password needs `argon2`. */
export interface Credentials {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Non-empty; compared in Unicode's NFC. */
  readonly password?: string | undefined;
  readonly argon2?: Argon2id | undefined;
}

/** Credentials after the slow part: pass it wherever credentials go, and Argon2id runs once instead of each time. */
export interface SealedSecret {
  /** True when a password went in. */
  readonly hasPassword: boolean;
  /** HKDF input key material (key ‖ Argon2id output), not extractable. */
  readonly ikm: CryptoKey;
}

const NOTHING = new Uint8Array(0);
const ascii = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A fresh 32-byte key. */
export function newKey(random: Random): Uint8Array<ArrayBuffer> {
  const key = new Uint8Array(random(KEY_BYTES));
  if (key.length !== KEY_BYTES) throw new SealedError('bad_key');
  return key;
}

/** The 43 characters that stand for a key in a link. Throws `bad_key` unless it is 32 bytes. */
export function encodeKey(key: Uint8Array): string {
  if (key.length !== KEY_BYTES) throw new SealedError('bad_key');
  return encodeBase64url(key);
}

/** The key for its 43 characters. Throws `bad_key` for any other spelling. */
export function decodeKey(text: string): Uint8Array<ArrayBuffer> {
  const key = decodeBase64url(text);
  if (key?.length !== KEY_BYTES) throw new SealedError('bad_key');
  return key;
}

/**
 * Turns credentials into a {@link SealedSecret}; with a password that is where Argon2id runs.
 *
 * Throws `bad_key`, `bad_password`; TypeError when a password comes without `argon2`, or when `argon2` does not
 * answer 32 bytes.
 */
export async function deriveSecret(credentials: Credentials): Promise<SealedSecret> {
  const { key, password, argon2 } = credentials;
  if (key.length !== KEY_BYTES) throw new SealedError('bad_key');
  const hasPassword = password !== undefined;
  const stretched = hasPassword ? await stretch(key, password, argon2) : NOTHING;
  const material = new Uint8Array(KEY_BYTES + stretched.length);
  material.set(key);
  material.set(stretched, KEY_BYTES);
  const ikm = await importMaterial(material);
  material.fill(0);
  return { hasPassword, ikm };
}

async function stretch(key: Uint8Array, password: string, argon2: Argon2id | undefined): Promise<Uint8Array> {
  // Lone surrogates would all encode as U+FFFD, so that several passwords opened one file.
  if (password === '' || !password.isWellFormed()) throw new SealedError('bad_password');
  if (argon2 === undefined) throw new TypeError('a password needs an argon2 function');
  const salted = await importMaterial(new Uint8Array(key));
  const salt = await expand(salted, NOTHING, ascii('sallyport-sealed/1 salt'), ARGON2ID_PARAMETERS.saltBytes);
  const stretched = await argon2(new TextEncoder().encode(password.normalize('NFC')), salt);
  if (stretched.length !== ARGON2ID_PARAMETERS.outputBytes)
    throw new TypeError('argon2 must answer 32 bytes');
  return stretched;
}

/** The secret as it is, or derived from credentials. */
export async function secretOf(from: Credentials | SealedSecret): Promise<SealedSecret> {
  return 'ikm' in from ? from : await deriveSecret(from);
}

/**
 * The 43 characters that a reader of a password-protected paste shows to the server (`X-Paste-Password`). They
 * follow from key and password alone, before anything was fetched, and reveal neither.
 */
export async function accessProof(from: Credentials | SealedSecret): Promise<string> {
  const { ikm } = await secretOf(from);
  return encodeBase64url(await expand(ikm, NOTHING, ascii('sallyport-sealed/1 access'), 32));
}

/** What the server keeps at create (`X-Paste-Access-Hash`): lower-case hex SHA-256 of the proof's 43 characters. */
export async function accessHash(proof: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', ascii(proof)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What one file's header and a secret give. */
export interface FileKeys {
  /** AES-256-GCM, not extractable. */
  readonly payload: CryptoKey;
  /** The 32 bytes that must follow the header. */
  readonly commitment: Uint8Array<ArrayBuffer>;
}

/** @param head magic, length and header as they stand in the file, the bytes that everything is bound to */
export async function fileKeys(
  secret: SealedSecret,
  header: SealedHeader,
  head: Uint8Array,
): Promise<FileKeys> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(head)));
  const [payloadBits, commitment] = await Promise.all([
    expand(secret.ikm, header.salt, bound('sallyport-sealed/1 payload', hash), 32),
    expand(secret.ikm, header.salt, bound('sallyport-sealed/1 commitment', hash), COMMITMENT_BYTES),
  ]);
  const payload = await crypto.subtle.importKey('raw', payloadBits, 'AES-GCM', false, ['encrypt', 'decrypt']);
  payloadBits.fill(0);
  return { payload, commitment };
}

function bound(label: string, hash: Uint8Array): Uint8Array<ArrayBuffer> {
  const info = new Uint8Array(label.length + hash.length);
  info.set(ascii(label));
  info.set(hash, label.length);
  return info;
}

function importMaterial(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes, 'HKDF', false, ['deriveBits']);
}

async function expand(
  ikm: CryptoKey,
  salt: Uint8Array<ArrayBuffer>,
  info: Uint8Array<ArrayBuffer>,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, ikm, bytes * 8),
  );
}
