/** Cookies (RFC 6265bis): reading one by name, and writing ours. */

/** The value of the first cookie with this name, as it was sent. */
export function cookieOf(request: Request, name: string): string | undefined {
  for (const pair of (request.headers.get('cookie') ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}

export interface CookieShape {
  readonly name: string;
  readonly path: string;
  readonly sameSite: 'Lax' | 'Strict';
  readonly secure: boolean;
}

const attributes = ({ path, sameSite, secure }: CookieShape) =>
  `HttpOnly; ${secure ? 'Secure; ' : ''}SameSite=${sameSite}; Path=${path}`;

/** A `Set-Cookie` value that keeps `value` until `expiresAt` (ms since the epoch). No Domain: this host alone. */
export function keepCookie(shape: CookieShape, value: string, expiresAt: number): string {
  return `${shape.name}=${value}; ${attributes(shape)}; Expires=${new Date(expiresAt).toUTCString()}`;
}

/** A `Set-Cookie` value that takes the cookie away. */
export function dropCookie(shape: CookieShape): string {
  return `${shape.name}=; ${attributes(shape)}; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0`;
}
