/**
 * The body of a request as an async iterable that a fetch handler may read, leave half read or ignore, without the
 * connection paying for it: giving up a body never destroys the socket, because the answer must still go out on it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault } from '../src/core/faults.ts';

/** What a client may still send after it was answered: at most these many bytes, for at most this long. */
export const LINGER_BYTES = 64 * 1024 * 1024;
export const LINGER_MS = 5_000;

/**
 * Yields the body in the pieces that the socket delivered, asking the socket for more only when the reader asks.
 *
 * A client that announced `Expect: 100-continue` is told to go on when the first piece is wanted, so a refusal that
 * needs no body is sent without one (RFC 9110 §10.1.1).
 * @param deadline when the whole request must have arrived (ms of `performance.now()`); Infinity for no limit
 * @throws Fault `request_timeout` at the deadline; an error of the socket when the client went away
 */
export async function* bodyChunks(
  req: IncomingMessage,
  res: ServerResponse,
  expectsContinue: boolean,
  deadline: number,
): AsyncGenerator<Uint8Array, void, void> {
  if (expectsContinue && !res.headersSent) res.writeContinue();
  const chunks = req.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const next = await before(deadline, chunks.next());
      if (next.done) break;
      yield next.value;
    }
    // A connection that broke after the last piece but before the end of the message is not a whole body.
    if (!req.complete) throw new DOMException('the client went away', 'AbortError');
  } finally {
    // Not awaited: with a read under way it would wait for bytes that may never come.
    chunks.return?.().catch(() => {});
  }
}

/** The promise's outcome, or the fault `request_timeout` at the deadline. */
async function before<T>(deadline: number, promise: Promise<T>): Promise<T> {
  if (deadline === Number.POSITIVE_INFINITY) return promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expiry = new Promise<never>((_, reject) => {
    const expire = () => reject(new Fault('request_timeout'));
    timer = setTimeout(expire, Math.max(0, deadline - performance.now()));
  });
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Reads and forgets what a client still sends after its answer was written, so that the answer is not lost to a
 * reset (RFC 9112 §9.6). Ends when the request is whole, the client leaves, or a bound is reached.
 */
export async function linger(req: IncomingMessage): Promise<void> {
  if (req.complete || req.destroyed) return;
  await new Promise<void>((resolve) => {
    let dropped = 0;
    const timer = setTimeout(resolve, LINGER_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    req.on('data', (chunk: Uint8Array) => {
      dropped += chunk.length;
      if (dropped > LINGER_BYTES) done();
    });
    req.once('end', done);
    req.once('close', done);
    req.once('error', done);
    req.resume();
  });
  req.pause();
}
