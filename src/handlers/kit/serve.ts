/**
 * The one order of checks, for every route of both doors:
 * request id → match → (the private door's names) → limit → gate → parse and act → headers → log.
 */
import type { Deps } from '../../core/deps.ts';
import { errorFields, Fault, secondsUntil, typeName } from '../../core/faults.ts';
import { limiterKey, limiterSite } from '../../core/limiter.ts';
import { OTHER_METHOD, UNKNOWN_ROUTE } from '../../core/metrics.ts';
import { type LimitClass, limitFor } from '../../core/settings.ts';
import type { Visitor } from '../../core/visitor.ts';
import { hex } from '../../crypto/hash.ts';
import type { Bytes } from '../../store/store.ts';
import { corsConfigured, corsHeaders, preflightHeaders } from './cors.ts';
import { codeOf, errorReply, faultOf } from './errors.ts';
import { PRIVATE } from './headers.ts';
import { requireKnownHost } from './hosts.ts';
import { type Peer, visitorOf } from './peer.ts';
import { bodyLength, type Reply } from './reply.ts';
import type { Listener, Refuse, Route } from './route.ts';
import { routeTable } from './table.ts';

export type Handler = (request: Request, peer?: Peer) => Promise<Response>;

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The caller's id when it can stand in a log as it is, else a fresh one. */
export function requestIdOf(request: Request, deps: Pick<Deps, 'random'>): string {
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
  let until: number | undefined;
  try {
    until = await deps.limiter.hit(
      key,
      limit.limit,
      limit.windowMs,
      now,
      limiterSite(deps.keys, visitor.address),
    );
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    // Whatever it was that failed: a request that is not counted is not served.
    deps.log.write('error', 'a request could not be counted', errorFields(thrown));
    throw new Fault('rate_limit_unavailable', { retryAfterSeconds: 1 });
  }
  if (until !== undefined) throw new Fault('rate_limited', { retryAfterSeconds: secondsUntil(until, now) });
}

/** Passes a body on and tells, once, how many bytes left and whether all of it did. */
function counted(
  body: ReadableStream<Bytes>,
  ended: (bytes: number, broken?: unknown) => void,
): ReadableStream<Bytes> {
  const reader = body.getReader();
  let bytes = 0;
  let left = false;
  return new ReadableStream<Bytes>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          // What comes once nobody wants it is neither an end nor a failure.
          if (left) return;
          if (done) {
            controller.close();
            ended(bytes);
          } else {
            bytes += value.length;
            controller.enqueue(value);
          }
        } catch (error) {
          if (left) return;
          ended(bytes, error);
          // An error, never a close: what was cut short must not look complete.
          controller.error(error);
        }
      },
      async cancel(reason) {
        left = true;
        ended(bytes, new Fault('request_aborted'));
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

type Headings = Readonly<Record<string, string>>;

interface Outcome {
  /** For the log: the pattern, or the part of the path that one covers. */
  readonly pattern: string;
  /** For metrics: the pattern of what answered, and one name for all that nothing answers. */
  readonly route: string;
  readonly cors: Headings;
  readonly reply: Reply;
  /** What was thrown, when it was no refusal. */
  readonly defect?: unknown;
}

const NOTHING: Reply = { status: 204, headers: {}, body: new Uint8Array(0) };

/** Builds a listener's handler from its table. Throws when the table is not one that may be served. */
export function serve<L extends Listener>(
  listener: L,
  routes: readonly Route<NoInfer<L>>[],
  deps: Deps,
): Handler {
  const table = routeTable<L>(listener, routes, deps.settings.urlPrefix);
  const respond = deps.respond ?? ((content, init) => new Response(content, init));

  async function answer(request: Request, peer: Peer, requestId: string): Promise<Outcome> {
    let pattern = UNKNOWN_ROUTE;
    let route = UNKNOWN_ROUTE;
    let cors: Headings = {};
    let refuse: Refuse = errorReply;
    try {
      const visitor = visitorOf(request, peer, deps.settings);
      const match = await table.match(request.method, new URL(request.url));
      pattern = match.pattern;
      if (match.route !== undefined) route = pattern;
      const speaker = match.route ?? match.misnamed;
      refuse = speaker?.refuse ?? errorReply;
      const crossable = match.cors && corsConfigured(deps.settings);
      if (crossable) cors = corsHeaders(deps.settings, request.headers.get('origin'));
      // Before it is counted: what a stranger's page sends must not use up what its visitor may.
      if (listener === 'admin') requireKnownHost(request, deps.settings.adminHosts);
      await countAgainst(deps, listener, match.limit, visitor);
      if (request.method === 'OPTIONS' && (crossable || match.options !== undefined)) {
        if (crossable) cors = preflightHeaders(deps.settings, request);
        return { pattern, route, cors, reply: { ...NOTHING, headers: match.options?.(deps.settings) ?? {} } };
      }
      if (match.route === undefined) throw new Fault(speaker?.missing ?? 'not_found');
      const reply = await match.route.answer({
        deps,
        listener,
        request,
        visitor,
        params: match.params,
        requestId,
        head: request.method === 'HEAD',
        endpoints: table.endpoints,
      });
      return { pattern, route, cors, reply };
    } catch (thrown) {
      const fault = faultOf(thrown);
      deps.log.write('debug', 'refused', { request_id: requestId, listener, code: codeOf(fault.kind) });
      const reply = refuse(fault, requestId, request);
      const outcome = { pattern, route, cors, reply };
      return thrown instanceof Fault ? outcome : { ...outcome, defect: thrown };
    }
  }

  return async (request, peer = {}) => {
    const started = deps.now();
    const began = deps.metrics.clock();
    const requestId = requestIdOf(request, deps);
    const { pattern, route, cors, reply, defect } = await answer(request, peer, requestId);
    const method = METHODS.has(request.method) ? request.method : OTHER_METHOD;
    const log = (bytes: number, broken?: unknown) => {
      deps.metrics.observe(listener, route, method, reply.status, deps.metrics.clock() - began);
      const duration_ms = Math.max(0, deps.now() - started);
      const { slowRequestMs } = deps.settings;
      deps.log.write(reply.status >= 500 ? 'error' : 'info', 'request', {
        request_id: requestId,
        listener,
        method,
        route: pattern,
        status: reply.status,
        bytes,
        duration_ms,
        ...(slowRequestMs > 0 && duration_ms >= slowRequestMs && { slow: true }),
        ...(broken !== undefined && { broken: typeName(broken) }),
        ...(defect !== undefined && errorFields(defect)),
      });
    };
    const length = bodyLength(reply);
    const headers: Record<string, string> = {
      ...PRIVATE,
      ...cors,
      ...reply.headers,
      'x-request-id': requestId,
    };
    const bodiless = reply.status === 204 || reply.status === 304;
    // RFC 9110 §8.6: an answer without content says nothing of its length.
    if (!bodiless) headers['content-length'] = String(length);
    const init = { status: reply.status, headers };
    const { body } = reply;
    if (request.method === 'HEAD' || bodiless) {
      log(0);
      return respond(null, init);
    }
    if (!(body instanceof Uint8Array)) {
      if (body.open === undefined) throw new TypeError(`${pattern} answered a length without a body`);
      return respond(deps.sized(counted(body.open(), log), length), init);
    }
    log(length);
    return respond(body, reply.own === true ? { ...init, own: true } : init);
  };
}
