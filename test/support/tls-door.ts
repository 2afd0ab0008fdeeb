/** A door behind TLS, as the suites for handlers take one. */
import { request as ask } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Handler } from '../../src/handlers/kit/serve.ts';

export interface TlsPlace extends SecureContextOptions {
  readonly port: number;
  /** The name in the handshake and, unless a request has its own, in `Host`. */
  readonly serverName: string;
}

/** Sends every request there, over a connection of its own. */
export function tlsDoor({ port, serverName, ...tls }: TlsPlace): Handler {
  return async (request) => {
    const { pathname, search } = new URL(request.url);
    const body = new Uint8Array(await request.arrayBuffer());
    const headers = { host: serverName, ...Object.fromEntries(request.headers) };
    return new Promise((resolve, reject) => {
      const asking = ask(
        {
          host: '127.0.0.1',
          port,
          servername: serverName,
          path: `${pathname}${search}`,
          method: request.method,
          headers: body.length > 0 ? { ...headers, 'content-length': body.length } : headers,
          agent: false,
          ...tls,
        },
        (answer) => {
          const pieces: Uint8Array[] = [];
          answer.on('data', (piece: Uint8Array) => pieces.push(piece));
          answer.on('error', reject);
          answer.on('end', () => {
            const status = answer.statusCode ?? 0;
            const bare = request.method === 'HEAD' || status === 204 || status === 304;
            const sent = Object.entries(answer.headers).map(([name, value]): [string, string] => [
              name,
              String(value),
            ]);
            resolve(new Response(bare ? null : Buffer.concat(pieces), { status, headers: sent }));
          });
        },
      );
      asking.on('error', reject);
      asking.end(body);
    });
  };
}
