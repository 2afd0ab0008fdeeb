/**
 * The public part of a sealed file: what a server reads to know what it was given, and no more. It imports no
 * cryptography; a reader that opens the file checks the same header against the key's commitment afterwards.
 */

import { decodeBase64url, encodeBase64url } from './sealed-base64.ts';
import { SealedError } from './sealed-error.ts';
import { isObject, parseStrictObject } from './sealed-json.ts';

export const SEALED_MAGIC = 'sallyport-sealed/1\n';
/** The magic and the uint32 length. */
export const PREAMBLE_BYTES = SEALED_MAGIC.length + 4;
export const MAX_HEADER_BYTES = 4096;
export const COMMITMENT_BYTES = 32;
export const SALT_BYTES = 16;
/** Never longer: magic, length, the longest header and the commitment. Enough of a file to parse any header. */
export const MAX_PREFIX_BYTES = PREAMBLE_BYTES + MAX_HEADER_BYTES + COMMITMENT_BYTES;

export const MEDIA_TYPES = ['audio', 'video', 'location', 'metadata'] as const;
export type MediaType = (typeof MEDIA_TYPES)[number];

/** The public context of an evidence chunk, its members named as in the file. */
export interface ChunkContext {
  readonly kind: 'chunk';
  /** `inc_` and a ULID. */
  readonly incident_id: string;
  /** `str_` and a ULID. */
  readonly stream_id: string;
  readonly media_type: MediaType;
  /** 1, 2, 3 … up to 2^53 − 1. */
  readonly chunk_index: number;
  /** True on the last chunk of a stream. */
  readonly final: boolean;
}

export interface PasteContext {
  readonly kind: 'paste';
}

/** A chunk's context as somebody wrote it: members of the right JSON types, that may name what cannot exist. */
export type ClaimedContext = Omit<ChunkContext, 'media_type'> & { readonly media_type: string };

/** A header whose members are of the right types. */
interface ClaimedHeader {
  /** 16 bytes. */
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly kdf: { readonly id: 'none' | 'argon2id' };
  readonly context: PasteContext | ClaimedContext;
}

export interface SealedHeader extends ClaimedHeader {
  readonly context: PasteContext | ChunkContext;
}

/** A parsed header, and how many bytes it took: the offset of the commitment. */
export interface ParsedHeader<Header extends ClaimedHeader = SealedHeader> {
  readonly header: Header;
  readonly headerLength: number;
}

/**
 * Parses the header at the start of `bytes`, which may be a whole file or any prefix of one (the first
 * {@link MAX_PREFIX_BYTES} always suffice). Neither the commitment nor the payload is looked at.
 *
 * Throws {@link SealedError}: `truncated_header` when all bytes so far are right and more are needed; else, in
 * this order, `bad_magic`, `bad_length`, `bad_header_json`, `duplicate_member`, and then for each object from
 * the outside in `unknown_member`, `missing_member` and its values: `bad_salt`, `bad_kdf`, `bad_context`.
 */
export function parseSealedHeader(bytes: Uint8Array): ParsedHeader {
  const { header, headerLength } = parseClaimedHeader(bytes);
  return { header: possible(header), headerLength };
}

/**
 * As {@link parseSealedHeader}, for whoever compares header and context with what they want: what is named need not
 * be possible, so that a wrong name of any shape is told as a wrong place.
 */
export function parseClaimedHeader(bytes: Uint8Array): ParsedHeader<ClaimedHeader> {
  const length = headerTextLength(bytes);
  const headerLength = PREAMBLE_BYTES + length;
  if (bytes.length < headerLength) throw new SealedError('truncated_header');
  return { header: parseHeaderText(bytes.subarray(PREAMBLE_BYTES, headerLength)), headerLength };
}

/** The header's length in bytes from the first 23 bytes of a file. Throws as {@link parseSealedHeader} does. */
export function headerTextLength(bytes: Uint8Array): number {
  const known = Math.min(bytes.length, SEALED_MAGIC.length);
  for (let i = 0; i < known; i++) {
    if (bytes[i] !== SEALED_MAGIC.charCodeAt(i)) throw new SealedError('bad_magic');
  }
  if (bytes.length < PREAMBLE_BYTES) throw new SealedError('truncated_header');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(SEALED_MAGIC.length);
  if (length < 1 || length > MAX_HEADER_BYTES) throw new SealedError('bad_length');
  return length;
}

