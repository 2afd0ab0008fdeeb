/** How what came over a socket reaches a handler, as a fetch `Request`. */
import { createServerAdapter, type NodeRequest, type NodeResponse } from '@whatwg-node/server';
import type { Peer } from '../src/handlers/kit/peer.ts';
import type { Handler } from './listener.ts';
import { type SocketHeaders, SocketRequest } from './socket-request.ts';

/** The head of a request. The host is ours: nothing that a client writes into `Host` can reach a path or a link. */
export interface Asked {
  readonly method: string;
  readonly protocol: 'http' | 'https';
  readonly host: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: SocketHeaders;
}

/** Makes of a handler what a listener calls. It rejects where the handler does. */
export type Passage = (handler: Handler) => (asked: Asked, peer: Peer) => Promise<Response>;

/** Through `@whatwg-node/server`. */
export const throughAdapter: Passage = (handler) => {
  const { handleNodeRequestAndResponse: handle } = createServerAdapter<{ peer: Peer }>(
    (request, context) => handler(request, context.peer),
    // The adapter's own classes are most of what it costs; it constructs these in their place.
    { fetchAPI: { Request: SocketRequest as unknown as typeof Request } },
  );
  return async ({ method, headers, url, protocol, host }, peer) =>
    handle(
      {
        method,
        headers,
        // What the adapter takes for the raw request. Without a body to look after, it asks neither side for its
        // stream; what a client still sends is dropped by the listener.
        raw: { url, protocol, headers: { host }, method: 'HEAD' },
      } as unknown as NodeRequest,
      NOT_WATCHED,
      { peer },
    );
};

/** The adapter would listen to the response for its own signal; a {@link SocketRequest} does when it is asked for one. */
const NOT_WATCHED = {} as unknown as NodeResponse;

/** Straight to the handler, with the same request. */
export const straight: Passage =
  (handler) =>
  ({ method, headers, url, protocol, host }, peer) =>
    handler(
      new SocketRequest(`${protocol}://${host}${url}`, { method, headers }) as unknown as Request,
      peer,
    );
