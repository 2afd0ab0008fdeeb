/**
 * Sealed files, version 1: seals and opens pastes and evidence chunks as streams. docs/format.md has the format.
 *
 * Needs nothing but web platform APIs, so it runs wherever WebCrypto does. A server that only looks at headers
 * imports `sealed-header.ts` alone.
 */

import { equalBytes } from './compare.ts';
import { paddedLength } from './padme.ts';
import { type Bytes, type Pull, pullFrom, type SealedSource, streamOf } from './sealed-bytes.ts';
import { SealedError } from './sealed-error.ts';
import {
  type ChunkContext,
  COMMITMENT_BYTES,
  headerTextLength,
  PREAMBLE_BYTES,
  parseSealedHeader,
  SALT_BYTES,
  type SealedHeader,
  writeSealedHeader,
} from './sealed-header.ts';
import { type Credentials, fileKeys, type Random, type SealedSecret, secretOf } from './sealed-keys.ts';
import { type PasteMetadata, padded, readMetadata, unpadded, writeMetadata } from './sealed-plaintext.ts';
import { openSegments, SEGMENT_BYTES, sealSegments, segmentCutter, TAG_BYTES } from './sealed-segments.ts';

export { MINIMUM_PADDED_BYTES, paddedLength, padme } from './padme.ts';
export type { SealedSource } from './sealed-bytes.ts';
export { SEALED_ERROR_CODES, SealedError, type SealedErrorCode } from './sealed-error.ts';
export {
  type ChunkContext,
  COMMITMENT_BYTES,
  MAX_HEADER_BYTES,
  MAX_PREFIX_BYTES,
  MEDIA_TYPES,
  type MediaType,
  type ParsedHeader,
  type PasteContext,
  parseSealedHeader,
  SEALED_MAGIC,
  type SealedHeader,
  writeSealedHeader,
} from './sealed-header.ts';
export {
  ARGON2ID_PARAMETERS,
  type Argon2id,
  accessHash,
  accessProof,
  type Credentials,
  decodeKey,
  deriveSecret,
  encodeKey,
  KEY_BYTES,
  newKey,
  type Random,
  type SealedSecret,
} from './sealed-keys.ts';
export { formatLink, parseLink } from './sealed-link.ts';
export { MAX_METADATA_BYTES, type PasteMetadata } from './sealed-plaintext.ts';
export { SEALED_SEGMENT_BYTES, SEGMENT_BYTES, TAG_BYTES } from './sealed-segments.ts';

/** What sealing needs beside a secret. */
interface Randomness {
  /** Answers fresh random bytes: 16 for each file's salt. */
  readonly random: Random;
}

/**
 * Seals a paste of any length. The answer reads `source` only as fast as it is read itself, and cancels it when
 * it is cancelled; an error of `source` becomes its error.
 *
 * Rejects before anything is read with {@link SealedError} `bad_key`, `bad_password`, `bad_metadata`.
 */
export async function sealPaste(
  source: SealedSource,
  options: (Credentials | SealedSecret) & PasteMetadata & Randomness,
): Promise<ReadableStream<Bytes>> {
  const head = writeMetadata(options);
  const secret = await secretOf(options);
  const header: SealedHeader = {
    salt: newSalt(options.random),
    kdf: { id: secret.hasPassword ? 'argon2id' : 'none' },
    context: { kind: 'paste' },
  };
  return await sealed(header, secret, padded(head, pullFrom(source)));
}

/** What a paste's header and first segment say, and its content. */
export interface OpenedPaste extends PasteMetadata {
  /**
   * The content. It ends only after the last tag and the padding verified; otherwise it errors, and what was
   * read of it must be thrown away.
   */
  readonly body: ReadableStream<Bytes>;
}

/**
 * Opens a paste. Answers when the first segment has verified; cancels `source` when it refuses.
 *
 * Rejects with {@link SealedError}: what `parseSealedHeader` throws, `wrong_kind`, `password_required`,
 * `password_not_expected` (both before Argon2id runs), `wrong_key` (before anything is decrypted), `bad_key`,
 * `bad_password`, `bad_metadata`, and the payload's `truncated`, `segment_corrupt`, `trailing_data`. The body
 * errors with those of the payload, `empty_last_segment` and `bad_padding`. Errors of `source` pass as they are.
 */
