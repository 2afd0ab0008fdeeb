/** A way to a libSQL server on which requests are counted, and answers get lost. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface DatabaseProxy {
  readonly url: string;
  /** How many requests it carried. */
  requests: number;
  /** How many of the next answers it drops, with the connection. */
  loseAnswers: number;
  /** Whether it takes requests and says nothing: to those that come, and to those that are under way. */
  swallow: boolean;
  /** Resolves once a request was swallowed, from now on. */
  swallowed(): Promise<void>;
  /** Ends every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** What each request begins with. */
const START = Buffer.from('POST ');

/** A proxy on the way to `port`. */
export async function startDatabaseProxy(port: number): Promise<DatabaseProxy> {
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    const upstream = keep(connect(port, '127.0.0.1'));
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    let lose = false;
    let silent = false;
    client.on('data', (bytes: Buffer) => {
      // Clients send a request when they have had the last answer, so that each begins a piece of its own.
      if (bytes.subarray(0, START.length).equals(START)) {
        proxy.requests += 1;
        lose = proxy.loseAnswers > 0;
        if (lose) proxy.loseAnswers -= 1;
        silent ||= proxy.swallow;
        if (silent) for (const wake of waiting) wake();
      }
      if (!silent) upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      // The first bytes of an answer mean that the server has done the work.
      if (lose) client.destroy();
      else if (proxy.swallow) silent = true;
      else if (!silent) client.write(bytes);
    });
    upstream.on('close', () => {
      if (!silent) client.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: DatabaseProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: 0,
    loseAnswers: 0,
    swallow: false,
    swallowed() {
      return new Promise((resolve) => {
        const wake = () => {
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
      });
    },
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      proxy.cut();
      await closed;
    },
  };
  return proxy;
}
