/** The main door of an isolate: composed by the first request, and again now and then. */
import type { Log } from '../../src/core/deps.ts';
import { errorFields, Fault } from '../../src/core/faults.ts';
import { errorReply } from '../../src/handlers/kit/errors.ts';
import { PRIVATE } from '../../src/handlers/kit/headers.ts';
import { bodyLength } from '../../src/handlers/kit/reply.ts';
import { requestIdOf } from '../../src/handlers/kit/serve.ts';
import type { Composition } from './compose.ts';
import { consoleLog } from './log.ts';
import { Misfit } from './misfit.ts';
import { type EdgeRequest, edgePeer } from './peer.ts';

/**
 * A composition is used for so long. Then the schema and the secret key are looked at again: home may have been
 * upgraded under an isolate that lives on.
 */
export const LIFETIME_MS = 5 * 60_000;
const RETRY_AFTER_SECONDS = 5;

export type EdgeEnv = Readonly<Record<string, unknown>>;

/**
 * What a Worker's `fetch` does. While the door cannot be composed every request is answered with 503
 * `storage_unavailable`, the log says what to do, and the next request tries again. Requests that come while another
 * one composes do so themselves: nothing that one request began is another one's to wait for, since it may be gone.
 * @param now milliseconds since the epoch
 */
export function edgeDoor(
  compose: (env: EdgeEnv) => Promise<Composition>,
  now: () => number,
): (request: EdgeRequest, env: EdgeEnv) => Promise<Response> {
  let current: { readonly composition: Composition; readonly until: number } | undefined;
  return async (request, env) => {
    let composition: Composition;
    try {
      if (current === undefined || now() >= current.until) {
        const fresh = await compose(env);
        current = { composition: fresh, until: now() + LIFETIME_MS };
      }
      ({ composition } = current);
    } catch (thrown) {
      return notNow(request, thrown, now);
    }
    return composition.handle(request, edgePeer(request));
  };
}

/** The answer of a door that cannot be opened, and a line for the operator. */
function notNow(request: Request, thrown: unknown, now: () => number): Response {
  const log: Log = consoleLog('info', now);
  const requestId = requestIdOf(request, {
    random: (length) => crypto.getRandomValues(new Uint8Array(length)),
  });
  log.write('error', 'the main door cannot open', {
    request_id: requestId,
    ...errorFields(thrown),
    ...(thrown instanceof Misfit && { what_to_do: thrown.message }),
  });
  const reply = errorReply(
    new Fault('storage_unavailable', { retryAfterSeconds: RETRY_AFTER_SECONDS }),
    requestId,
  );
  const headers = {
    ...PRIVATE,
    ...reply.headers,
    'x-request-id': requestId,
    'content-length': String(bodyLength(reply)),
  };
  const body = request.method === 'HEAD' ? null : (reply.body as Uint8Array<ArrayBuffer>);
  return new Response(body, { status: reply.status, headers });
}
