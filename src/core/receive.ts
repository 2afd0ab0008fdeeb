/**
 * Taking in bytes: looked at, hashed and staged while they arrive, never whole in memory. What is too large stops
 * at its limit; what is not adopted in the end leaves nothing behind.
 */
import { hex } from '../crypto/hash.ts';
import type { Bytes, PendingBytes } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { type Fault, storageTrouble } from './faults.ts';
import type { ByteSource } from './source.ts';

/** Looks at bytes while they go by. */
export interface Look<Found> {
  /** The next piece, of any length. It is not kept and not changed. */
  update(chunk: Bytes): void;
  /** What was seen, once there is no more. */
  finish(): Found | Promise<Found>;
}

/** What kind of bytes are taken in. */
export interface Intake<Found> {
  /** What their blob's name starts with, should they need one: `pst` makes `pst_…`. */
  readonly prefix: string;
  /** The most that are taken, in bytes. */
  readonly limit: number;
  /** For one byte more. */
  readonly tooLarge: () => Fault;
  /** For when there is no room to stage them. */
  readonly full: () => Fault;
  readonly look: Look<Found>;
  /** Nobody will ask for the hash: then there is none. */
  readonly unhashed?: boolean;
}

export interface Received<Found> {
  /** In bytes; 0 when nothing came. */
  readonly size: number;
  readonly pending: PendingBytes;
  /** SHA-256 of the bytes, 32 bytes. @throws TypeError where the intake said that nobody asks */
  readonly sha256: Bytes;
  readonly found: Found;
  /** Removes what was staged. Harmless when nothing was, or when it has been adopted. */
  discard(): Promise<void>;
}

/** An opened intake, for whoever has the bytes in hand rather than a source of them. One call at a time. */
export interface Receiver<Found> {
  /**
   * Takes the next piece, and comes back when there is room for another. A piece that fills its buffer is the
   * receiver's from then on. @throws Fault of the intake
   */
  take(chunk: Bytes): Promise<void>;
  /** All of it has been taken. */
  finish(): Promise<Received<Found>>;
  /** Gives up: removes what was staged. */
  discard(): Promise<void>;
}

/** Chunks of at least this size are given back as soon as they were copied, instead of waiting to be collected. */
const GIVE_BACK_FROM_BYTES = 4096;

/**
 * Frees the memory behind bytes that nobody will look at again, where they are all of it. Left to the garbage
 * collector, uploads leave tens of MiB lying around on Bun, whose sockets deliver 512 KiB at a time; on Node, whose
 * sockets deliver 64 KiB at most and often less, collecting what lies around costs more than hashing it.
 */
export function giveBack({ buffer, byteLength }: Bytes): void {
  if (byteLength >= GIVE_BACK_FROM_BYTES && byteLength === buffer.byteLength) buffer.transfer(0);
}

/** Collects chunks until a segment is full, without copying a byte twice. The chunks are its own from then on. */
export class SegmentBuffer {
  readonly #parts: Bytes[] = [];
  #size = 0;
  /** How many bytes of the first part are gone. */
  #used = 0;

  get size(): number {
    return this.#size;
  }

  push(chunk: Bytes): void {
    this.#parts.push(chunk);
    this.#size += chunk.length;
  }

  /** The first `length` bytes, in memory of their own, so that a driver may take them over. */
  take(length: number): Bytes {
    this.#size -= length;
    const [only] = this.#parts;
    if (this.#used === 0 && only?.length === length && only.byteLength === only.buffer.byteLength) {
      this.#parts.shift();
      return only;
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const part = this.#parts[0] as Bytes;
      const piece = part.subarray(this.#used, this.#used + length - at);
      bytes.set(piece, at);
      at += piece.length;
      this.#used += piece.length;
      if (this.#used === part.length) {
        this.#parts.shift();
        this.#used = 0;
        giveBack(part);
      }
    }
    return bytes;
  }
}

/** Opens an intake. Whoever opens it finishes or discards it. */
export function receiver<Found>(deps: Deps, intake: Intake<Found>): Receiver<Found> {
  const { blobs } = deps;
  const { limit, look } = intake;
  const digest = intake.unhashed === true ? undefined : deps.digest();
  const buffer = new SegmentBuffer();
  let size = 0;
  let staged = 0;
  /** Most bodies need none. */
  let name = '';

  const discard = async () => {
    if (staged > 0) await blobs.discard(name);
  };
  const stage = async (length: number) => {
    const index = staged;
    if (index === 0) name = `${intake.prefix}_${hex(deps.random(16))}`;
    // Counted before it is sent: should the answer get lost, there may be something to discard.
    staged += 1;
    if (!(await blobs.append(name, index, buffer.take(length), deps.now()))) throw intake.full();
  };

  return {
    async take(chunk) {
      size += chunk.length;
      if (size > limit) throw intake.tooLarge();
      digest?.update(chunk);
      look.update(chunk);
      buffer.push(chunk);
      // One byte more than a segment shows that the bytes do not fit into the commit.
      while (buffer.size > blobs.segmentBytes) await stage(blobs.segmentBytes);
    },
    async finish() {
      let pending: PendingBytes;
      if (staged === 0) {
        pending = { kind: 'inline', bytes: buffer.take(buffer.size) };
      } else {
        await stage(buffer.size);
        pending = { kind: 'staged', blob: name, size };
      }
      const hash = await digest?.finish();
      return {
        size,
        pending,
        get sha256() {
          if (hash === undefined) throw new TypeError('these bytes were not hashed');
          return hash;
        },
        found: await look.finish(),
        discard,
      };
    },
    discard,
  };
}

/**
 * Reads a source to its end. Whatever throws, nothing of it stays.
 * @throws Fault of the intake, at the first byte over its limit or before it where the sender announced more, and
 *   what the source throws.
 */
export async function receive<Found>(
  deps: Deps,
  source: ByteSource,
  intake: Intake<Found>,
): Promise<Received<Found>> {
  if ((source.declaredLength ?? 0) > intake.limit) throw intake.tooLarge();
  const { take, finish, discard } = receiver(deps, intake);
  try {
    for await (const chunk of source.chunks()) await take(chunk);
    return await finish();
  } catch (error) {
    await discardAfter(deps, error, { discard });
    throw error;
  }
}

/**
 * Discards what was staged when something was thrown; a sweep removes what cannot be removed now. Where storage is
 * what failed that is tried after the answer: whoever waits for it would wait as long again.
 */
export async function discardAfter(
  deps: Pick<Deps, 'background'>,
  thrown: unknown,
  staged: { discard(): Promise<void> },
): Promise<void> {
  if (storageTrouble(thrown) === undefined) await staged.discard().catch(() => {});
  else deps.background('upload_discard', () => staged.discard());
}
