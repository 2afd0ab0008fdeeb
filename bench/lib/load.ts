/**
 * A client that costs little: requests are bytes that were made beforehand, answers are counted and dropped. What is
 * measured on one machine is then the server, as far as that can be.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A whole HTTP/1.1 request, in pieces: its head, and its body if it has one. */
export type Wire = readonly Uint8Array[];

export interface Answered {
  readonly status: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** Milliseconds from the first byte sent to the last one read. */
  readonly ms: number;
}

/** A request line with headers. `Host` and the length of the body are added. */
export function wire(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: Uint8Array,
): Wire {
  const lines = Object.entries({
    host: 'bench.test',
    ...headers,
    ...(body && { 'content-length': String(body.length) }),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  if (body === undefined) return [head];
  // One write for what is small, and no copy of what is large.
  return body.length < 256 * 1024 ? [Buffer.concat([head, body])] : [head, body];
}

/** Bytes of an answer's head, at most: bodies are never turned into text. */
const MOST_HEAD = 16 * 1024;

/** Reads answers of one connection: by `Content-Length`, in chunks, or up to the connection's end (RFC 9112, 6.3). */
class Answers {
  #head = '';
  #state: 'head' | 'length' | 'size' | 'data' | 'trailer' | 'rest' = 'head';
  #left = 0;
  #status = 0;
  #bytes = 0;
  /** The server has said that it closes after this answer. */
  closing = false;

  /** Takes bytes; answers once the last byte of an answer is among them. */
  take(data: Buffer): { readonly status: number; readonly bytes: number } | undefined {
    let at = 0;
    for (;;) {
      if (this.#state === 'rest') {
        this.#bytes += data.length - at;
        return undefined;
      }
      if (this.#state === 'length' || this.#state === 'data') {
        const took = Math.min(this.#left, data.length - at);
        at += took;
        this.#left -= took;
        if (this.#left > 0) return undefined;
        if (this.#state === 'length') return this.#ended();
        this.#state = 'size';
      }
      const end = this.#line(data, at);
      if (end === undefined) return undefined;
      at = end;
      const text = this.#head;
      this.#head = '';
      if (this.#state === 'head') this.#begin(text);
      else if (this.#state === 'trailer') return this.#ended();
      else if (text.trim() !== '') {
        const size = Number.parseInt(text, 16);
        this.#bytes += size;
        this.#left = size;
        this.#state = size === 0 ? 'trailer' : 'data';
      }
    }
  }

  /** The answer that the connection's end completes, if one does. */
  closed() {
    return this.#state === 'rest' ? this.#ended() : undefined;
  }

  /** Collects up to the end of a line, or of a head. @returns where it ends; undefined while it has not */
  #line(data: Buffer, at: number): number | undefined {
    const mark = this.#state === 'head' ? '\r\n\r\n' : '\r\n';
    const before = this.#head.length;
    this.#head += data.toString('latin1', at, at + MOST_HEAD);
    const found = this.#head.indexOf(mark);
    if (found < 0 && this.#head.length >= MOST_HEAD) throw new Error('the answer has no end to its head');
    if (found < 0) return undefined;
    this.#head = this.#head.slice(0, found + mark.length);
    return at + this.#head.length - before;
  }

  #begin(head: string): void {
    this.#status = Number(head.slice(9, 12));
    const length = /^content-length: *(\d+)/im.exec(head)?.[1];
    this.#bytes = Number(length ?? 0);
    this.#left = this.#bytes;
    this.closing = /^connection: *close/im.test(head);
    if (length !== undefined) this.#state = 'length';
    else if (/^transfer-encoding: *chunked/im.test(head)) this.#state = 'size';
    else this.#state = this.closing ? 'rest' : 'length';
  }

  #ended() {
    this.#state = 'head';
    return { status: this.#status, bytes: this.#bytes };
  }
}

async function opened(url: string, from?: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const own = from === undefined ? {} : { localAddress: from };
  const socket = connect({ host, port: Number(port), noDelay: true, ...own });
  await once(socket, 'connect');
  // Between two exchanges nobody listens; the next one finds it closed.
  socket.on('error', () => {});
  return socket;
}

function exchange(socket: Socket, answers: Answers, request: Wire): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const settle = (act: () => void) => {
      socket.off('data', onData);
      socket.off('error', onError);
      socket.off('close', onClose);
      act();
    };
    const onError = (error: Error) => settle(() => reject(error));
    const onClose = () =>
      settle(() => {
        const answer = answers.closed();
        if (answer === undefined) reject(new Error('the server closed the connection'));
        else resolve({ ...answer, ms: performance.now() - began });
      });
    const onData = (data: Buffer) => {
      const answer = answers.take(data);
      if (answer !== undefined) settle(() => resolve({ ...answer, ms: performance.now() - began }));
    };
    socket.on('data', onData).on('error', onError).on('close', onClose);
    for (const piece of request) socket.write(piece);
  });
}

export interface Measured {
  /** Exchanges a second. */
  readonly rate: number;
  /** Milliseconds of each exchange, sorted. */
  readonly times: readonly number[];
}

/** What every answer must be, or the run ends. */
export interface Expected {
  /** Any, unless given. */
  readonly status?: number;
  /** Bytes of the body, at least. */
  readonly least?: number;
}

/** One connection that is kept, and opened anew where the server closes it. */
export class Client implements Disposable {
  readonly #url: string;
  readonly #from: string | undefined;
  #socket: Socket | undefined;
  #answers = new Answers();

  /** @param from the address of this side; the system's choice unless given */
  constructor(url: string, from?: string) {
    this.#url = url;
    this.#from = from;
  }

  async open(): Promise<this> {
    this.#socket ??= await opened(this.#url, this.#from);
    return this;
  }

  /** @throws Error when the answer is another one, or none */
  async ask(request: Wire, { status, least = 0 }: Expected): Promise<Answered> {
    const { closing } = this.#answers;
    if (closing || this.#socket === undefined) {
      this.#socket?.destroy();
      this.#socket = await opened(this.#url, this.#from);
      this.#answers = new Answers();
    }
    const answer = await exchange(this.#socket, this.#answers, request);
    if (status !== undefined && answer.status !== status)
      throw new Error(`answered ${answer.status}, not ${status}`);
    if (answer.bytes < least) throw new Error(`answered ${answer.bytes} bytes, not ${least} or more`);
    return answer;
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
  }
}

/**
 * Sends requests over so many kept connections, each one's next as soon as its last was answered.
 * @throws Error when an answer has another status, or a shorter body
 */
export async function load(
  url: string,
  requests: Iterable<Wire>,
  { connections, ...expected }: Expected & { readonly connections: number },
): Promise<Measured> {
  const clients = await Promise.all(Array.from({ length: connections }, () => new Client(url).open()));
  const times: number[] = [];
  const next = requests[Symbol.iterator]();
  const began = performance.now();
  try {
    await Promise.all(
      clients.map(async (client) => {
        for (let one = next.next(); one.done !== true; one = next.next())
          times.push((await client.ask(one.value, expected)).ms);
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    return { rate: times.length / seconds, times: times.sort((a, b) => a - b) };
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}
