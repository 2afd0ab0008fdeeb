/** Where a browser says that a request comes from. Other clients say nothing, and lie for free. */
import { Fault } from '../../core/faults.ts';

/** The host that the browser believes to talk to; its own site has the same one, whatever TLS proxy is between. */
function isSameHost(origin: string, request: Request): boolean {
  if (!URL.canParse(origin)) return false;
  return new URL(origin).host === new URL(request.url).host;
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
