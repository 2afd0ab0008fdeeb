/** Bytes on their way in. */
import type { Bytes } from '../store/store.ts';

export interface ByteSource {
  /** What the sender announced, in bytes; only a hint, the count while reading decides. */
  readonly declaredLength?: number;
  /**
   * SHA-256 of the body that the bytes were taken out of, where that is another one: whoever asks whether two
   * creates are the same compares what was sent.
   */
  readonly sentAs?: Bytes;
  /**
   * The bytes, once. The pieces are the receiver's: it may detach their buffers where they fill them.
   * Throws the faults `request_timeout` and `request_aborted`.
   */
  chunks(): AsyncIterable<Bytes>;
}

/** A source of bytes that are all here; `sentAs` as in {@link ByteSource}. */
export function sourceOf(bytes: Bytes, sentAs?: Bytes): ByteSource {
  return {
    declaredLength: bytes.length,
    ...(sentAs && { sentAs }),
    async *chunks() {
      if (bytes.length > 0) yield bytes;
    },
  };
}
