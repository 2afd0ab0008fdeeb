/**
 * Writes a fetch `Response` to a socket: at the reader's pace, with an exact Content-Length, and so that a body that
 * breaks off can never be mistaken for a whole one.
 */
import type { ServerResponse } from 'node:http';
import { ON_BUN } from './on-bun.ts';
import { PlainResponse } from './plain-response.ts';

export interface SendOptions {
  /** The request was a HEAD: headers only. */
  readonly head: boolean;
  /** The connection cannot be used again after this answer. */
  readonly close: boolean;
  /** Waits until the client may have read the answer, before the connection ends. */
  readonly linger: () => Promise<void>;
}

/**
 * Sends the answer and resolves when it was handed to the system, or when the client left.
 *
 * A body that fails, or that yields another number of bytes than its Content-Length, destroys the connection.
 * A client that leaves cancels the body.
 */
export async function sendResponse(
  response: Response,
  res: ServerResponse,
  options: SendOptions,
): Promise<void> {
  const { status } = response;
  const { content, headers: given, announced, own } = partsOf(response);
  if (res.destroyed || res.closed) {
    if (content instanceof ReadableStream) content.cancel().catch(() => {});
    return;
  }
  const headers = options.close ? { ...given, connection: 'close' } : given;

  const never = options.head || status === 204 || status === 304;
  const streams = content instanceof ReadableStream;
  if (never || !streams) {
    const bytes = never || streams ? null : content;
    if (streams) content.cancel().catch(() => {});
    if (bytes !== null && announced !== undefined && announced !== bytes.length) {
      cut(res);
      return;
    }
    const said = never || announced !== undefined;
    res.writeHead(status, said ? headers : { ...headers, 'content-length': String(bytes?.length ?? 0) });
    if (options.close) {
      if (bytes === null) res.flushHeaders();
      else res.write(bytes);
      await options.linger();
      res.end();
    } else endWith(res, bytes, own);
    return;
  }
  await sendStream(content, res, options, { status, headers, announced });
}

/**
 * By their names in lower case. An object and no list: Bun looks for each name in what was set before where it gets a
 * list, and checks each value twice.
 */
type Headings = Readonly<Record<string, string | string[]>>;

interface Parts {
  readonly content: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly headers: Headings;
  readonly announced: number | undefined;
  /** Nobody else holds the bytes. */
  readonly own: boolean;
}

function partsOf(response: Response | PlainResponse): Parts {
  if (response instanceof PlainResponse) {
    const { init, content } = response;
    const announced = lengthIn(init.headers['content-length']);
    return { content, headers: init.headers, announced, own: init.own === true };
  }
  const headers: Record<string, string | string[]> = Object.fromEntries(response.headers);
  if ('set-cookie' in headers) headers['set-cookie'] = response.headers.getSetCookie();
  const announced = lengthIn(response.headers.get('content-length') ?? undefined);
  return { content: response.body, headers, announced, own: false };
}

const lengthIn = (header: string | undefined) => (header === undefined ? undefined : Number(header));

/** Answers up to this size go out together with their head, in one piece of memory. */
const ONE_PIECE_BYTES = 16 * 1024;

/** Sends the last bytes of an answer and ends it. */
function endWith(res: ServerResponse, bytes: Uint8Array<ArrayBuffer> | null, own: boolean): void {
  if (bytes === null || bytes.length === 0) res.end();
  else if (!ON_BUN && bytes.length <= ONE_PIECE_BYTES) {
    // As text of one byte a character: Node puts it behind the head and makes one write of both. Bun does so anyway.
    res.end(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'), 'latin1');
  } else if (own && bytes.length >= GIVE_BACK_FROM_BYTES) res.end(bytes, () => giveBack(bytes));
  else res.end(bytes);
}

async function sendStream(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  res: ServerResponse,
  options: SendOptions,
  { status, headers: given, announced: stated }: Omit<Parts, 'content' | 'own'> & { readonly status: number },
): Promise<void> {
  let announced = stated;
  let headers = given;
  const reader = body.getReader();
  const leave = () => {
    reader.cancel().catch(() => {});
  };
  res.once('close', leave);
  try {
    const piece = await reader.read();
    if (announced === undefined) {
      // A body made of one piece (a text, a JSON document) goes out with its length, in one write.
      const after = piece.done ? piece : await reader.read();
      if (after.done) {
        announced = piece.done ? 0 : piece.value.length;
        headers = { ...headers, 'content-length': String(announced) };
      }
      res.writeHead(status, headers);
      if (!piece.done) await write(res, piece.value);
      await copy(reader, after, res, announced, piece.done ? 0 : piece.value.length);
    } else {
      res.writeHead(status, headers);
      await copy(reader, piece, res, announced, 0);
    }
    await options.linger();
    res.end();
  } catch {
    // What failed is the handler's to log; here it only must not look like an end.
    cut(res);
    leave();
  } finally {
    res.off('close', leave);
  }
}

type Piece = ReadableStreamReadResult<Uint8Array>;

/** Writes this piece and all that follow. @throws RangeError when they are not `announced` bytes in all */
async function copy(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  first: Piece,
  res: ServerResponse,
  announced: number | undefined,
  written: number,
): Promise<void> {
  let total = written;
  for (let piece = first; !piece.done; piece = await reader.read()) {
    total += piece.value.length;
    if (announced !== undefined && total > announced) throw new RangeError('more bytes than announced');
    // What follows a first piece was read for this answer alone.
    await write(res, piece.value, piece !== first);
  }
  if (announced !== undefined && total < announced) throw new RangeError('fewer bytes than announced');
}

/** Pieces of at least this size are given back as soon as they were sent, instead of waiting to be collected. */
const GIVE_BACK_FROM_BYTES = 64 * 1024;

/** Frees the memory behind bytes that nobody will look at again, where they are all of it. */
function giveBack({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/**
 * Hands bytes to the socket and waits while it is full.
 * @param own nobody else holds these bytes
 * @throws Error when the client left
 */
async function write(res: ServerResponse, bytes: Uint8Array, own = false): Promise<void> {
  if (res.destroyed) throw new Error('the client left');
  if (bytes.length === 0) return;
  const sent = own && bytes.length >= GIVE_BACK_FROM_BYTES ? () => giveBack(bytes) : undefined;
  if (res.write(bytes, sent)) return;
  await new Promise<void>((resolve, reject) => {
    const drained = () => {
      res.off('close', gone);
      resolve();
    };
    const gone = () => {
      res.off('drain', drained);
      reject(new Error('the client left'));
    };
    res.once('drain', drained);
    res.once('close', gone);
  });
}

/** Ends the connection under an answer. On Bun, destroying the response alone would send an empty 200. */
export function cut(res: ServerResponse): void {
  res.socket?.destroy();
  res.destroy();
}
