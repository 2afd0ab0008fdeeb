/**
 * Adding a request's bytes to an upload. What arrived is kept whatever becomes of the request, so that a client goes
 * on where its network left it; only bytes with a checksum of their own are all kept or none.
 */
import { equalBytes } from '../crypto/compare.ts';
import { sha1Stream } from '../crypto/sha1.ts';
import type { Upload } from '../store/chunks.ts';
import type { Bytes } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { Fault, type FaultKind } from './faults.ts';
import { receive, SegmentBuffer } from './receive.ts';
import type { ByteSource } from './source.ts';
import { dropUpload, type HeldUpload } from './uploads.ts';

/**
 * No byte waits longer than this before it is stored, at first; each time that it came to that, twice as long. So
 * about half of the time that a connection lived is safe even when it falls silent or the process is killed, and a
 * sender that drips makes few writes.
 */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 16_000;

/** What the bytes of one request must be. */
export interface Checksum {
  readonly algorithm: 'sha1' | 'sha256';
  readonly digest: Uint8Array;
  /** For other bytes. */
  readonly mismatch: FaultKind;
}

const full = () =>
  new Fault('upload_staging_quota_exceeded', {
    message: 'there is no room for more unfinished uploads; finish or delete some, or try again later',
  });

/** Bytes that have no place: more than was said, or than any chunk may have. */
const overflow = ({ length }: Upload) =>
  new Fault(length === undefined ? 'upload_too_large' : 'upload_length_mismatch');

/** How many bytes may still come. */
const roomIn = ({ settings }: Deps, { length, offset }: Upload): number =>
  (length ?? settings.uploads.maxBytes) - offset;

/** A held upload while bytes are added to it. */
class Appender {
  readonly #deps: Deps;
  readonly #held: HeldUpload;
  #offset: number;

  constructor(deps: Deps, held: HeldUpload) {
    this.#deps = deps;
    this.#held = held;
    this.#offset = held.upload.offset;
  }

  get offset(): number {
    return this.#offset;
  }

  /** How many bytes fill up the last segment, or make a new one. */
  get next(): number {
    const { segmentBytes } = this.#deps.blobs;
    return segmentBytes - (this.#offset % segmentBytes);
  }

  /** Stores at most a segment. @throws Fault `upload_offset_mismatch` when somebody else took the upload over */
  async store(bytes: Bytes): Promise<void> {
    const { upload, turn } = this.#held;
    const { length } = bytes;
    if (length === 0) return;
    const { blob, expiresAt } = upload;
    const outcome = await this.#deps.blobs.extend(blob, this.#offset, bytes, expiresAt, turn);
    if (outcome === 'moved') throw new Fault('upload_offset_mismatch');
    if (outcome === 'full') throw full();
    this.#offset += length;
  }
}

/** The next of an iteration, or undefined when it did not come by then (`Deps.elapsed`). */
async function nextBy<T>(deps: Deps, next: Promise<T>, at: number): Promise<T | undefined> {
  let stop = () => {};
  const late = new Promise<undefined>((resolve) => {
    stop = deps.after(Math.max(0, at - deps.elapsed()), () => resolve(undefined));
  });
  try {
    return await Promise.race([next, late]);
  } finally {
    stop();
  }
}

/** Stores what comes, a segment at a time, and what is left when nothing more does, for whatever reason. */
async function storeAll(deps: Deps, held: HeldUpload, source: ByteSource, most: number): Promise<Appender> {
  const appender = new Appender(deps, held);
  const buffer = new SegmentBuffer();
  const chunks = source.chunks()[Symbol.asyncIterator]();
  let received = 0;
  let wait = FIRST_WAIT_MS;
  let oldest = 0;
  try {
    let next = chunks.next();
    // Waited for below, unless storing fails first: then nobody asks what became of it.
    next.catch(() => {});
    for (;;) {
      const step = buffer.size === 0 ? await next : await nextBy(deps, next, oldest + wait);
      if (step === undefined) {
        await appender.store(buffer.take(buffer.size));
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
        continue;
      }
      if (step.done === true) break;
      if (buffer.size === 0) oldest = deps.elapsed();
      received += step.value.length;
      if (received > most) throw overflow(held.upload);
      buffer.push(step.value);
      while (buffer.size >= appender.next) {
        await appender.store(buffer.take(appender.next));
        oldest = deps.elapsed();
      }
      next = chunks.next();
      next.catch(() => {});
    }
    if (received < (source.declaredLength ?? 0)) throw new Fault('request_aborted');
  } catch (broken) {
    const cut =
      broken instanceof Fault && (broken.kind === 'request_aborted' || broken.kind === 'request_timeout');
    if (cut) await appender.store(buffer.take(buffer.size));
    throw broken;
  } finally {
    // Whoever stops early lets go of the source; it may be a while until that notices.
    chunks.return?.().catch(() => {});
  }
  await appender.store(buffer.take(buffer.size));
  return appender;
}

/** Receives bytes that have a checksum, compares it, and only then adds them. */
async function storeChecked(
  deps: Deps,
  held: HeldUpload,
  source: ByteSource,
  most: number,
  { algorithm, digest, mismatch }: Checksum,
): Promise<Appender> {
  const received = await receive(deps, source, {
    prefix: 'uop',
    limit: most,
    tooLarge: () => overflow(held.upload),
    full,
    look: algorithm === 'sha1' ? sha1Stream() : { update: () => {}, finish: () => new Uint8Array() },
  });
  try {
    if (received.size < (source.declaredLength ?? 0)) throw new Fault('request_aborted');
    const computed = algorithm === 'sha1' ? received.found : received.sha256;
    if (!equalBytes(computed, digest)) throw new Fault(mismatch);
    const appender = new Appender(deps, held);
    const { pending } = received;
    if (pending.kind === 'inline') {
      await appender.store(pending.bytes);
      return appender;
    }
    for (let index = 0; appender.offset < held.upload.offset + received.size; index += 1) {
      const segment = await deps.blobs.read(pending.blob, index);
      if (segment === undefined) throw new Fault('storage_unavailable', { retryAfterSeconds: 1 });
      await appender.store(segment);
    }
    return appender;
  } finally {
    await received.discard().catch(() => {}); // else a sweep does
  }
}

/**
 * Adds what a request brings to an upload that it holds.
 *
 * @param checksum what the bytes must be; then a request that breaks off adds nothing, since it cannot be checked
 * @returns the upload with its new offset
 * @throws Fault `upload_length_mismatch` or `upload_too_large` for more bytes than belong to it: before any is read
 *   where so many were announced, and else the upload is gone, since nobody can say what it is; the checksum's
 *   `mismatch`; `upload_offset_mismatch` when another request took the upload over; `request_aborted`,
 *   `request_timeout`, `upload_staging_quota_exceeded` after as much as possible was kept
 */
export async function appendTo(
  deps: Deps,
  held: HeldUpload,
  source: ByteSource,
  checksum?: Checksum,
): Promise<Upload> {
  const { upload } = held;
  const most = roomIn(deps, upload);
  if ((source.declaredLength ?? 0) > most) throw overflow(upload);
  if (checksum !== undefined) {
    const { offset } = await storeChecked(deps, held, source, most, checksum);
    return { ...upload, offset };
  }
  try {
    const { offset } = await storeAll(deps, held, source, most);
    return { ...upload, offset };
  } catch (error) {
    const over =
      error instanceof Fault &&
      (error.kind === 'upload_length_mismatch' || error.kind === 'upload_too_large');
    if (over) await dropUpload(deps, upload);
    throw error;
  }
}
