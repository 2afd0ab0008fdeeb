/**
 * Looks at a body while it goes by, in bounded memory: what it is, whether it is text, whether it looks sealed.
 */
import { AGE_MAGIC, MAX_AGE_HEADER_BYTES, parseAgeHeader } from '../crypto/age-header.ts';
import { SealedError } from '../crypto/sealed-error.ts';
import { COMMITMENT_BYTES, parseSealedHeader, SEALED_MAGIC } from '../crypto/sealed-header.ts';
import { BYTES, MEDIA_TYPE_PREFIX_BYTES, mediaType } from './media-type.ts';
import { measuredEntropy, type SealEvidence } from './sealed-check.ts';

export { type ServedType, servedType } from './media-type.ts';

const DECODED_AT_A_TIME = 65_536;

export interface Inspection extends SealEvidence {
  /** As {@link mediaType} finds it. */
  readonly mimeType: string;
  /** Whether the body starts with a valid sealed or age header. Says nothing about what follows. */
  readonly sealed: boolean;
}

export interface Inspector {
  /** The next piece of the body, of any length. It is not kept and not changed. */
  update(chunk: Uint8Array): void;
  /** What the pieces were, once there are no more of them. Call it once. */
  finish(): Promise<Inspection>;
}

export interface InspectorOptions {
  /** Counting bytes costs about a millisecond a megabyte, so it is done where somebody asks for the entropy. */
  readonly measureEntropy: boolean;
}

/** An inspector for one body. */
export function inspector({ measureEntropy }: InspectorOptions): Inspector {
  const beginning = new Beginning();
  const text = new Utf8Check();
  const counts = measureEntropy ? new Uint32Array(256) : undefined;
  let size = 0;

  const update = (chunk: Uint8Array): void => {
    size += chunk.length;
    beginning.keep(chunk);
    text.update(chunk);
    if (counts !== undefined) count(counts, chunk, 1);
  };

  const finish = async (): Promise<Inspection> => {
    const prefix = beginning.bytes();
    const utf8 = text.finish();
    const header = sealingHeader(prefix);
    let entropy: number | undefined;
    if (counts !== undefined) {
      // Where the header ends is known only now; all of it is in the prefix.
      count(counts, prefix.subarray(0, header?.length ?? 0), -1);
      entropy = measuredEntropy(counts);
    }
    // A sealed file says by its first line what it is, and nothing else begins like that.
    const known = header?.kind === 'sealed' && !utf8;
    const mimeType = known ? BYTES : await mediaType(prefix.subarray(0, MEDIA_TYPE_PREFIX_BYTES), utf8);
    return { size, mimeType, utf8, sealed: header !== undefined, header, entropy };
  };

  return { update, finish };
}

function count(counts: Uint32Array, chunk: Uint8Array, step: 1 | -1): void {
  // An index loop: for-of over a typed array takes five times as long.
  for (let i = 0; i < chunk.length; i += 1) {
    const byte = chunk[i] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + step;
  }
}

/** The header of either format at the start of a body; `length` ends where the payload begins. */
function sealingHeader(prefix: Uint8Array): SealEvidence['header'] {
  if (begins(prefix, AGE_MAGIC)) {
    const age = parseAgeHeader(prefix);
    return age && { kind: 'age', length: age.length };
  }
  // Most bodies are neither, and a refusal that is thrown costs more than all else that is done with a small one.
  if (!begins(prefix, SEALED_MAGIC)) return undefined;
  try {
    return { kind: 'sealed', length: parseSealedHeader(prefix).headerLength + COMMITMENT_BYTES };
  } catch (error) {
    if (error instanceof SealedError) return undefined;
    throw error;
  }
}

/** Keeps the beginning of a body: what the media type and a sealed header need, and of an age file its header. */
class Beginning {
  #buffer = new Uint8Array(0);
  #length = 0;

  keep(chunk: Uint8Array): void {
    let rest = this.#fill(chunk);
    while (rest.length > 0) {
      const most = begins(this.bytes(), AGE_MAGIC) ? MAX_AGE_HEADER_BYTES : MEDIA_TYPE_PREFIX_BYTES;
      if (this.#buffer.length >= most) return;
      // As long as a small body is; twice as long where it comes in drops.
      const wanted = Math.max(this.#length + rest.length, 2 * this.#buffer.length);
      const longer = new Uint8Array(Math.min(wanted, most));
      longer.set(this.bytes());
      this.#buffer = longer;
      rest = this.#fill(rest);
    }
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Takes what there is room for and returns the rest. */
  #fill(chunk: Uint8Array): Uint8Array {
    const taken = Math.min(chunk.length, this.#buffer.length - this.#length);
    if (taken > 0) this.#buffer.set(chunk.subarray(0, taken), this.#length);
    this.#length += taken;
    return chunk.subarray(taken);
  }
}

function begins(bytes: Uint8Array, magic: string): boolean {
  for (let i = 0; i < magic.length; i += 1) if (bytes[i] !== magic.charCodeAt(i)) return false;
  return true;
}

/** How much of a piece is looked through for bytes that no text has. */
const GLANCE_BYTES = 256;

/**
 * Whether bytes that occur nowhere in UTF-8 stand right at the beginning of a piece (RFC 3629 §1), as they do in
 * nearly every ciphertext: what a decoder throws about it costs ten times as much.
 */
function plainlyBinary(chunk: Uint8Array): boolean {
  const most = Math.min(chunk.length, GLANCE_BYTES);
  for (let i = 0; i < most; i += 1) {
    const byte = chunk[i] ?? 0;
    if (byte >= 0xf5 || byte === 0xc0 || byte === 0xc1) return true;
  }
  return false;
}

/** Whether pieces make up valid UTF-8 (RFC 3629). Looks no further once they do not. */
class Utf8Check {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #valid = true;

  update(chunk: Uint8Array): void {
    if (this.#valid && plainlyBinary(chunk)) this.#valid = false;
    // In slices, since a decoder makes a string of all that it is given at a time.
    for (let at = 0; this.#valid && at < chunk.length; at += DECODED_AT_A_TIME) {
      this.#decode(() => this.#decoder.decode(chunk.subarray(at, at + DECODED_AT_A_TIME), { stream: true }));
    }
  }

  /** False also where the last character was not whole. */
  finish(): boolean {
    if (this.#valid) this.#decode(() => this.#decoder.decode());
    return this.#valid;
  }

  #decode(step: () => string): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.#valid = false;
    }
  }
}
