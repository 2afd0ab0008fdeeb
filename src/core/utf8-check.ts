/** Whether bytes that go by are valid UTF-8 (RFC 3629), whatever pieces they come in. */

const DECODED_AT_A_TIME = 65_536;
/** How much of a piece is looked through for bytes that no text has. */
const GLANCE_BYTES = 256;
const NOTHING = new Uint8Array(0);

/** Whether all of these bytes are valid UTF-8, the last character whole. */
type IsUtf8 = (bytes: Uint8Array) => boolean;

let native: IsUtf8 | undefined;

/**
 * From now on asks the runtime itself, which says it of 100 KiB in 1 µs; decoding them for it takes 10 to 13. For
 * composition roots. @throws Error when it says something else
 */
export function checkUtf8With(own: IsUtf8): void {
  if (!own(Uint8Array.of(0xc3, 0xa4)) || own(Uint8Array.of(0xc3)) || own(Uint8Array.of(0xed, 0xa0, 0x80)))
    throw new Error('this does not know UTF-8');
  native = own;
}

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

/** One check. Looks no further once the bytes are not valid. */
export class Utf8Check {
  readonly #check = native === undefined ? new Decoding() : new Asking(native);
  #valid = true;

  update(chunk: Uint8Array): void {
    if (this.#valid) this.#valid = !plainlyBinary(chunk) && this.#check.goesOn(chunk);
  }

  /** False also where the last character was not whole. */
  finish(): boolean {
    return this.#valid && this.#check.ends();
  }
}

/** By the decoder that every platform has. */
class Decoding {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  goesOn(chunk: Uint8Array): boolean {
    // In slices, since a decoder makes a string of all that it is given at a time.
    for (let at = 0; at < chunk.length; at += DECODED_AT_A_TIME) {
      const slice = chunk.subarray(at, at + DECODED_AT_A_TIME);
      if (!decodes(() => this.#decoder.decode(slice, { stream: true }))) return false;
    }
    return true;
  }

  ends(): boolean {
    return decodes(() => this.#decoder.decode());
  }
}

function decodes(step: () => string): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** How many bytes the character has that begins with this one, where one does. */
const lengthFrom = (first = 0) => (first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1);

/** How many bytes at the end belong to a character that is not whole yet: 0 to 3. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back < 4 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    const follows = byte >= 0x80 && byte < 0xc0;
    if (!follows) return lengthFrom(byte) > back ? back : 0;
  }
  return 0;
}

/** By the runtime, which knows of whole characters only. */
class Asking {
  readonly #isUtf8: IsUtf8;
  /** The first bytes of a character whose others are in the next piece. */
  #begun: Uint8Array = NOTHING;

  constructor(isUtf8: IsUtf8) {
    this.#isUtf8 = isUtf8;
  }

  goesOn(chunk: Uint8Array): boolean {
    const missing = this.#begun.length === 0 ? 0 : lengthFrom(this.#begun[0]) - this.#begun.length;
    if (missing > 0) {
      const joined = Uint8Array.of(...this.#begun, ...chunk.subarray(0, missing));
      if (missing > chunk.length) {
        this.#begun = joined;
        return true;
      }
      if (!this.#isUtf8(joined)) return false;
    }
    const end = chunk.length - unfinished(chunk.subarray(missing));
    this.#begun = end < chunk.length ? chunk.slice(end) : NOTHING;
    return this.#isUtf8(chunk.subarray(missing, end));
  }

  ends(): boolean {
    return this.#begun.length === 0;
  }
}
