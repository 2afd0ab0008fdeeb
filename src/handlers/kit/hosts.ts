/**
 * Which names a private door answers to. A page on the web can point a name of its own at an address that only the
 * operator reaches (DNS rebinding), and to the browser it then is one site with this door. What gives it away is
 * the name that the browser asks for.
 */
import { Fault } from '../../core/faults.ts';

/**
 * Below these no stranger can have a name: RFC 2606 and 6761 (test, example, invalid, localhost), RFC 6762 (local),
 * RFC 8375 (home.arpa), and ICANN's resolution 2024.07.29.06 (internal).
 */
const NOBODYS = [
  'localhost',
  'local',
  'internal',
  'home.arpa',
  'test',
  'example',
  'invalid',
  'example.com',
  'example.net',
  'example.org',
];

/** Whether `name`, in lower case, is an address, a name without a dot, or one that no stranger can have. */
function isNobodys(name: string): boolean {
  if (name.startsWith('[') || /^[\d.]+$/.test(name) || !name.includes('.')) return true;
  return NOBODYS.some((suffix) => name === suffix || name.endsWith(`.${suffix}`));
}

/**
 * Refuses a request that names a host which a stranger could own, unless the operator named it. A request without
 * `Host` comes from no browser.
 * @param named lower-case names without a dot at their end
 * @throws Fault `misdirected_request`
 */
export function requireKnownHost(request: Request, named: readonly string[]): void {
  const host = request.headers.get('host');
  if (host === null) return;
  const name = host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
  if (!isNobodys(name) && !named.includes(name)) throw new Fault('misdirected_request');
}
