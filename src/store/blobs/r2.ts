/**
 * Objects in a bucket that is bound to a Worker.
 * https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
 */
import type { Bytes } from '../store.ts';
import { CALLED_OFF, ObjectError, type Objects } from './objects.ts';
import { outgoing } from './outgoing.ts';

/** What is used of a binding. */
export interface R2Bucket {
  /** Null where the condition did not hold. */
  put(
    key: string,
    value: Bytes | ReadableStream<Bytes>,
    options: { readonly onlyIf: { readonly etagDoesNotMatch: '*' }; readonly sha256: string },
  ): Promise<unknown>;
  get(
    key: string,
    options: { readonly range: { readonly offset: number; readonly length: number } },
  ): Promise<{ readonly body: ReadableStream<Bytes> } | null>;
  delete(key: string): Promise<void>;
  list(options: { readonly prefix: string; readonly startAfter?: string }): Promise<{
    readonly objects: readonly { readonly key: string; readonly size: number }[];
    readonly truncated: boolean;
  }>;
}

export interface R2Options {
  /** `''`, or what keys begin with, without a slash at the end: as the S3 settings of home have it. */
  readonly prefix: string;
  /** How long the bucket may keep silent, in milliseconds. */
  readonly timeoutMs: number;
  /** A body of exactly so many bytes: a bucket takes no other stream. */
  sized(stream: ReadableStream<Bytes>, length: number): ReadableStream<Bytes>;
}

/** So many bytes are sent in one piece. */
const WHOLE_BYTES = 1024 * 1024;
/** Pauses in milliseconds before the second and third attempt. */
const PAUSES = [100, 400];
/** R2's number for a range that begins after the end. */
const RANGE_NOT_SATISFIABLE = /\(10039\)/;

const isPassing = (thrown: unknown): boolean =>
  thrown instanceof ObjectError && thrown.kind === 'busy' && thrown.code !== CALLED_OFF;

/** R2's number of an error stands in brackets at the end of its message. */
function objectError(thrown: unknown): ObjectError {
  if (thrown instanceof ObjectError) return thrown;
  const message = thrown instanceof Error ? thrown.message : '';
  const number = /\((\d{5})\)/.exec(message)?.[1];
  return new ObjectError('busy', 'The bucket did not do what it was asked.', number && `R2-${number}`);
}

/** All pieces in one. */
async function together(pieces: AsyncIterable<Bytes>, size: number): Promise<Bytes> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** @see Objects */
export function r2Objects(bucket: R2Bucket, { prefix, timeoutMs, sized }: R2Options): Objects {
  const whole = (key: string) => (prefix === '' ? key : `${prefix}/${key}`);
  const skipped = prefix === '' ? 0 : prefix.length + 1;

  /** Waits for an answer, but not for ever. */
  async function answerTo<T>(asking: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      const error = new ObjectError('busy', 'The bucket does not answer.');
      timer = setTimeout(() => reject(error), timeoutMs);
    });
    try {
      return await Promise.race([asking, late]);
    } catch (thrown) {
      throw objectError(thrown);
    } finally {
      clearTimeout(timer);
    }
  }

  async function trying<T>(attempt: () => Promise<T>): Promise<T> {
    for (const pause of PAUSES) {
      try {
        return await attempt();
      } catch (thrown) {
        if (!isPassing(thrown)) throw thrown;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    return await attempt();
  }

  return {
    async put(key, { bytes, size, sha256 }) {
      return await trying(async () => {
        const options = { onlyIf: { etagDoesNotMatch: '*' }, sha256 } as const;
        if (typeof bytes !== 'function') {
          const kept = await answerTo(bucket.put(whole(key), bytes, options));
          return kept === null ? 'exists' : 'stored';
        }
        const pieces = bytes();
        if (size <= WHOLE_BYTES) {
          const kept = await answerTo(bucket.put(whole(key), await together(pieces, size), options));
          return kept === null ? 'exists' : 'stored';
        }
        const { stream, failed } = outgoing(pieces);
        try {
          // As long as it takes to send: the runtime ends a request in which nothing moves.
          const kept = await bucket.put(whole(key), sized(stream, size), options);
          return kept === null ? 'exists' : 'stored';
        } catch (thrown) {
          throw failed() ?? objectError(thrown);
        }
      });
    },

    async *read(key, start, end) {
      let at = start;
      for (let failures = 0; at < end; ) {
        const from = at;
        try {
          const range = { offset: at, length: end - at };
          const found = await answerTo(
            bucket.get(whole(key), { range }).catch((thrown: unknown) => {
              if (thrown instanceof Error && RANGE_NOT_SATISFIABLE.test(thrown.message)) return null;
              throw thrown;
            }),
          );
          const reader = found?.body.getReader();
          try {
            while (reader !== undefined) {
              const step = await answerTo(reader.read());
              if (step.done) break;
              at += step.value.length;
              yield step.value;
            }
          } finally {
            await reader?.cancel().catch(() => {});
          }
          return;
        } catch (thrown) {
          failures = at > from ? 0 : failures + 1;
          const pause = PAUSES[failures === 0 ? 0 : failures - 1];
          if (!isPassing(thrown) || pause === undefined) throw thrown;
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      }
    },

    async remove(key) {
      await trying(() => answerTo(bucket.delete(whole(key))));
    },

    async list(wanted, after) {
      const options = {
        prefix: whole(wanted),
        ...(after !== undefined && { startAfter: whole(after) }),
      };
      const { objects, truncated } = await trying(() => answerTo(bucket.list(options)));
      return {
        objects: objects.map(({ key, size }) => ({ key: key.slice(skipped), size })),
        more: truncated,
      };
    },
  };
}
