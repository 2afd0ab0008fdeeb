/** Which routes are exposed together: what an operator reviews, and then names in one word. */
import type { Route } from '../../../src/handlers/kit/route.ts';
import { UsageError } from '../command.ts';

/**
 * - `viewer`: links for people without an account, and the files of their page. Reads alone.
 * - `pastes`: everything that moves with `SAFE_URL_PREFIX`.
 * - `product`: everything below `/v1`.
 */
export const GROUPS = ['viewer', 'pastes', 'product'] as const;
export type Group = (typeof GROUPS)[number];

/**
 * The one group that a route of the main door is in.
 * @throws TypeError for one that is in none: who adds a room says how it is exposed
 */
export function groupOf(route: Route<'main'>): Group {
  if (route.prefixed) return 'pastes';
  if (/^\/v1\//.test(route.path)) return 'product';
  if (/^\/(?:i|e|static)\//.test(route.path) && route.method === 'GET') return 'viewer';
  throw new TypeError(`route ${route.id} is in no group that can be exposed`);
}

/** Groups as they are typed, `viewer,pastes`, in their own order. @throws UsageError */
export function parseGroups(text: string): readonly Group[] {
  const words = text.split(',').map((word) => word.trim());
  const unknown = words.filter((word) => !GROUPS.some((group) => group === word));
  if (unknown.length > 0)
    throw new UsageError(`--expose takes ${GROUPS.join(', ')}, with commas between them.`);
  return GROUPS.filter((group) => words.includes(group));
}
