/** Answers as values. The runtime's `Response` is made once, at the very end, by `serve`. */
import { utf8 } from '../../crypto/hash.ts';
import type { Bytes } from '../../store/store.ts';

/** Bytes that come as they are read; `length` is exact. */
export interface StreamBody {
  readonly length: number;
  /** Starts it. Absent only in an answer to HEAD. */
  open?(): ReadableStream<Bytes>;
}

export interface Reply {
  readonly status: number;
  /** Names in lower case. What is not named here comes from the header set. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Bytes | StreamBody;
  /** Bytes that were read for this answer alone: their memory may be freed once they were sent. */
  readonly own?: boolean;
}

/** How many bytes the body has. */
export function bodyLength({ body }: Reply): number {
  return body.length;
}

/** A JSON answer. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: utf8(JSON.stringify(value)),
  };
}

/** A plain text answer. */
export function text(status: number, value: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: utf8(value) };
}
