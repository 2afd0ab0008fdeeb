/**
 * A main door behind a socket. Plain `node:http`, so that a test decides on framing: fetch would hide early
 * answers, half-sent bodies and which connection was used.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Answer, type Call, checkMainAnswer, type Door } from './door.ts';

/** An answer, with what only a socket shows. */
export interface WireAnswer {
  readonly answer: Answer;
  /** The connection had been used before. */
  readonly reused: boolean;
  /** The server asked for the body (100 Continue). */
  readonly continued: boolean;
}

function headersOf(message: IncomingMessage): Headers {
  const headers = new Headers();
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    headers.append(message.rawHeaders[i] ?? '', message.rawHeaders[i + 1] ?? '');
  }
  return headers;
}

/** Writes pieces at the socket's pace until they end or the request is over. */
async function write(sent: ClientRequest, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  for await (const piece of pieces) {
    if (sent.destroyed) return;
    if (sent.write(piece)) continue;
    await new Promise<void>((resolve) => {
      const goOn = () => {
        sent.off('drain', goOn).off('close', goOn);
        resolve();
      };
      sent.on('drain', goOn).on('close', goOn);
    });
  }
  sent.end();
}

/** Sends a call and reads the whole answer, also one that comes before the body was sent. */
export function exchange(url: URL, agent: Agent, call: Call): Promise<WireAnswer> {
  const { method = 'GET', path, body } = call;
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(call.headers ?? {})) {
    headers[name] = typeof value === 'string' ? value : [...value];
  }
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  if (bytes instanceof Uint8Array) headers['content-length'] = String(bytes.length);
  else if (bytes !== undefined && 'announced' in bytes) headers['content-length'] = String(bytes.announced);
  else if (bytes !== undefined) headers['transfer-encoding'] = 'chunked';
  const sent = request({ host: url.hostname, port: url.port, agent, method, path, headers });
  let answered = false;
  let continued = false;
  sent.setTimeout(60_000, () => sent.destroy(new Error(`${method} ${path}: silence for a minute`)));
  // What a server does to a body that it refused is seen by its answer, which may be here already.
  sent.on('error', (error) => answered || reject(error));
  sent.on('response', (message) => {
    answered = true;
    const parts: Buffer[] = [];
    message.on('data', (part: Buffer) => parts.push(part));
    message.on('error', reject);
    message.on('end', () => {
      const whole = new Uint8Array(Buffer.concat(parts));
      const answer = new Answer(message.statusCode ?? 0, headersOf(message), whole);
      resolve({ answer, reused: sent.reusedSocket, continued });
      // The rest of a refused body is nobody's business any more.
      if (!sent.writableEnded) sent.destroy();
    });
  });
  if (headers.expect !== undefined) {
    sent.on('continue', () => {
      continued = true;
      if (bytes instanceof Uint8Array) sent.end(bytes);
    });
    sent.flushHeaders();
  } else if (bytes === undefined || bytes instanceof Uint8Array) sent.end(bytes);
  else if ('announced' in bytes) sent.flushHeaders();
  else write(sent, bytes.pieces).catch(reject);
  return promise;
}

/** The main door at an address. Closing it ends its connections. */
export function httpDoor(url: string, prefix: string, origin = url): Door & { close(): Promise<void> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const base = new URL(url);
  return {
    origin,
    prefix,
    async send(call) {
      const { answer } = await exchange(base, agent, call);
      checkMainAnswer(prefix, call, answer);
      return answer;
    },
    async close() {
      agent.destroy();
    },
  };
}