export async function openPaste(
  source: SealedSource,
  options: Credentials | SealedSecret,
): Promise<OpenedPaste> {
  const hasPassword = 'ikm' in options ? options.hasPassword : options.password !== undefined;
  const { plaintext } = await opened(source, options, ({ kdf, context }) => {
    if (context.kind !== 'paste') throw new SealedError('wrong_kind');
    if (kdf.id === 'argon2id' && !hasPassword) throw new SealedError('password_required');
    if (kdf.id === 'none' && hasPassword) throw new SealedError('password_not_expected');
  });
  return await cancelling(plaintext, async () => {
    const first = (await plaintext.read()) ?? new Uint8Array(0);
    const { metadata, length } = readMetadata(first);
    return { ...metadata, body: streamOf(unpadded(first.subarray(length), length, plaintext)) };
  });
}

/** Seals an evidence chunk. As {@link sealPaste}, without padding, under a media key alone. */
export async function sealChunk(
  source: SealedSource,
  options: { readonly key: Uint8Array; readonly context: ChunkContext } & Randomness,
): Promise<ReadableStream<Bytes>> {
  const secret = await secretOf({ key: options.key });
  const header: SealedHeader = {
    salt: newSalt(options.random),
    kdf: { id: 'none' },
    context: options.context,
  };
  return await sealed(header, secret, pullFrom(source));
}

/** A chunk's context, authenticated by its key, and its media bytes. */
export interface OpenedChunk {
  /** A verifier compares it with where the chunk was found. */
  readonly context: ChunkContext;
  /** Ends only after the last tag verified; otherwise it errors. */
  readonly body: ReadableStream<Bytes>;
}

/** Opens an evidence chunk. Rejects and errors as {@link openPaste} does, but for passwords and padding. */
export async function openChunk(
  source: SealedSource,
  options: { readonly key: Uint8Array },
): Promise<OpenedChunk> {
  const { context, plaintext } = await opened(source, { key: options.key }, (header) => {
    if (header.context.kind !== 'chunk') throw new SealedError('wrong_kind');
    return header.context;
  });
  return { context, body: streamOf(plaintext) };
}

/** The exact size in bytes of the file that {@link sealPaste} makes of `contentLength` bytes. */
export function sealedPasteSize(
  contentLength: number,
  options: PasteMetadata & { readonly hasPassword?: boolean },
): number {
  const header = writeSealedHeader({
    salt: new Uint8Array(SALT_BYTES),
    kdf: { id: options.hasPassword ? 'argon2id' : 'none' },
    context: { kind: 'paste' },
  });
  const plaintext = paddedLength(writeMetadata(options).length + contentLength + 1);
  const segments = Math.ceil(plaintext / SEGMENT_BYTES);
  return header.length + COMMITMENT_BYTES + plaintext + segments * TAG_BYTES;
}

function newSalt(random: Random): Bytes {
  return new Uint8Array(random(SALT_BYTES));
}

async function sealed(
  header: SealedHeader,
  secret: SealedSecret,
  plaintext: Pull,
): Promise<ReadableStream<Bytes>> {
  return await cancelling(plaintext, async () => {
    const head = writeSealedHeader(header);
    const { payload, commitment } = await fileKeys(secret, header, head);
    const segments = sealSegments(segmentCutter(plaintext), payload);
    let start: Bytes | undefined = joined(head, commitment);
    return streamOf({
      async read() {
        const piece = start ?? (await segments.read());
        start = undefined;
        return piece;
      },
      cancel: (reason) => segments.cancel(reason),
    });
  });
}

/**
 * Reads and checks everything before the payload. `judge` sees the header first and throws, or picks from it what
 * the caller wants.
 */
async function opened<T>(
  source: SealedSource,
  options: Credentials | SealedSecret,
  judge: (header: SealedHeader) => T,
): Promise<{ readonly context: T; readonly plaintext: Pull }> {
  const input = segmentCutter(pullFrom(source));
  return await cancelling(input, async () => {
    const preamble = (await input.take(PREAMBLE_BYTES)).bytes.slice();
    const text = (await input.take(headerTextLength(preamble))).bytes;
    const head = joined(preamble, text);
    const { header } = parseSealedHeader(head);
    const context = judge(header);
    const commitment = (await input.take(COMMITMENT_BYTES)).bytes.slice();
    if (commitment.length < COMMITMENT_BYTES) throw new SealedError('truncated');
    const keys = await fileKeys(await secretOf(options), header, head);
    // AES-GCM alone does not commit to its key: one file could open to two plaintexts under two keys.
    if (!equalBytes(commitment, keys.commitment)) throw new SealedError('wrong_key');
    return { context, plaintext: openSegments(input, keys.payload) };
  });
}

/** Runs `work`; where that fails, lets go of what it was reading. */
async function cancelling<T>(behind: Pick<Pull, 'cancel'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await behind.cancel(error).catch(() => undefined);
    throw error;
  }
}

function joined(a: Bytes, b: Bytes): Bytes {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
