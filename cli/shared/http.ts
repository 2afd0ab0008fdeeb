/** One HTTP request over one connection of its own: streamed both ways, at the pace of the slower side. */

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { openSocket, type Route } from './connection.ts';
import { errorCode, Failure } from './failure.ts';

export interface Sending {
  readonly method: string;
  readonly url: URL;
  /** By lower-case names; they win over what is set here, `user-agent` and `content-type` among it. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: {
    /**
     * Yields what to send; a piece must stay as it is until the next one is asked for. It is left where it stands
     * when the server answers before the end.
     */
    readonly pieces: AsyncIterator<Uint8Array>;
    /** Exact, or unknown: then it goes chunked. */
    readonly length: number | undefined;
  };
}

export interface Answer {
  readonly status: number;
  /** A header's value by its lower-case name. */
  header(name: string): string | undefined;
  /** The body. Throws a network failure when it ends before its announced length. Read it once, or `close`. */
  readonly body: AsyncIterable<Uint8Array>;
  close(): void;
}

/** A side that shows no sign of life for this long is gone. Waiting for our own input does not count. */
const SILENCE_MS = 120_000;
const AGENT = 'fpaste';

/**
 * Sends and resolves with the head of the answer, which may come while the body is still on its way: then no
 * more of it is sent. Rejects with a network failure, or with whatever `body.pieces` throws.
 */
export async function send(sending: Sending, route: Route): Promise<Answer> {
  const { method, url, headers, body } = sending;
  const socket = await openSocket(url, route);
  const request = httpRequest({
    method,
    host: url.hostname,
    path: url.pathname + url.search,
    headers: {
      host: url.host,
      'user-agent': AGENT,
      connection: 'close',
      ...(body === undefined ? {} : bodyHeaders(body.length)),
      ...headers,
    },
    createConnection: () => socket,
  });
  // Reported through the promises below, or too late to matter.
  request.on('error', () => undefined);
  const answered = answerOf(request, socket);
  answered.catch(() => undefined);
  socket.setTimeout(SILENCE_MS, () =>
    request.destroy(Object.assign(new Error('silence'), { code: 'ETIMEDOUT' })),
  );
  try {
    if (body === undefined) request.end();
    else await pump(request, socket, body.pieces, answered);
    return await answered;
  } catch (error) {
    request.destroy();
    throw error;
  }
}

function bodyHeaders(length: number | undefined): Record<string, string> {
  return {
    // The server detects the type by itself; this only keeps bytes that look like JSON from being read as JSON.
    'content-type': 'application/octet-stream',
    ...(length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(length) }),
  };
}

/** Sends the body until it ends or an answer, or its absence, is certain. */
async function pump(
  request: ClientRequest,
  socket: Socket,
  pieces: AsyncIterator<Uint8Array>,
  answered: Promise<unknown>,
): Promise<void> {
  let over = false;
  let wake = (): void => undefined;
  const end = (): void => {
    over = true;
    wake();
  };
  answered.then(end, end);
  // Not Promise.race: each race would leave its piece hanging on the one promise that lives to the end.
  const unlessOver = <T>(promise: Promise<T>): Promise<T | undefined> =>
    new Promise((done, fail) => {
      wake = () => done(undefined);
      promise.then(done, fail);
    });
  while (!over) {
    // The server waits for us here, however long our own source takes.
    socket.setTimeout(0);
    const piece = await unlessOver(pieces.next());
    socket.setTimeout(SILENCE_MS);
    // An answer that is there already must be read first: a write into a connection that the server has closed
    // after it would fail, and take the answer with it.
    await unlessOver(readsFirst());
    if (piece === undefined || over) return;
    if (piece.done === true) {
      request.end();
      return;
    }
    // A write that fails is reported by the answer, or by its absence.
    if (piece.value.length > 0 && (await unlessOver(written(request, piece.value))) !== true) return;
  }
}

/** Resolves after the runtime has looked at what can be read. */
function readsFirst(): Promise<void> {
  return new Promise((done) => {
    setImmediate(() => setImmediate(done));
  });
}

/** Resolves with true when the system has taken the piece, so that its memory may be used again. */
function written(request: ClientRequest, piece: Uint8Array): Promise<boolean> {
  return new Promise((done) => {
    request.write(piece, (error) => done(!error));
  });
}

function answerOf(request: ClientRequest, socket: Socket): Promise<Answer> {
  return new Promise((done, fail) => {
    request.once('response', (message: IncomingMessage) => done(answer(message, request, socket)));
    request.once('error', (error) => fail(broken(errorCode(error))));
    socket.once('close', () => {
      // Runtimes differ in whether the request itself reports this; a second report changes nothing.
      setImmediate(() => fail(broken('ECONNRESET')));
    });
  });
}

function answer(message: IncomingMessage, request: ClientRequest, socket: Socket): Answer {
  const header = (name: string): string | undefined => {
    const value = message.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  return {
    status: message.statusCode ?? 0,
    header,
    body: wholeBody(message, socket, header('content-length')),
    close: () => request.destroy(),
  };
}

async function* wholeBody(
  message: IncomingMessage,
  socket: Socket,
  announced: string | undefined,
): AsyncGenerator<Uint8Array> {
  let received = 0;
  try {
    for await (const piece of message) {
      const bytes = piece as Uint8Array;
      received += bytes.length;
      // However long our reader takes, the server is not silent.
      socket.setTimeout(0);
      yield bytes;
      socket.setTimeout(SILENCE_MS);
    }
  } catch (error) {
    throw error instanceof Failure ? error : broken(errorCode(error));
  }
  const missing = announced !== undefined && received !== Number(announced);
  if (missing || !message.complete) throw broken('ended early');
}

function broken(code: string): Failure {
  return new Failure(
    'network',
    'connection_broken',
    `The connection broke before the transfer was complete (${code}). Try again.`,
    true,
  );
}
