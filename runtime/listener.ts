/**
 * What a listener is, for whoever opens one: a handler, the addresses it answers on, its time limits. Node and Bun
 * fill it in `node-listener.ts` and `bun-listener.ts`.
 */
import type { Log } from '../src/core/deps.ts';
import type { HttpTimeouts } from '../src/core/settings-types.ts';
import type { Peer } from '../src/handlers/kit/peer.ts';
import type { ConnectionBounds } from './admission.ts';

/** A door's whole behaviour. It answers every request; one that rejects is a defect and becomes an empty 500. */
export type Handler = (request: Request, peer?: Peer) => Promise<Response>;

/** PEM texts. `clientCa`: clients are asked for a certificate, and one that chains to it is an identity. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

export interface ListenerPlan {
  /** The door's name in messages and in the log. */
  readonly door: 'main' | 'admin';
  readonly handler: Handler;
  /** Where to bind, at least one place. Port 0 lets the system choose. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Descriptors of listening sockets that were handed over, in place of the addresses. */
  readonly sockets?: readonly number[];
  /** 0 turns a limit off. */
  readonly timeouts: HttpTimeouts;
  readonly tls?: TlsMaterial;
  /** How many may be connected at a time. Absent: 10,000, from whomever. */
  readonly connections?: ConnectionBounds;
  readonly log: Log;
  /** A fresh request id, for what is refused before a handler sees it. */
  requestId(): string;
  /** Told of each such refusal. */
  refused?(status: number): void;
}

export interface Listener {
  /** `http://host:port` of every bound address, in the order of the plan, with the ports that were really given. */
  readonly urls: readonly string[];
  /** Handshakes from now on are made with this; connections that are open stay as they are. Not where there is no TLS. */
  replaceTls(tls: TlsMaterial): void;
  /**
   * Stops accepting at once, lets requests in flight finish for at most `graceMs`, then cuts what is left.
   * Idle connections are closed immediately. Safe to call twice.
   * @returns how many requests had to be cut.
   */
  stop(graceMs: number): Promise<number>;
}

/** A failure to start that a person can act on: its message is one sentence, and no stack is worth showing. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** `host:port`, an IPv6 host in brackets. */
export function showAddress(address: { readonly host: string; readonly port: number }): string {
  return `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Why an address cannot be bound, and what to do, from the system's error code. */
export function bindProblem(
  door: ListenerPlan['door'],
  address: { readonly host: string; readonly port: number },
  code: string | undefined,
): StartError {
  const where = showAddress(address);
  const setting = door === 'main' ? 'SAFE_MAIN_BIND_ADDRS' : 'SAFE_ADMIN_BIND_ADDRS';
  switch (code) {
    case 'EADDRINUSE':
      return new StartError(
        `The ${door} door cannot open at ${where}: another program listens there. Stop it, or choose another address with ${setting}.`,
      );
    case 'EACCES':
    case 'EPERM':
      return new StartError(
        `The ${door} door may not open at ${where}: this user has no right to that port. Choose one above 1023 with ${setting}.`,
      );
    case 'EADDRNOTAVAIL':
      return new StartError(
        `The ${door} door cannot open at ${where}: this machine has no such address. Correct ${setting}.`,
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StartError(
        `The ${door} door cannot open at ${where}: the name has no address. Correct ${setting}.`,
      );
    default:
      return new StartError(
        `The ${door} door cannot open at ${where} (${code ?? 'unknown error'}). Check ${setting}.`,
      );
  }
}
