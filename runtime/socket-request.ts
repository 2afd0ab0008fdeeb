/**
 * The `Request` of a socket. The adapter makes it (`fetchAPI.Request`) in place of its own, whose streams, signals
 * and header maps are made for every request, read or not, and are most of what a small request costs. Here each of
 * them is made when somebody asks for it; what handlers ask for on every request (method, URL, single headers, the
 * body's pieces) needs none.
 */
import type { IncomingMessage } from 'node:http';
import { PIECES, type Pieces } from '../src/handlers/kit/body.ts';
import { type Exchange, SocketBody, streamOf } from './request-body.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** The headers of a message: names as in lower case, as Node keeps them. They cannot be changed. */
export class SocketHeaders implements Iterable<[string, string]> {
  readonly exchange: Exchange;
  readonly #lines: IncomingMessage['headers'];
  #all: Headers | undefined;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
    this.#lines = exchange.req.headers;
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    const value = Object.hasOwn(this.#lines, key) ? this.#lines[key] : undefined;
    if (value === undefined) return null;
    return typeof value === 'string' ? value : value.join(', ');
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  /** The runtime's own `Headers` of the same lines. */
  all(): Headers {
    if (this.#all === undefined) {
      this.#all = new Headers();
      for (const [name, value = []] of Object.entries(this.#lines))
        for (const line of typeof value === 'string' ? [value] : value) this.#all.append(name, line);
    }
    return this.#all;
  }

  getSetCookie(): string[] {
    return this.all().getSetCookie();
  }

  forEach(...args: Parameters<Headers['forEach']>): void {
    this.all().forEach(...args);
  }

  entries(): ReturnType<Headers['entries']> {
    return this.all().entries();
  }

  keys(): ReturnType<Headers['keys']> {
    return this.all().keys();
  }

  values(): ReturnType<Headers['values']> {
    return this.all().values();
  }

  [Symbol.iterator](): ReturnType<Headers['entries']> {
    return this.all().entries();
  }
}

/** As the adapter constructs it: an absolute URL, and `headers` that are {@link SocketHeaders}. */
export class SocketRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: SocketHeaders;
  #pieces: SocketBody | undefined;
  #body: ReadableStream<Bytes> | undefined;
  #signal: AbortSignal | undefined;
  #whole: Request | undefined;

  constructor(url: string, init: { readonly method: string; readonly headers: SocketHeaders }) {
    this.url = url;
    this.method = init.method;
    this.headers = init.headers;
  }

  /** The body without a stream around it. Whoever reads this way reads no other way. */
  [PIECES](): Pieces | undefined {
    if (this.method === 'GET' || this.method === 'HEAD') return undefined;
    this.#pieces ??= new SocketBody(this.headers.exchange);
    return this.#pieces;
  }

  get body(): ReadableStream<Bytes> | null {
    const pieces = this[PIECES]();
    if (pieces === undefined) return null;
    this.#body ??= streamOf(pieces);
    return this.#body;
  }

  /** Aborted when the connection ends before the answer was sent. */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const { res } = this.headers.exchange;
      const controller = new AbortController();
      const left = () => {
        if (!res.writableFinished) controller.abort();
      };
      if (res.closed) left();
      else res.once('close', left);
      this.#signal = controller.signal;
    }
    return this.#signal;
  }

  get bodyUsed(): boolean {
    return this.#whole?.bodyUsed ?? this.#pieces?.begun ?? false;
  }

  /** The runtime's own `Request` of the same content, for what is seldom asked for. */
  #own(): Request {
    const { url, method, signal, body } = this;
    const init = { method, headers: this.headers.all(), signal };
    this.#whole ??= new Request(
      url,
      body === null ? init : ({ ...init, body, duplex: 'half' } as RequestInit),
    );
    return this.#whole;
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#own().arrayBuffer();
  }

  text(): Promise<string> {
    return this.#own().text();
  }

  json(): Promise<unknown> {
    return this.#own().json();
  }

  formData(): Promise<FormData> {
    return this.#own().formData();
  }

  clone(): Request {
    return this.#own().clone();
  }
}
