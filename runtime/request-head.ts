/** The parts of a request's head that name where it goes. */
import type { IncomingMessage } from 'node:http';

/** The path and query of a request target (RFC 9112 §3.2), or undefined for a target that names none. */
export function originForm(target: string): string | undefined {
  if (target.startsWith('/')) return target;
  const absolute = /^https?:\/\/[^/?#]*/i.exec(target);
  if (absolute === null) return undefined;
  const rest = target.slice(absolute[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/**
 * Whether the request names its host as RFC 9112 §3.2 demands: once, in a form that can be a host. HTTP/1.0 may
 * leave it out.
 */
export function validHost(
  req: Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'httpVersionMinor'>,
): boolean {
  const { host } = req.headers;
  if (host === undefined) return req.httpVersionMinor === 0;
  let named = 0;
  for (let i = 0; i < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]?.length === 4 && req.rawHeaders[i]?.toLowerCase() === 'host') named += 1;
  }
  return named === 1 && /^(?:[A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/.test(host);
}
