/** Bytes that must be gone, looked for in raw files: 64 of them at a time, wherever they lie now. */
import { readFile } from 'node:fs/promises';

/** How many bytes make a trace: no 64 of somebody's ciphertext are anywhere by chance. */
const TRACE = 64;
/** Beyond so many bytes, one trace in eight is enough: every page still holds eight. */
const SPARSE_FROM = 64 * 1024;

export class Traces {
  /** By the four bytes that they begin with. */
  readonly #starts = new Map<number, Buffer[]>();
  /** One bit for each three bytes that any begins with: most places of a file are none. */
  readonly #likely = new Uint8Array(2 ** 21);

  /** Remembers bytes, as traces one after the other; of many bytes, some. */
  add(bytes: Uint8Array): void {
    const all = Buffer.from(bytes);
    for (let at = 0; at + TRACE <= all.length; at += at < SPARSE_FROM ? TRACE : 8 * TRACE) {
      const trace = all.subarray(at, at + TRACE);
      const start = trace.readUInt32LE(0);
      this.#starts.set(start, [...(this.#starts.get(start) ?? []), trace]);
      const three = start & 0xffffff;
      this.#likely[three >> 3] = (this.#likely[three >> 3] ?? 0) | (1 << (three & 7));
    }
  }

  /** How many traces lie in these bytes. */
  count(raw: Buffer): number {
    let found = 0;
    for (let at = 0; at + TRACE <= raw.length; at += 1) {
      const three = raw.readUIntLE(at, 3);
      if (((this.#likely[three >> 3] ?? 0) & (1 << (three & 7))) === 0) continue;
      const here = raw.subarray(at, at + TRACE);
      for (const trace of this.#starts.get(raw.readUInt32LE(at)) ?? []) if (trace.equals(here)) found += 1;
    }
    return found;
  }

  /** How many lie in a database file, its log and its index. */
  async inDatabase(path: string): Promise<number> {
    let found = 0;
    for (const suffix of ['', '-wal', '-shm'])
      found += this.count(await readFile(path + suffix).catch(() => Buffer.alloc(0)));
    return found;
  }
}
