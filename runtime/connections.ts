/** Which connections are busy, so that a shutdown closes the idle ones at once and waits for the others. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Admission } from './admission.ts';

export interface Connections {
  /** A connection was made. */
  opened(socket: Socket): void;
  /** A request began on it; it is busy until the response is closed. */
  began(socket: Socket, res: ServerResponse): void;
  /** The response under way on it, if any. */
  current(socket: object): ServerResponse | undefined;
  readonly draining: boolean;
  /** From now on each connection closes when its request is over, and answers say so. */
  drain(): void;
  /** Closes the connections that have had a request and wait for another. */
  closeIdle(): void;
  /** Closes those, too, whose first request has not come yet. */
  closeUnused(): void;
  /** Resolves when no request is in flight, and none is on its way over a connection that was just made. */
  finished(): Promise<void>;
  /** Ends every connection. @returns how many requests that cut */
  cut(): number;
}

/** @param places are told which connections wait */
export function trackConnections(places: Pick<Admission, 'working' | 'idle'>): Connections {
  const open = new Set<Socket>();
  /** Made, and not used yet: a client that has just been let in is about to ask. */
  const unused = new Set<Socket>();
  const busy = new Map<Socket, ServerResponse>();
  let draining = false;
  const watchers = new Set<() => void>();

  const over = (socket: Socket) => {
    busy.delete(socket);
    unused.delete(socket);
    if (busy.size + unused.size > 0) return;
    for (const done of watchers) done();
    watchers.clear();
  };
  const endIfIdle = (socket: Socket) => {
    if (draining && !busy.has(socket)) socket.destroySoon();
  };
  return {
    opened(socket) {
      open.add(socket);
      unused.add(socket);
      socket.once('close', () => {
        open.delete(socket);
        over(socket);
      });
    },
    began(socket, res) {
      unused.delete(socket);
      busy.set(socket, res);
      places.working(socket);
      res.once('close', () => {
        // A pipelined request may already have taken the connection over.
        if (busy.get(socket) === res) {
          over(socket);
          places.idle(socket);
        }
        endIfIdle(socket);
      });
    },
    current: (socket) => busy.get(socket as Socket),
    get draining() {
      return draining;
    },
    drain() {
      draining = true;
    },
    closeIdle() {
      for (const socket of open) if (!unused.has(socket)) endIfIdle(socket);
    },
    closeUnused() {
      for (const socket of [...unused]) socket.destroySoon();
    },
    async finished() {
      if (busy.size + unused.size > 0) await new Promise<void>((resolve) => watchers.add(resolve));
    },
    cut() {
      const requests = busy.size;
      for (const socket of [...busy.keys(), ...open]) socket.destroy();
      return requests;
    },
  };
}
