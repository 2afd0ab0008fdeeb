/** Where a browser says that a request comes from. Other clients say nothing, and lie for free. */
import { Fault } from '../../core/faults.ts';

/**
 * Whether an origin is the host that the browser believes to talk to; its own site is, whatever TLS proxy is
 * between. That is what the Host header says: a listener keeps it out of the request's URL.
 */
function isSameHost(origin: string, request: Request): boolean {
  if (!URL.canParse(origin)) return false;
  const host = request.headers.get('host') ?? new URL(request.url).host;
  return new URL(origin).host === host.toLowerCase();
}

/**
 * Refuses what a browser sends for another site. With neither header there is nothing to judge by, and the CSRF
 * token decides.
 * @throws Fault `origin_not_allowed`
 */
export function requireOwnOrigin(request: Request, allowed: readonly string[]): void {
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  const named = origin !== null && allowed.includes(origin);
  if (origin !== null && !named && !isSameHost(origin, request)) throw new Fault('origin_not_allowed');
  if (site === null || site === 'same-origin' || (site === 'same-site' && named)) return;
  throw new Fault('origin_not_allowed');
}
