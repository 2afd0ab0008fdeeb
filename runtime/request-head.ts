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

type Head = Pick<IncomingMessage, 'headers' | 'httpVersionMajor' | 'httpVersionMinor'>;

/**
 * What is wrong with the version, and with the way in which the body is coded for its transfer (RFC 9112 §6.1), where
 * the parser saw nothing wrong: Node's reads 0.9 and 2.0 as if they were 1.1, it takes everything that ends in
 * `chunked` for that alone, and Bun's an empty list for no body.
 */
export function messageProblem({
  headers,
  httpVersionMajor,
  httpVersionMinor,
}: Head): 'unknownCoding' | 'malformed' | undefined {
  if (httpVersionMajor !== 1) return 'malformed';
  const list = headers['transfer-encoding'];
  if (list === undefined) return undefined;
  // Version 1.0 knows no transfer codings; what stood between may have read another message.
  if (httpVersionMinor === 0) return 'malformed';
  if (list === 'chunked') return undefined;
  const codings = list.split(',').map((coding) => coding.trim().toLowerCase());
  const named = codings.filter((coding) => coding !== '');
  if (named.some((coding) => coding !== 'chunked')) return 'unknownCoding';
  return named.length === 1 ? undefined : 'malformed';
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
