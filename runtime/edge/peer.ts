/** Who is at the other end, as Cloudflare tells it. */
import type { Peer } from '../../src/handlers/kit/peer.ts';

/** What Cloudflare adds to a request; what of it is used here. */
export interface EdgeRequest extends Request {
  readonly cf?: {
    readonly tlsClientAuth?: {
      readonly certVerified?: string;
      readonly certRevoked?: string;
      readonly certFingerprintSHA256?: string;
    } | null;
  } | null;
}

/**
 * The peer of a request. `CF-Connecting-IP` is what Cloudflare wrote only where Cloudflare handled the request, which
 * `request.cf` tells: no client can send that. Elsewhere the header is a client's own words and nobody's address.
 *
 * A client certificate counts when Cloudflare verified it and it was not revoked.
 */
export function edgePeer(request: EdgeRequest): Peer {
  const behind = request.cf ?? undefined;
  const address = behind === undefined ? null : request.headers.get('cf-connecting-ip');
  const print = certificateOf(behind?.tlsClientAuth);
  return {
    ...(address !== null && { address }),
    secure: new URL(request.url).protocol === 'https:',
    ...(print !== undefined && { certificate: { sha256: print } }),
  };
}

function certificateOf(tls: NonNullable<EdgeRequest['cf']>['tlsClientAuth']): string | undefined {
  if (tls?.certVerified !== 'SUCCESS' || tls.certRevoked === '1') return undefined;
  const print = tls.certFingerprintSHA256?.toLowerCase() ?? '';
  return /^[0-9a-f]{64}$/.test(print) ? print : undefined;
}
