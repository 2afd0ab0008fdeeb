/**
 * The payload: STREAM (C2SP age.md, "Payload") with AES-256-GCM. Segments are encrypted and decrypted several at
 * a time, because WebCrypto works off the main thread, and come out in order.
 */

import { type Bytes, Cutter, type Pull, type Run } from './sealed-bytes.ts';
import { SealedError } from './sealed-error.ts';

export const SEGMENT_BYTES = 65536;
export const TAG_BYTES = 16;
export const SEALED_SEGMENT_BYTES = SEGMENT_BYTES + TAG_BYTES;

/** Operations under way at once: enough to keep a thread pool of four busy, in about 1 MiB of memory. */
const IN_FLIGHT = 8;

/** A cutter whose runs live as long as an operation on them may. */
export function segmentCutter(source: Pull): Cutter {
  return new Cutter(source, SEALED_SEGMENT_BYTES, IN_FLIGHT + 2);
}

/** Encrypts all of `plaintext`. The payload of an empty plaintext is one tag. */
export function sealSegments(plaintext: Cutter, key: CryptoKey): Pull {
  let counter = 0;
  return inOrder(plaintext, SEGMENT_BYTES, ({ bytes, last }) =>
    crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce(counter++, last) }, key, bytes),
  );
}

/**
 * Decrypts a payload, one verified segment a `read`. The end is reported only after the last segment verified as
 * the last; until then, what came out may be the beginning of a file that was cut.
 *
 * Rejects with `truncated`, `segment_corrupt`, `trailing_data`, `empty_last_segment`.
 */
export function openSegments(payload: Cutter, key: CryptoKey): Pull {
  let counter = 0;
  return inOrder(payload, SEALED_SEGMENT_BYTES, (run) => openSegment(key, counter++, run));
}

async function openSegment(key: CryptoKey, index: number, { bytes, last }: Run): Promise<ArrayBuffer> {
  if (bytes.length < TAG_BYTES) throw new SealedError('truncated');
  const plaintext = await decrypt(key, nonce(index, last), bytes);
  if (plaintext === undefined) {
    // A segment that verifies with the other flag is whole: it is the file that is too short or too long.
    const whole = (await decrypt(key, nonce(index, !last), bytes)) !== undefined;
    if (!whole) throw new SealedError('segment_corrupt');
    throw new SealedError(last ? 'truncated' : 'trailing_data');
  }
  if (last && index > 0 && plaintext.byteLength === 0) throw new SealedError('empty_last_segment');
  return plaintext;
}

/** The plaintext, or undefined where the tag does not verify. */
function decrypt(key: CryptoKey, iv: Bytes, sealed: Bytes): Promise<ArrayBuffer | undefined> {
  return crypto.subtle.decrypt({ name: 'AES-GCM', iv }, key, sealed).catch(() => undefined);
}

/** 11 bytes of big-endian counter and one of flag: 0x01 on the last segment, 0x00 on any other. */
function nonce(counter: number, last: boolean): Bytes {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint32(3, Math.floor(counter / 2 ** 32));
  view.setUint32(7, counter >>> 0);
  bytes[11] = last ? 1 : 0;
  return bytes;
}

/** Starts `operate` on one run of `source` after the other, {@link IN_FLIGHT} at most, and answers in order. */
function inOrder(source: Cutter, length: number, operate: (run: Run) => Promise<ArrayBuffer>): Pull {
  const queue: Promise<Bytes | undefined>[] = [];
  let over = false;
  // Each step begins when the one before has cut its run, not when its operation is done. The operation rides in
  // an object because a promise inside a promise would be waited for.
  let begun: Promise<unknown> = Promise.resolve();
  const begin = async (): Promise<{ readonly result: Promise<ArrayBuffer> } | undefined> => {
    if (over) return undefined;
    const run = await source.take(length);
    over ||= run.last;
    return { result: operate(run) };
  };
  return {
    async read() {
      while (queue.length < IN_FLIGHT && !over) {
        const step = begun.then(begin);
        begun = step;
        const result = step.then(async (started) => started && new Uint8Array(await started.result));
        // Reported when it is read; a failure behind the one that is reported is nobody's news.
        result.catch(() => undefined);
        queue.push(result);
      }
      return await queue.shift();
    },
    cancel(reason) {
      over = true;
      return source.cancel(reason);
    },
  };
}