/** Magic, length and header as they stand at the start of a file. Throws where the reader would refuse them. */
export function writeSealedHeader(header: SealedHeader): Uint8Array<ArrayBuffer> {
  const { salt, kdf, context } = header;
  const text = new TextEncoder().encode(JSON.stringify({ salt: encodeBase64url(salt), kdf, context }));
  possible(parseHeaderText(text));
  const bytes = new Uint8Array(PREAMBLE_BYTES + text.length);
  new TextEncoder().encodeInto(SEALED_MAGIC, bytes);
  new DataView(bytes.buffer).setUint32(SEALED_MAGIC.length, text.length);
  bytes.set(text, PREAMBLE_BYTES);
  return bytes;
}

function parseHeaderText(text: Uint8Array): ClaimedHeader {
  const json = parseStrictObject(text);
  if (json.kind === 'malformed') throw new SealedError('bad_header_json');
  if (json.kind === 'duplicate') throw new SealedError('duplicate_member');
  exactMembers(json.value, ['salt', 'kdf', 'context']);
  const salt = readSalt(json.value.salt);
  const kdf = readKdf(json.value.kdf);
  return { salt, kdf, context: readContext(json.value.context, json.plainIntegers) };
}

/** The header, of something that can exist. Throws `bad_context`, `bad_kdf`. */
function possible({ salt, kdf, context }: ClaimedHeader): SealedHeader {
  if (context.kind === 'paste') return { salt, kdf, context };
  const chunk = chunkOf(context);
  // Evidence is opened by people in an emergency, with a key that was wrapped for them: never by a password.
  if (kdf.id !== 'none') throw new SealedError('bad_kdf');
  return { salt, kdf, context: chunk };
}

function exactMembers(object: Readonly<Record<string, unknown>>, names: readonly string[]): void {
  if (Object.keys(object).some((name) => !names.includes(name))) throw new SealedError('unknown_member');
  if (names.some((name) => !Object.hasOwn(object, name))) throw new SealedError('missing_member');
}

function readSalt(value: unknown): Uint8Array<ArrayBuffer> {
  const salt = typeof value === 'string' ? decodeBase64url(value) : undefined;
  if (salt?.length !== SALT_BYTES) throw new SealedError('bad_salt');
  return salt;
}

function readKdf(value: unknown): SealedHeader['kdf'] {
  if (!isObject(value)) throw new SealedError('bad_kdf');
  exactMembers(value, ['id']);
  const id = value.id;
  if (id !== 'none' && id !== 'argon2id') throw new SealedError('bad_kdf');
  return { id };
}

// A ULID is 128 bits in 26 characters of 5 bits: the first is at most 7.
const ULID = '[0-7][0-9A-HJKMNP-TV-Z]{25}';
const INCIDENT_ID = new RegExp(`^inc_${ULID}$`);
const STREAM_ID = new RegExp(`^str_${ULID}$`);

function readContext(value: unknown, plainIntegers: boolean): PasteContext | ClaimedContext {
  if (!isObject(value)) throw new SealedError('bad_context');
  const kind = value.kind;
  if (kind === 'paste') {
    exactMembers(value, ['kind']);
    return { kind };
  }
  if (kind !== 'chunk')
    throw new SealedError(Object.hasOwn(value, 'kind') ? 'bad_context' : 'missing_member');
  exactMembers(value, ['kind', 'incident_id', 'stream_id', 'media_type', 'chunk_index', 'final']);
  const { incident_id, stream_id, media_type, chunk_index, final } = value;
  if (
    typeof incident_id !== 'string' ||
    typeof stream_id !== 'string' ||
    typeof media_type !== 'string' ||
    typeof chunk_index !== 'number' ||
    !plainIntegers ||
    !Number.isSafeInteger(chunk_index) ||
    typeof final !== 'boolean'
  ) {
    throw new SealedError('bad_context');
  }
  return { kind, incident_id, stream_id, media_type, chunk_index, final };
}

function chunkOf(claimed: ClaimedContext): ChunkContext {
  const { incident_id, stream_id, media_type, chunk_index } = claimed;
  const named = INCIDENT_ID.test(incident_id) && STREAM_ID.test(stream_id) && chunk_index >= 1;
  if (!named || !isMediaType(media_type)) throw new SealedError('bad_context');
  return { ...claimed, media_type };
}

function isMediaType(value: unknown): value is MediaType {
  return MEDIA_TYPES.some((type) => type === value);
}
