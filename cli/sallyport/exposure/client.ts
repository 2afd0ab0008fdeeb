/** One request at a time, as it is written: nothing is followed, repeated or believed, and everything is bounded. */
import { request as askPlain, type IncomingHttpHeaders, Agent as PlainAgent } from 'node:http';
import { Agent, request as askSecure } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** At most {@link MOST_BYTES} of it. */
  readonly body: string;
}

/** Why there is no answer: a code of the system, `TIMEOUT`, or `CLOSED` for a connection that was ended. */
export interface Silence {
  readonly silence: string;
}

export interface ClientOptions {
  readonly base: URL;
  /** For the whole of one request, in milliseconds. */
  readonly timeoutMs: number;
  readonly connections: number;
  /** PEM; absent: the authorities that Node trusts. */
  readonly ca?: string;
  /** Whether certificates that do not verify are taken all the same. */
  readonly untrusted: boolean;
}

export interface Client {
  ask(method: string, target: string, headers: Readonly<Record<string, string>>): Promise<Answer | Silence>;
  close(): void;
}

/** A body that is no JSON, where one is required: an empty one would be taken for a wrong password. */
const BROKEN = '[';
const MOST_BYTES = 64 * 1024;

/** The address of a URL's host: an IPv6 one stands in brackets there, and nowhere else. */
export const hostnameOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');

/** A client for one origin. */
export function openClient({ base, timeoutMs, connections, ca, untrusted }: ClientOptions): Client {
  const secure = base.protocol === 'https:';
  const keep = { keepAlive: true, maxSockets: connections };
  const agent = secure
    ? new Agent({ ...keep, rejectUnauthorized: !untrusted, ...(ca !== undefined && { ca }) })
    : new PlainAgent(keep);
  const ask: Client['ask'] = (method, target, headers) =>
    new Promise((resolve) => {
      // Connecting, handshake, head and body: one bound for all of it.
      const signal = AbortSignal.timeout(timeoutMs);
      const silence = (error: unknown) => {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'CLOSED';
        resolve({ silence: signal.aborted ? 'TIMEOUT' : code === 'ECONNRESET' ? 'CLOSED' : code });
      };
      const bodied = method === 'POST' || method === 'PUT' || method === 'PATCH';
      const asking = (secure ? askSecure : askPlain)(
        {
          host: hostnameOf(base),
          port: base.port || (secure ? 443 : 80),
          path: target,
          method,
          agent,
          signal,
          headers: {
            host: base.host,
            ...(bodied && { 'content-type': 'application/json', 'content-length': BROKEN.length }),
            ...headers,
          },
        },
        (answer) => {
          const pieces: Uint8Array[] = [];
          let bytes = 0;
          const done = () =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              body: Buffer.concat(pieces).subarray(0, MOST_BYTES).toString(),
            });
          answer.on('data', (piece: Uint8Array) => {
            pieces.push(piece);
            bytes += piece.length;
            if (bytes < MOST_BYTES) return;
            done();
            answer.destroy();
          });
          answer.once('end', done);
          answer.once('error', silence);
        },
      );
      asking.once('error', silence);
      asking.end(bodied ? BROKEN : undefined);
    });
  return { ask, close: () => agent.destroy() };
}
