/**
 * The one order of checks, for every route of both doors:
 * request id → match → limit → gate → parse and act → headers → log.
 */
import type { Deps } from '../../core/deps.ts';
import { Fault, secondsUntil } from '../../core/faults.ts';
import { limiterKey } from '../../core/limiter.ts';
import { type LimitClass, limitFor } from '../../core/settings.ts';
import type { Visitor } from '../../core/visitor.ts';
import { hex } from '../../crypto/hash.ts';
import type { Bytes } from '../../store/store.ts';
import { errorReply, faultOf } from './errors.ts';
import { PRIVATE } from './headers.ts';
import { type Peer, visitorOf } from './peer.ts';
import { bodyLength, type Reply } from './reply.ts';
import type { Listener, Route } from './route.ts';
import { routeTable } from './table.ts';

export type Handler = (request: Request, peer?: Peer) => Promise<Response>;

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The caller's id when it can stand in a log as it is, else a fresh one. */
function requestIdOf(request: Request, deps: Deps): string {
  const given = request.headers.get('x-request-id');
  return given !== null && REQUEST_ID.test(given) ? given : hex(deps.random(16));
}

async function countAgainst(
  deps: Deps,
  listener: Listener,
  limitClass: LimitClass,
  visitor: Visitor,
): Promise<void> {
  const limit = limitFor(deps.settings, limitClass);
  if (limit === undefined) return;
  const now = deps.now();
  const key = limiterKey(deps.keys, listener, limitClass, visitor.address);
  const until = await deps.limiter.hit(key, limit.limit, limit.windowMs, now);
  if (until !== undefined) throw new Fault('rate_limited', { retryAfterSeconds: secondsUntil(until, now) });
}

/** Passes a body on and tells, once, how many bytes left and whether all of it did. */
function counted(
  body: ReadableStream<Bytes>,
  ended: (bytes: number, broken?: unknown) => void,
): ReadableStream<Bytes> {
  const reader = body.getReader();
  let bytes = 0;
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            controller.close();
            ended(bytes);
          } else {
            bytes += value.length;
            controller.enqueue(value);
          }
        } catch (error) {
          ended(bytes, error);
          // An error, never a close: what was cut short must not look complete.
          controller.error(error);
        }
      },
      async cancel(reason) {
        ended(bytes, new Fault('request_aborted'));
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** The type of what was thrown, and nothing of its message, which can carry values, queries and paths. */
const typeName = (thrown: unknown) => (thrown instanceof Error ? thrown.name : typeof thrown);

/** Builds a listener's handler from its table. Throws when the table is not one that may be served. */
export function serve<L extends Listener>(
  listener: L,
  routes: readonly Route<NoInfer<L>>[],
  deps: Deps,
): Handler {
  const table = routeTable<L>(listener, routes, deps.settings.urlPrefix);

  return async (request, peer = {}) => {
    const started = deps.now();
    const requestId = requestIdOf(request, deps);
    const head = request.method === 'HEAD';
    let pattern = '/{route}';
    let reply: Reply;
    let defect: unknown;
    try {
      const visitor = visitorOf(request, peer, deps.settings);
      const match = await table.match(request.method, new URL(request.url));
      pattern = match.pattern;
      await countAgainst(deps, listener, match.limit, visitor);
      if (match.route === undefined) throw new Fault('not_found');
      reply = await match.route.answer({
        deps,
        request,
        visitor,
        params: match.params,
        requestId,
        head,
        endpoints: table.endpoints,
      });
    } catch (thrown) {
      if (!(thrown instanceof Fault)) defect = thrown;
      reply = errorReply(faultOf(thrown), requestId);
    }

    const log = (bytes: number, broken?: unknown) => {
      deps.log.write(reply.status >= 500 ? 'error' : 'info', 'request', {
        request_id: requestId,
        listener,
        method: METHODS.has(request.method) ? request.method : 'OTHER',
        route: pattern,
        status: reply.status,
        bytes,
        duration_ms: Math.max(0, deps.now() - started),
        ...(broken !== undefined && { broken: typeName(broken) }),
        ...(defect !== undefined && { error_type: typeName(defect) }),
      });
    };
    const length = bodyLength(reply);
    const init = {
      status: reply.status,
      headers: {
        ...PRIVATE,
        ...reply.headers,
        'content-length': String(length),
        'x-request-id': requestId,
      },
    };
    const { body } = reply;
    if (!head && 'open' in body && body.open !== undefined) {
      return new Response(deps.sized(counted(body.open(), log), length), init);
    }
    log(head ? 0 : length);
    return new Response(head || !(body instanceof Uint8Array) ? null : body, init);
  };
}
