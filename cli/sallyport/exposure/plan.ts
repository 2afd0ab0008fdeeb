/**
 * What is asked of a deployment, made from the route tables. Nothing that is sent can change anything: no credentials,
 * names of nothing that can exist, and for a body one byte that nothing takes.
 */
import type { Settings } from '../../../src/core/settings.ts';
import { adminRoutes } from '../../../src/handlers/admin.ts';
import type { Route } from '../../../src/handlers/kit/route.ts';
import { mounted } from '../../../src/handlers/kit/table.ts';
import { mainRoutesUnder } from '../../../src/handlers/main.ts';
import { methodsOf } from '../exposed/allow-list.ts';
import { type Group, groupOf } from '../exposed/groups.ts';
import { spellings } from './spellings.ts';

export interface Probe {
  readonly door: 'main' | 'admin';
  /** The route's id, or `spelling`. */
  readonly id: string;
  readonly method: string;
  /** As it is reported: a pattern, or a spelling. */
  readonly path: string;
  /** As it stands in the request line. */
  readonly target: string;
  readonly expected: 'reachable' | 'refused';
  /** Whether a success may be kept by others, being the same for everybody. */
  readonly shared: boolean;
  /** Whether the settings turn the route off: then the server's own 404 is what should come. */
  readonly off: boolean;
}

const ULID = '7ZZZZZZZZZZZZZZZZZZZZZZZZZ';
/** Of the right shape, and never issued: the ids of a time that is eight thousand years away, a paste id above 7…. */
const NOBODY: Readonly<Record<string, string>> = {
  token: '-'.repeat(43),
  id: `inc_${ULID}`,
  stream_id: `str_${ULID}`,
  token_id: `itk_${ULID}`,
  index: '9999999999',
  chunk_index: '9999999999',
  media_type: 'audio',
};
const NO_PASTE = 'z'.repeat(26);

const targetOf = (route: Route, path: string) =>
  path.replace(/:(\w+)/g, (_, name: string) =>
    route.prefixed && name === 'id' ? NO_PASTE : (NOBODY[name] ?? 'nobody'),
  );

function probeOf(route: Route, settings: Settings, expected: Probe['expected'], method: string): Probe {
  const path = mounted(route, settings.urlPrefix);
  return {
    door: route.listener,
    id: route.id,
    method,
    path: path.replace(/:(\w+)/g, '{$1}'),
    target: targetOf(route, path),
    expected,
    shared: route.limit === 'static',
    off: route.gate.startsWith('browser') && !settings.web.enabled,
  };
}

/** Paths that are there for other methods: asking for those is no way of telling whether a route can be reached. */
function withoutOthers(probes: readonly Probe[]): readonly Probe[] {
  const reachable = new Set(
    probes.filter((one) => one.expected === 'reachable').map(({ method, target }) => `${method} ${target}`),
  );
  const seen = new Set<string>();
  return probes.filter((one) => {
    const key = `${one.method} ${one.target}`;
    if (seen.has(key) || (one.expected === 'refused' && reachable.has(key))) return false;
    seen.add(key);
    return true;
  });
}

/** Every route of both doors by its own method, then by others, then the private door in other spellings. */
export function probes(settings: Settings, groups: readonly Group[]): readonly Probe[] {
  const routes: readonly (readonly [Route, Probe['expected']])[] = [
    ...mainRoutesUnder(settings).map(
      (route) => [route, groups.includes(groupOf(route)) ? 'reachable' : 'refused'] as const,
    ),
    ...adminRoutes.map((route) => [route, 'refused'] as const),
  ];
  const own = routes.map(([route, expected]) => probeOf(route, settings, expected, route.method));
  // What nobody may reach is asked for by the most harmless method as well.
  const others = routes.flatMap(([route, expected]) =>
    (expected === 'reachable' ? methodsOf(route, settings) : ['GET']).map((method) =>
      probeOf(route, settings, expected, method),
    ),
  );
  const spelled = ['/admin', '/admin/api/stats', '/metrics'].flatMap((path) =>
    spellings(path).map(
      (target): Probe => ({
        door: 'admin',
        id: 'spelling',
        method: 'GET',
        path: target,
        target,
        expected: 'refused',
        shared: false,
        off: false,
      }),
    ),
  );
  return withoutOthers([...own, ...others, ...spelled]);
}
