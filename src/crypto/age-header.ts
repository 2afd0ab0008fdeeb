/**
 * The header of a binary age file (C2SP age.md, section "Header"), read by its grammar alone: the server holds no
 * identity, so the MAC is not verified and stanza bodies are not understood.
 */
import { decodeBase64 } from './base64.ts';

const VERSION_LINE = 'age-encryption.org/v1';

/** The version line with its line feed: how every age file begins. */
export const AGE_MAGIC = `${VERSION_LINE}\n`;

/**
 * Where we stop reading. The format has no bound; 64 KiB hold some 30 recipients of the largest native type
 * (ML-KEM-768 with X25519, about 1.6 KB) or over 500 of X25519. A longer header counts as none.
 */
export const MAX_AGE_HEADER_BYTES = 65_536;

const ARGUMENTS_LINE = /^->( [\x21-\x7e]+)+$/;
const MAC_LINE = /^--- ([A-Za-z0-9+/]{43})$/;
const FULL_LINE_CHARACTERS = 64;

export interface AgeStanza {
  /** The recipient type: `X25519`, `mlkem768x25519`, `scrypt`, or one that we have never heard of. */
  readonly type: string;
  /** What follows the type on its line. */
  readonly args: readonly string[];
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface AgeHeader {
  /** At least one, in the order of the file. */
  readonly stanzas: readonly AgeStanza[];
  /** Bytes up to where the payload begins. */
  readonly length: number;
}

/**
 * Parses the header at the start of `bytes`, which may be a whole file or any prefix of one; the first
 * {@link MAX_AGE_HEADER_BYTES} always suffice.
 *
 * @returns undefined for everything that is not a whole header to the letter of the grammar: another version,
 *   no stanza, CR LF, a byte outside printable ASCII, base64 that is padded or not canonical, a MAC that is not
 *   32 bytes, armored files, and headers longer than {@link MAX_AGE_HEADER_BYTES}
 */
export function parseAgeHeader(bytes: Uint8Array): AgeHeader | undefined {
  const lines = new Lines(bytes.subarray(0, MAX_AGE_HEADER_BYTES));
  if (lines.next() !== VERSION_LINE) return undefined;
  const stanzas: AgeStanza[] = [];
  for (;;) {
    const line = lines.next();
    if (line === undefined) return undefined;
    const mac = MAC_LINE.exec(line)?.[1];
    if (mac !== undefined) {
      const whole = stanzas.length > 0 && decodeBase64(mac) !== undefined;
      return whole ? { stanzas, length: lines.position } : undefined;
    }
    if (!ARGUMENTS_LINE.test(line)) return undefined;
    const [type = '', ...args] = line.slice(3).split(' ');
    const body = readBody(lines);
    if (body === undefined) return undefined;
    stanzas.push({ type, args, body });
  }
}

/** Full lines of 64 characters, then a shorter one, which may be empty. */
function readBody(lines: Lines): Uint8Array<ArrayBuffer> | undefined {
  let text = '';
  for (;;) {
    const line = lines.next();
    if (line === undefined || line.length > FULL_LINE_CHARACTERS) return undefined;
    text += line;
    if (line.length < FULL_LINE_CHARACTERS) return decodeBase64(text);
  }
}

/** Lines of printable ASCII, each ended by a line feed. */
class Lines {
  readonly #bytes: Uint8Array;
  /** Offset of the byte after the last line's line feed. */
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next line without its line feed; undefined where there is none, or it holds another byte. */
  next(): string | undefined {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end === -1) return undefined;
    let line = '';
    for (let at = this.position; at < end; at += 1) {
      const byte = this.#bytes[at] ?? 0;
      if (byte < 0x20 || byte > 0x7e) return undefined;
      line += String.fromCharCode(byte);
    }
    this.position = end + 1;
    return line;
  }
}
