/**
 * Who may be connected to a door: so many at a time in all, and so many from one network. When a place is wanted, the
 * connection that has been idle for longest gives its own up; a newcomer is turned away only where all are at work.
 */
import type { Socket } from 'node:net';
import type { Log } from '../src/core/deps.ts';
import { peerNetwork } from '../src/core/limiter.ts';

export interface ConnectionBounds {
  /** At a time, over all addresses of the door. */
  readonly max: number;
  /** From one peer: an IPv4 address, or an IPv6 /64. 0: as many as there are places. */
  readonly perPeer: number;
  /** Whether an address may have as many as there are places: a proxy, behind which are many. */
  many(address: string): boolean;
}

export interface Admission {
  /** Counts a connection from its first moment to its end. Destroys it, or another one, when there is no place. */
  admit(socket: Socket): void;
  /** A request began on this connection; the socket may be the one inside TLS. */
  working(socket: Socket): void;
  /** It waits for another one. */
  idle(socket: Socket): void;
}

/** One line about connections that were ended, at most each so often. */
const TOLD_EVERY_MS = 60_000;

type Why = 'one_peer' | 'all_peers';

const WHAT_TO_DO: Readonly<Record<Why, string>> = {
  one_peer:
    'One address wants more connections than SAFE_…_MAX_CONNECTIONS_PER_PEER. If it is a proxy of yours, name it in ' +
    'SAFE_TRUSTED_PROXIES; else block it before it gets here.',
  all_peers:
    'All places of SAFE_…_MAX_CONNECTIONS are taken. If these are people, raise it and LimitNOFILE; if it is a siege, ' +
    'bound connections at the proxy.',
};

interface Place {
  readonly socket: Socket;
  readonly network: string;
  readonly ends: string;
}

interface Network {
  count: number;
  /** Longest idle first: a Set keeps the order of insertion. */
  readonly idle: Set<Place>;
}

/** Names a connection, also where TLS has put a socket of its own around it. */
const endsOf = ({ remoteAddress, remotePort, localAddress, localPort }: Socket) =>
  `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;

/** @param elapsed milliseconds of a clock that nobody sets */
export function admission(
  { max, perPeer, many }: ConnectionBounds,
  door: 'main' | 'admin',
  log: Log,
  elapsed: () => number,
): Admission {
  const taken = new Set<Place>();
  /**
   * The same by their ends. Not all of them: who has left before it was let in has none any more, and the ends of one
   * that is closing may be another's already.
   */
  const named = new Map<string, Place>();
  const networks = new Map<string, Network>();
  const idle = new Set<Place>();
  /** A socket that has ended does not know its ends any more. */
  const known = new WeakMap<Socket, string>();
  let ended = 0;
  let toldAt = Number.NEGATIVE_INFINITY;

  function end(socket: Socket, reason: Why): void {
    socket.destroy();
    ended += 1;
    if (elapsed() - toldAt < TOLD_EVERY_MS) return;
    toldAt = elapsed();
    log.write('warn', 'connections were ended for want of places', {
      listener: door,
      reason,
      connections: ended,
      what_to_do: WHAT_TO_DO[reason],
    });
    ended = 0;
  }

  function forget(place: Place): void {
    if (!taken.delete(place)) return;
    if (named.get(place.ends) === place) named.delete(place.ends);
    idle.delete(place);
    const network = networks.get(place.network);
    if (network === undefined) return;
    network.idle.delete(place);
    network.count -= 1;
    if (network.count === 0) networks.delete(place.network);
  }

  /** Frees a place among those that wait. @returns false where none does, and the newcomer was turned away */
  function makeRoom(waiting: ReadonlySet<Place>, newcomer: Socket, reason: Why): boolean {
    const [longest] = waiting;
    if (longest === undefined) {
      end(newcomer, reason);
      return false;
    }
    // Its place is free now, and not when it has closed.
    forget(longest);
    end(longest.socket, reason);
    return true;
  }

  function placeOf(socket: Socket): Place | undefined {
    const ends = known.get(socket) ?? endsOf(socket);
    known.set(socket, ends);
    return named.get(ends);
  }

  return {
    admit(socket) {
      const address = socket.remoteAddress ?? '';
      const network = peerNetwork(address);
      const before = networks.get(network);
      const bounded = perPeer > 0 && !many(address);
      if (bounded && before !== undefined && before.count >= perPeer)
        if (!makeRoom(before.idle, socket, 'one_peer')) return;
      if (taken.size >= max && !makeRoom(idle, socket, 'all_peers')) return;
      const ends = endsOf(socket);
      const place = { socket, network, ends };
      const counted = networks.get(network) ?? { count: 0, idle: new Set() };
      networks.set(network, counted);
      known.set(socket, ends);
      taken.add(place);
      named.set(ends, place);
      counted.count += 1;
      counted.idle.add(place);
      idle.add(place);
      socket.once('close', () => forget(place));
    },
    working(socket) {
      const place = placeOf(socket);
      if (place === undefined) return;
      idle.delete(place);
      networks.get(place.network)?.idle.delete(place);
    },
    idle(socket) {
      const place = placeOf(socket);
      if (place === undefined) return;
      idle.add(place);
      networks.get(place.network)?.idle.add(place);
    },
  };
}

/** Descriptors that are kept for the database, for what is asked of other servers, and for the log. */
const OTHER_FILES = 256;

/**
 * The places that each door can have where so many files may be open.
 * @param files undefined where the system does not tell
 */
export function placesWithin(
  files: number | undefined,
  wanted: { readonly main: number; readonly admin: number },
): { readonly main: number; readonly admin: number } {
  if (files === undefined) return wanted;
  const room = Math.max(files - OTHER_FILES, 32);
  const admin = Math.min(wanted.admin, Math.ceil(room / 8));
  return { main: Math.min(wanted.main, room - admin), admin };
}
