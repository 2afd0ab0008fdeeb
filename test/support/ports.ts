/** Loopback ports that nobody uses at this moment, for programs that cannot choose one by themselves. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

/**
 * Below the ports that a system gives to whoever connects somewhere (from 32,768 on Linux, from 49,152 on macOS): a
 * port from there may be a client's own by the time a program binds it, or comes back to it after a restart.
 */
const FIRST = 20_000;
const PAST = 32_768;

export async function freePorts(count: number): Promise<number[]> {
  const servers = new Map<number, Server>();
  while (servers.size < count) {
    const port = randomInt(FIRST, PAST);
    const server = createServer();
    const bound = await new Promise<boolean>((resolve) => {
      server.once('listening', () => resolve(true)).once('error', () => resolve(false));
      server.listen(port, '127.0.0.1');
    });
    if (bound) servers.set(port, server);
  }
  for (const server of servers.values()) {
    server.close();
    await once(server, 'close');
  }
  return [...servers.keys()];
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  if (port === undefined) throw new Error('no port');
  return port;
}

/** Whether something listens there. */
export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
