/** A TCP proxy that keeps every byte of both directions, and cuts connections where a test says so. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What to do with one connection. */
export interface Cut {
  /** Cut after this many bytes from the client. */
  readonly afterSent?: number;
  /** Cut when the server answers, after this many bytes of it. */
  readonly afterAnswered?: number;
}

export interface Wire {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** All that passed so far, both ways. */
  captured(): Buffer;
  /** How many connections there were. */
  connections(): number;
  close(): Promise<void>;
}

/** @param plan chooses by the number of a connection, from 1 */
export async function openWire(target: string, plan: (number: number) => Cut = () => ({})): Promise<Wire> {
  const { hostname, port } = new URL(target);
  const pieces: Buffer[] = [];
  const open = new Set<Socket>();
  let count = 0;
  const server = createServer((client) => {
    count += 1;
    const cut = plan(count);
    const upstream = connect(Number(port), hostname);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    let sent = 0;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        open.delete(socket);
        end();
      });
    }
    client.on('data', (piece: Buffer) => {
      pieces.push(piece);
      sent += piece.length;
      upstream.write(piece);
      if (cut.afterSent !== undefined && sent >= cut.afterSent) end();
    });
    upstream.on('data', (piece: Buffer) => {
      pieces.push(piece);
      if (cut.afterAnswered === undefined) client.write(piece);
      else client.write(piece.subarray(0, cut.afterAnswered), end);
    });
    upstream.on('end', () => client.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    captured: () => Buffer.concat(pieces),
    connections: () => count,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
