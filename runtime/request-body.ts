/**
 * The body of a request as a handler may read it, leave it half read or ignore it, without the connection paying
 * for it: giving up a body never destroys the socket, because the answer must still go out on it.
 *
 * It is read from the socket's message itself. A web stream, or an iterator, around each small body would cost more
 * than the body.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Fault } from '../src/core/faults.ts';
import type { Pieces } from '../src/handlers/kit/body.ts';
import { BodyTurns } from './body-turns.ts';

/** One request and what is known of it when it came. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean;
  /** When the whole request must have arrived (ms of `performance.now()`); Infinity for no limit. */
  readonly deadline: number;
}

const EVENTS = ['readable', 'end', 'close', 'error'] as const;

/** All bodies share the event loop, whichever door they come in by. */
const turns = new BodyTurns();

/**
 * The body in the pieces that the socket delivered, asking the socket for more only when the reader asks.
 *
 * A client that announced `Expect: 100-continue` is told to go on when the first piece is wanted, so a refusal that
 * needs no body is sent without one (RFC 9110 §10.1.1).
 */
export class SocketBody implements Pieces {
  readonly #exchange: Exchange;
  #asked = false;
  #left = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  take(): Uint8Array<ArrayBuffer> | undefined {
    const { req, res, expectsContinue } = this.#exchange;
    if (!this.#asked) {
      this.#asked = true;
      if (expectsContinue && !res.headersSent) res.writeContinue();
    }
    if (this.#left) return undefined;
    if (turns.late(req.readableLength)) return undefined;
    const piece = (req.read() as Uint8Array<ArrayBuffer> | null) ?? undefined;
    if (piece !== undefined) turns.took(piece.length);
    return piece;
  }

  /** @throws Fault `request_timeout` at the deadline; a DOMException `AbortError` when the client went away */
  more(): boolean | Promise<boolean> {
    const standing = this.#standing();
    if (standing === true && turns.late(this.#exchange.req.readableLength))
      return turns.turn().then(() => this.more());
    return standing ?? this.#wait();
  }

  leave(): void {
    this.#left = true;
  }

  /** Whether anything of it was asked for. */
  get begun(): boolean {
    return this.#asked;
  }

  /** Whether there is something to take, or false where there never will be; undefined: not yet. */
  #standing(): boolean | undefined {
    const { req } = this.#exchange;
    if (this.#left) return false;
    if (req.readableLength > 0) return true;
    if (req.complete) {
      // Lets the message end, which the connection's next request waits for.
      req.read();
      return false;
    }
    // A connection that broke after the last piece but before the end of the message is not a whole body.
    if (req.destroyed || req.readableEnded) throw new DOMException('the client went away', 'AbortError');
    return undefined;
  }

  #wait(): Promise<boolean> {
    const { req, deadline } = this.#exchange;
    return new Promise<boolean>((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const settle = (act: () => void) => {
        clearTimeout(timer);
        for (const event of EVENTS) req.off(event, look);
        act();
      };
      const look = () => {
        try {
          const standing = this.#standing();
          if (standing === undefined) req.read(0);
          else settle(() => resolve(standing));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      if (deadline !== Number.POSITIVE_INFINITY) {
        const expire = () => settle(() => reject(new Fault('request_timeout')));
        timer = setTimeout(expire, Math.max(0, deadline - performance.now()));
      }
      for (const event of EVENTS) req.on(event, look);
    });
  }
}

/** The same as a web stream, for who asks for one: a piece for each read, none ahead. */
export function streamOf(pieces: Pieces): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(
    {
      async pull(controller) {
        for (;;) {
          const piece = pieces.take();
          if (piece !== undefined) {
            controller.enqueue(piece);
            return;
          }
          if (!(await pieces.more())) {
            controller.close();
            return;
          }
        }
      },
      cancel: () => pieces.leave(),
    },
    { highWaterMark: 0 },
  );
}

/** What a client may still send after it was answered: at most these many bytes, for at most this long. */
export const LINGER_BYTES = 64 * 1024 * 1024;
export const LINGER_MS = 5_000;

/**
 * Reads and forgets what a client still sends after its answer was written, so that the answer is not lost to a
 * reset (RFC 9112 §9.6). Ends when the request is whole, the client leaves, or a bound is reached.
 */
export async function linger(req: IncomingMessage): Promise<void> {
  if (req.complete || req.destroyed) return;
  await new Promise<void>((resolve) => {
    let dropped = 0;
    let over = false;
    const done = () => {
      over = true;
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, LINGER_MS);
    const goOn = () => {
      if (!over) req.resume();
    };
    req.on('data', (chunk: Uint8Array) => {
      dropped += chunk.length;
      if (dropped > LINGER_BYTES) done();
      // What nobody wants waits for its turn: read as fast as it comes, it would hold up what others ask for.
      req.pause();
      setImmediate(goOn);
    });
    req.once('end', done);
    req.once('close', done);
    req.once('error', done);
    req.resume();
  });
  req.pause();
}
