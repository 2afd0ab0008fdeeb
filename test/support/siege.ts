/** Clients that mean no good, many at a time and from many addresses of the loopback network (Linux has all of 127/8). */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export type Siege = 'idle' | 'slow heads' | 'slow bodies' | 'slow readers';

export interface Besiegers {
  /** How many of them are connected. */
  readonly here: number;
  /** Resolves when the server has got rid of all of them. */
  readonly gone: Promise<unknown>;
  leave(): void;
}

export interface SiegePlan {
  /** Of the door, `http://127.0.0.1:port`. */
  readonly url: string;
  readonly count: number;
  /** How many share an address. */
  readonly fromEach: number;
  /** What slow readers ask for: something larger than what sockets hold. */
  readonly path?: string;
  /** Milliseconds between two bytes of those who send slowly. */
  readonly pauseMs?: number;
}

const OPENING: Readonly<Record<Siege, (path: string) => string>> = {
  idle: () => '',
  'slow heads': () => 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ',
  'slow bodies': () => 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\na',
  'slow readers': (path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
};

/** The address of besieger number `at`, never one that honest clients use (127.0.0.x). */
const addressOf = (at: number) => `127.${1 + (at >> 16)}.${(at >> 8) & 255}.${1 + (at & 253)}`;

/** Connects them, a hundred at a time, and lets them begin. */
export async function besiege(siege: Siege, plan: SiegePlan): Promise<Besiegers> {
  const { url, count, fromEach, path = '/', pauseMs = 250 } = plan;
  const { hostname: host, port } = new URL(url);
  const sockets = new Set<Socket>();
  const ends: Promise<unknown>[] = [];
  const one = async (at: number) => {
    const localAddress = addressOf(Math.floor(at / fromEach));
    const socket = connect({ host, port: Number(port), localAddress });
    socket.on('error', () => {});
    ends.push(new Promise((resolve) => socket.once('close', resolve)));
    socket.once('close', () => sockets.delete(socket));
    await Promise.race([once(socket, 'connect').catch(() => {}), ends.at(-1)]);
    if (socket.destroyed) return;
    sockets.add(socket);
    socket.write(OPENING[siege](path));
    if (siege === 'slow readers') {
      // Reads one piece and then no more. The end of the connection is only seen by whoever reads on.
      socket.once('data', () => socket.pause());
    } else {
      socket.resume();
      socket.on('end', () => socket.destroy());
    }
    if (siege === 'slow heads' || siege === 'slow bodies') {
      const drip = setInterval(() => socket.write('a'), pauseMs);
      socket.once('close', () => clearInterval(drip));
    }
  };
  for (let at = 0; at < count; at += 100)
    await Promise.all(Array.from({ length: Math.min(100, count - at) }, (_, next) => one(at + next)));
  return {
    get here() {
      return sockets.size;
    },
    gone: Promise.all(ends),
    leave() {
      for (const socket of [...sockets]) socket.destroy();
    },
  };
}
