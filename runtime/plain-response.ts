/**
 * The `Response` that the process at home answers with. It keeps what it was made of, so that an answer whose bytes
 * are in memory goes to the socket in one write, with no copy, no stream and no map of headers in between; the
 * runtime's own `Response` is made of it for who asks for anything else.
 */

type Bytes = Uint8Array<ArrayBuffer>;

export type Content = Bytes | ReadableStream<Bytes> | null;

export interface PlainInit {
  readonly status: number;
  /** Names in lower case, each once. */
  readonly headers: Readonly<Record<string, string>>;
  /** Nobody else holds the bytes: their memory may be freed once they were sent. */
  readonly own?: boolean;
}

export class PlainResponse {
  readonly content: Content;
  readonly init: PlainInit;
  #whole: Response | undefined;

  constructor(content: Content, init: PlainInit) {
    this.content = content;
    this.init = init;
  }

  get status(): number {
    return this.init.status;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  #own(): Response {
    this.#whole ??= new Response(this.content, this.init);
    return this.#whole;
  }

  get headers(): Headers {
    return this.#own().headers;
  }

  get body(): ReadableStream<Bytes> | null {
    return this.#own().body as ReadableStream<Bytes> | null;
  }

  get bodyUsed(): boolean {
    return this.#own().bodyUsed;
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
}
