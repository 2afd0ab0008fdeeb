/** A bad network: a TCP relay that cuts connections in the middle, in the ways in which phones lose them. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Seeded } from './seed.ts';

/** How a connection ends. `silent`: the server is not told for a while, as when a phone leaves its cell. */
export type Cut = 'reset' | 'silent' | 'answer lost';
const CUTS: readonly Cut[] = ['reset', 'silent', 'answer lost'];

/** How long a server takes a connection for alive that is gone. */
const UNAWARE_MS = 1000;

export interface RoughNetwork {
  /** `http://127.0.0.1:port` */
  readonly origin: string;
  /** How many connections were cut so far, by how. */
  readonly cuts: readonly Cut[];
  /** Relays to another server from now on. */
  to(origin: string): void;
  /** Cuts everything that is open now. */
  drop(): void;
  /** Bytes that went towards the server. */
  readonly sent: number;
  close(): Promise<void>;
}

export interface Roughness {
  readonly random: Seeded;
  /** How many connections are cut before the network is good. */
  readonly cuts: number;
  /** The most bytes that pass towards the server before a connection that is to be cut is. */
  readonly within: number;
  /** How many bytes a millisecond pass, about; without bound unless given. */
  readonly pace?: number;
  /** After so many bytes nothing more passes, until it relays to another server. */
  readonly holdAt?: number;
}

/** Opens one in front of a server. */
export async function roughNetwork(origin: string, roughness: Roughness): Promise<RoughNetwork> {
  const { random, within, pace } = roughness;
  let { holdAt = Number.POSITIVE_INFINITY } = roughness;
  const open = new Set<Socket>();
  const cuts: Cut[] = [];
  let target = new URL(origin);
  let planned = 0;
  let sent = 0;

  const relay = (client: Socket) => {
    const server = connect(Number(target.port), target.hostname);
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => open.delete(socket));
    }
    // Small connections ask where things stand: only one that carries bytes uses its cut up.
    const at = planned < roughness.cuts ? 2000 + random.below(within) : Number.POSITIVE_INFINITY;
    const how = CUTS[random.below(CUTS.length)] ?? 'reset';
    let passed = 0;
    let gone = false;
    const cut = () => {
      gone = true;
      planned += 1;
      cuts.push(how);
      client.resetAndDestroy();
      if (how === 'reset') server.resetAndDestroy();
      else setTimeout(() => server.destroy(), how === 'silent' ? UNAWARE_MS : 50).unref();
    };
    client.on('data', (data: Buffer) => {
      if (gone) return;
      const room = planned < roughness.cuts ? at - passed : Number.POSITIVE_INFINITY;
      const piece = data.subarray(0, Math.max(0, Math.min(data.length, room)));
      passed += piece.length;
      sent += piece.length;
      server.write(piece);
      if (piece.length < data.length) return cut();
      if (sent >= holdAt) client.pause();
      else if (pace !== undefined) {
        client.pause();
        setTimeout(() => client.resume(), piece.length / pace);
      }
    });
    server.on('data', (data: Buffer) => {
      if (!gone) client.write(data);
    });
    client.on('end', () => server.end());
    server.on('end', () => client.end());
    client.on('close', () => {
      if (!gone) server.destroy();
    });
    server.on('close', () => client.destroy());
  };

  const listener = createServer(relay).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const drop = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    origin: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cuts,
    get sent() {
      return sent;
    },
    to(next) {
      target = new URL(next);
      holdAt = Number.POSITIVE_INFINITY;
    },
    drop,
    async close() {
      drop();
      listener.close();
      await once(listener, 'close');
    },
  };
}
