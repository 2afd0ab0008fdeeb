/**
 * The container of a backup: a tar archive (POSIX.1-2017, pax, "ustar Interchange Format"), so that any tar lists and
 * unpacks it without this program. Written and read as a stream; regular files alone, no folders, no links.
 */

/** Bytes of a header and of what every entry is filled up to. */
const BLOCK = 512;
/** What fits into the eleven octal digits of a header. Larger sizes stand in a pax record as well. */
const MAX_OCTAL = 0o77777777777;
/** A pax record of ours has a few dozen bytes. */
const MAX_PAX = 4096;

export interface TarEntry {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** A tar that is not one of ours, was cut or was changed. The message says what is wrong with it. */
export class TarError extends Error {
  override readonly name = 'TarError';
}

const encoder = new TextEncoder();

/** @param type `0` a file, `x` what pax says about the file that follows */
function block(name: string, size: number, mtime: number, type: '0' | 'x'): Bytes {
  const header = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => header.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  if (!/^[a-z0-9./-]{1,100}$/.test(name)) throw new RangeError('an entry has an impossible name');
  put(0, name);
  put(100, '0000600\0');
  put(108, '0000000\0');
  put(116, '0000000\0');
  put(124, `${octal(Math.min(size, MAX_OCTAL), 11)}\0`);
  put(136, `${octal(mtime, 11)}\0`);
  put(148, '        ');
  put(156, type);
  put(257, 'ustar\x0000');
  put(329, '0000000\x000000000\0');
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return header;
}

/** One record of a pax header: its length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  return `${length}${rest}`;
}

/** What stands in front of an entry's bytes. `mtime` is in seconds since the epoch. */
export function tarHeader({ name, size }: TarEntry, mtime: number): Bytes {
  const header = block(name, size, mtime, '0');
  if (size <= MAX_OCTAL) return header;
  const record = encoder.encode(paxRecord('size', String(size)));
  const whole = new Uint8Array(3 * BLOCK);
  whole.set(block(`pax/${name}`, record.length, mtime, 'x'));
  whole.set(record, BLOCK);
  whole.set(header, 2 * BLOCK);
  return whole;
}

/** Zeros that follow an entry of `size` bytes. */
export const tarPadding = (size: number): Bytes => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);

/** What stands at the end. */
export const tarEnd = (): Bytes => new Uint8Array(2 * BLOCK);

/** Bytes of a whole archive. */
export function tarLength(entries: readonly TarEntry[]): number {
  return entries.reduce(
    (sum, entry) => sum + tarHeader(entry, 0).length + entry.size + tarPadding(entry.size).length,
    2 * BLOCK,
  );
}

/** An entry that is being read: its bytes must be taken to the end before the next one comes. */
export interface OpenEntry extends TarEntry {
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Hands out what comes in pieces as it is asked for. */
class Source {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes, at least one; undefined at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    while (this.#held.length === 0) {
      const { done, value } = await this.#pieces.next();
      if (done === true) return undefined;
      this.#held = value;
    }
    const taken = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(taken.length);
    return taken;
  }

  async exactly(length: number): Promise<Uint8Array> {
    const whole = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const piece = await this.some(length - at);
      if (piece === undefined) throw new TarError('it ends in the middle');
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}

const isZero = (bytes: Uint8Array) => bytes.every((byte) => byte === 0);

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? bytes.length : end));
}

function readHeader(header: Uint8Array): TarEntry & { readonly type: string } {
  const octal = (from: number, to: number): number => {
    const text = textOf(header.subarray(from, to)).trim();
    if (!/^[0-7]{1,11}$/.test(text)) throw new TarError('a header holds something else than a number');
    return Number.parseInt(text, 8);
  };
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (octal(148, 156) !== sum) throw new TarError('a header does not have the sum that it states');
  const name = textOf(header.subarray(0, 100));
  if (!/^[a-z0-9./-]{1,100}$/.test(name)) throw new TarError('an entry has an impossible name');
  return { name, size: octal(124, 136), type: String.fromCharCode(header[156] ?? 0) };
}

/** The size that a pax header states for the entry after it. */
function paxSize(text: string): number {
  const [, length, size] = /^(\d{1,4}) size=(\d{1,15})\n$/.exec(text) ?? [];
  if (Number(length) !== text.length || size === undefined) throw new TarError('a pax header is not ours');
  return Number(size);
}

/** The entries of an archive in order. Throws {@link TarError} for anything that {@link tarHeader} does not write. */
export async function* readTar(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<OpenEntry> {
  const source = new Source(pieces);
  try {
    for (;;) {
      const first = await source.exactly(BLOCK);
      if (isZero(first)) {
        if (!isZero(await source.exactly(BLOCK))) throw new TarError('its end is not where it should be');
        if ((await source.some(1)) !== undefined) throw new TarError('something follows its end');
        return;
      }
      let head = readHeader(first);
      if (head.type === 'x') {
        if (head.size > MAX_PAX) throw new TarError('a pax header is not ours');
        const record = await source.exactly(head.size);
        await padding(source, head.size);
        const size = paxSize(textOf(record));
        head = { ...readHeader(await source.exactly(BLOCK)), size };
      }
      if (head.type !== '0') throw new TarError('it holds something else than files');
      const { name, size } = head;
      let left = size;
      yield {
        name,
        size,
        bytes: (async function* () {
          while (left > 0) {
            const piece = await source.some(left);
            if (piece === undefined) throw new TarError('it ends in the middle');
            left -= piece.length;
            yield piece;
          }
        })(),
      };
      if (left > 0) throw new TypeError('an entry was not read to its end');
      await padding(source, size);
    }
  } finally {
    await source.close();
  }
}

async function padding(source: Source, size: number): Promise<void> {
  if (!isZero(await source.exactly(tarPadding(size).length)))
    throw new TarError('something stands where zeros should');
}
