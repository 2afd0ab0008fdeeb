/** Bytes on their way in. */
import type { Bytes } from '../store/store.ts';

export interface ByteSource {
  /** What the sender announced, in bytes; only a hint, the count while reading decides. */
  readonly declaredLength?: number;
  /** The bytes, once. Throws the faults `request_timeout` and `request_aborted`. */
  chunks(): AsyncIterable<Bytes>;
}

/** A source of bytes that are all here. */
export function sourceOf(bytes: Bytes): ByteSource {
  return {
    declaredLength: bytes.length,
    async *chunks() {
      if (bytes.length > 0) yield bytes;
    },
  };
}
