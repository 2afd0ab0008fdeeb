/**
 * Who is at the other end of a connection, as far as the connection itself tells. The adapter knows the socket;
 * headers add to that only where the operator has said whose headers count.
 */

import type { Settings } from '../../core/settings.ts';
import { inNetworks } from '../../core/settings-net.ts';
import { plainAddress, type Visitor } from '../../core/visitor.ts';
import { equalBytes } from '../../crypto/compare.ts';
import { sha256, utf8 } from '../../crypto/hash.ts';

/** What an adapter tells about a connection. All of it is optional: a plain `Request` has no connection. */
export interface Peer {
  /** The socket's remote address, without a port. */
  readonly address?: string;
  /** TLS ended at this listener. */
  readonly secure?: boolean;
  /** A client certificate that chained to the configured CA: lower-case hex SHA-256 of its DER form. */
  readonly certificate?: { readonly sha256: string };
}

/**
 * The nearest address that is not one of ours, read from the right: each trusted proxy vouches for the entry
 * it appended and for nothing to the left of what it did not append itself.
 */
function addressBehind(socket: string, forwarded: string | null, settings: Settings): string {
  let nearest = socket;
  const hops = (forwarded ?? '').split(',');
  while (hops.length > 0 && inNetworks(settings.trustedProxies, nearest)) {
    const hop = plainAddress((hops.pop() ?? '').trim());
    if (hop === undefined) break;
    nearest = hop;
  }
  return nearest;
}

/** Hexadecimal with or without colons, of the given number of bytes, in lower case. */
function fingerprint(header: string | null, bytes: number): string | undefined {
  const digits = (header ?? '').replaceAll(':', '').toLowerCase();
  return digits.length === bytes * 2 && /^[0-9a-f]+$/.test(digits) ? digits : undefined;
}

function ownerBehind(request: Request, settings: Settings): string | undefined {
  const given = request.headers.get('x-proxy-secret');
  if (given === null || settings.proxySecret === undefined) return undefined;
  // Hashing first makes the comparison independent of the length of what was sent.
  if (!equalBytes(sha256(utf8(given)), sha256(utf8(settings.proxySecret)))) return undefined;
  const sha256Print = fingerprint(request.headers.get('x-ssl-client-sha256'), 32);
  if (sha256Print !== undefined) return sha256Print;
  const sha1Print = fingerprint(request.headers.get('x-ssl-client-sha1'), 20);
  return sha1Print === undefined ? undefined : `sha1:${sha1Print}`;
}

/** Addresses in plain form, of connections that are known: an adapter tells the same peer for each of its requests. */
const plain = new WeakMap<Peer, string>();

function plainAddressOf(peer: Peer): string | undefined {
  const known = plain.get(peer);
  if (known !== undefined || peer.address === undefined) return known;
  const address = plainAddress(peer.address);
  if (address !== undefined) plain.set(peer, address);
  return address;
}

/** Puts together what the socket and, where they count, the proxy's headers say. */
export function visitorOf(request: Request, peer: Peer, settings: Settings): Visitor {
  const socket = plainAddressOf(peer);
  const trusted = socket !== undefined && inNetworks(settings.trustedProxies, socket);
  const address = trusted
    ? addressBehind(socket, request.headers.get('x-forwarded-for'), settings)
    : (socket ?? 'unknown');
  const secure = peer.secure === true || (trusted && request.headers.get('x-forwarded-proto') === 'https');
  const owner = ownerBehind(request, settings) ?? peer.certificate?.sha256;
  return { address, secure, ...(owner !== undefined && { owner }) };
}
