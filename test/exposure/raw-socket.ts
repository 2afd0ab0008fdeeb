/** HTTP by hand: every byte of a request is the test's own, so that no client repairs what it sends. */
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One connection that asks one thing after the other, and is made anew when the server ends it. */
export class RawClient {
  readonly #port: number;
  readonly #host: string;
  readonly #tls: ConnectionOptions | undefined;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  #ended = true;
  #wake: () => void = () => {};

  /** @param over the name that requests are for, and TLS where the door ends it */
  constructor(url: string, over: { readonly host?: string; readonly tls?: ConnectionOptions } = {}) {
    this.#port = Number(new URL(url).port);
    this.#host = over.host ?? 'localhost';
    this.#tls = over.tls;
  }

  /**
   * Sends a request line with this target as it is (one byte a character), and reads the answer.
   * Undefined when the server closed the connection without one.
   */
  async ask(method: string, target: string, headers: readonly string[] = []): Promise<RawAnswer | undefined> {
    const lines = [`${method} ${target} HTTP/1.1`, `Host: ${this.#host}`, 'Content-Length: 0', ...headers];
    const socket = await this.#open();
    this.#received = Buffer.alloc(0);
    socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
    for (;;) {
      const answer = parse(this.#received, method);
      if (answer !== undefined) {
        if (answer.headers.connection === 'close') this.close();
        return answer;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#ended = true;
  }

  async #open(): Promise<Socket> {
    if (this.#socket !== undefined && !this.#ended) return this.#socket;
    const at = { host: '127.0.0.1', port: this.#port };
    const socket = this.#tls === undefined ? connect(at) : connectTls({ ...at, ...this.#tls });
    this.#socket = socket;
    this.#ended = false;
    const current = (then: () => void) => () => {
      if (this.#socket === socket) then();
    };
    socket.on('data', (bytes: Buffer) => {
      if (this.#socket !== socket) return;
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    const ended = current(() => {
      this.#ended = true;
      this.#wake();
    });
    socket.on('error', ended);
    socket.on('end', ended);
    socket.on('close', ended);
    await new Promise<void>((resolve, reject) => {
      socket.once(this.#tls === undefined ? 'connect' : 'secureConnect', resolve);
      socket.once('error', reject);
    });
    return socket;
  }
}

/** A whole answer with a Content-Length at the start of these bytes, or undefined while it is not whole. */
function parse(received: Buffer, method: string): RawAnswer | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const length = method === 'HEAD' ? 0 : Number(headers['content-length'] ?? Number.NaN);
  const body = received.subarray(end + 4);
  if (!(body.length >= length)) return undefined;
  return { status: Number(first.split(' ')[1]), headers, body: body.subarray(0, length).toString() };
}
