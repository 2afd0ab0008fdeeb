/**
 * Taking in bytes: looked at, hashed and staged while they arrive, never whole in memory. What is too large stops
 * at its limit; what is not adopted in the end leaves nothing behind.
 */
import { hex } from '../crypto/hash.ts';
import type { Bytes, PendingBytes } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { Fault } from './faults.ts';
import { type Inspection, inspector } from './inspect.ts';
import type { ByteSource } from './source.ts';

export interface Received {
  readonly size: number;
  readonly pending: PendingBytes;
  readonly inspection: Inspection;
  /** SHA-256 of the bytes, 32 bytes. */
  readonly sha256: Bytes;
  /** Removes what was staged. Harmless when nothing was, or when it has been adopted. */
  discard(): Promise<void>;
}

/** Collects chunks until a segment is full, without copying a byte twice. */
class SegmentBuffer {
  readonly #parts: Bytes[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(chunk: Bytes): void {
    this.#parts.push(chunk);
    this.#size += chunk.length;
  }

  /** The first `length` bytes, in memory of their own, so that a driver may take them over. */
  take(length: number): Bytes {
    const [only] = this.#parts;
    if (only !== undefined && only.length === length && only.byteLength === only.buffer.byteLength) {
      this.#parts.shift();
      this.#size -= length;
      return only;
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const part = this.#parts[0] as Bytes;
      const piece = part.subarray(0, length - at);
      bytes.set(piece, at);
      at += piece.length;
      if (piece.length === part.length) this.#parts.shift();
      else this.#parts[0] = part.subarray(piece.length);
    }
    this.#size -= length;
    return bytes;
  }
}

/**
 * Reads a source to its end.
 * @throws Fault `paste_too_large` at the first byte over `limit`, `empty_paste`, `storage_quota_exceeded` when
 *   there is no room to stage, and what the source throws.
 */
export async function receive(deps: Deps, source: ByteSource, limit: number): Promise<Received> {
  const tooLarge = () =>
    new Fault('paste_too_large', {
      message: `the paste is larger than ${limit} bytes, which is the limit for you`,
    });
  if ((source.declaredLength ?? 0) > limit) throw tooLarge();

  const { blobs } = deps;
  const name = `pst_${hex(deps.random(16))}`;
  const inspect = inspector({ measureEntropy: deps.settings.paste.minEntropy > 0 });
  const digest = deps.digest();
  const buffer = new SegmentBuffer();
  let size = 0;
  let staged = 0;
  const discard = async () => {
    if (staged > 0) await blobs.discard(name);
  };
  const stage = async (length: number) => {
    const index = staged;
    // Counted before it is sent: should the answer get lost, there may be something to discard.
    staged += 1;
    if (!(await blobs.append(name, index, buffer.take(length), deps.now())))
      throw new Fault('storage_quota_exceeded');
  };

  try {
    for await (const chunk of source.chunks()) {
      size += chunk.length;
      if (size > limit) throw tooLarge();
      digest.update(chunk);
      inspect.update(chunk);
      buffer.push(chunk);
      // One byte more than a segment shows that the bytes do not fit into the commit.
      while (buffer.size > blobs.segmentBytes) await stage(blobs.segmentBytes);
    }
    if (size === 0) throw new Fault('empty_paste');
    let pending: PendingBytes;
    if (staged === 0) {
      pending = { kind: 'inline', bytes: buffer.take(buffer.size) };
    } else {
      await stage(buffer.size);
      pending = { kind: 'staged', blob: name, size };
    }
    return { size, pending, inspection: await inspect.finish(), sha256: await digest.finish(), discard };
  } catch (error) {
    await discard().catch(() => {}); // the sweep removes what cannot be removed now
    throw error;
  }
}
