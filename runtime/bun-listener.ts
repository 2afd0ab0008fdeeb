/**
 * A door on Bun. It is the same listener as on Node, on Bun's `node:http`, because `Bun.serve` cannot keep what a
 * door promises. Found by running both (Bun 1.4.5):
 *
 * |                                           | Bun.serve                            | node:http on Bun      |
 * |-------------------------------------------|--------------------------------------|-----------------------|
 * | Content-Length on a streamed answer       | dropped, chunked instead             | kept                  |
 * | Content-Length on HEAD                    | kept                                 | kept                  |
 * | answer while the body still arrives       | reads the whole body, without bound  | ours to bound         |
 * | `Expect: 100-continue`                    | 100 before the handler runs          | when the body is read |
 * | bytes that are no HTTP, a head too large  | an empty 400 or 431, no id, no log   | `clientError`, ours   |
 * | `Host` twice                              | served, joined to one                | ours to refuse        |
 * | a head that never ends                    | closed without an answer after 12 s  | 408 at the set time   |
 * | a body read slowly holds the sender back  | yes                                  | yes                   |
 * | the peer's address, aborts, broken bodies | yes                                  | yes                   |
 * | a client's certificate                    | no                                   | not to be relied on   |
 * | answering 1 KiB, processor time           | 14 µs                                | 16 µs                 |
 *
 * The adapter is left out here: the handler gets the request that it would construct.
 *
 * On Bun a client's certificate comes from the proxy's headers alone, so a client CA refuses to start.
 */
import { type Listener, type ListenerPlan, StartError } from './listener.ts';
import { openNodeListener } from './node-listener.ts';
import { straight } from './passage.ts';

/** Binds every address of the plan. @throws StartError when one cannot be bound, or when a client CA is set */
export async function openBunListener(plan: ListenerPlan): Promise<Listener> {
  if (plan.tls?.clientCa !== undefined) {
    const setting = plan.door === 'main' ? 'SAFE_TLS_CLIENT_CA_FILE' : 'SAFE_ADMIN_TLS_CLIENT_CA_FILE';
    throw new StartError(
      `${setting} needs Node: Bun does not show whether a client's certificate was verified. ` +
        'Start with server.node.ts, or let a reverse proxy check certificates (SAFE_PROXY_SECRET).',
    );
  }
  if (plan.sockets !== undefined) {
    throw new StartError(
      'Sockets were handed over (LISTEN_FDS), which Bun cannot accept on. Start with server.node.ts, or without them.',
    );
  }
  return openNodeListener(plan, straight);
}
