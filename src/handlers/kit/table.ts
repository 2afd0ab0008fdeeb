/**
 * Matching. One classification of a path serves routing, limits and logs, so that the three cannot disagree.
 *
 * Static segments match undecoded and case-sensitively: no reverse proxy that compares raw paths can see another
 * route than we do. Parameters are decoded once.
 */
import { IttyRouter, type RouteEntry } from 'itty-router';
import type { LimitClass } from '../../core/settings.ts';
import type { Announce, Endpoint, Listener, Route } from './route.ts';

export interface Match<L extends Listener> {
  /** Undefined: nothing answers here. */
  readonly route?: Route<L>;
  /** Whose pattern it is, where the parameters are not of its shape and it has a say in how that is told. */
  readonly misnamed?: Route<L>;
  readonly params: unknown;
  /** For logs: the route's pattern, or the part of the path that a pattern covers, never anything sent. */
  readonly pattern: string;
  /** The route's class, or that of its nearest relative, so that scans are counted too. */
  readonly limit: LimitClass;
  /** Whether some method here may be called by pages of allowed origins: then a preflight is answered. */
  readonly cors: boolean;
  /** What OPTIONS is answered here, where it is answered at all. */
  readonly options?: Announce;
}

interface Entry<L extends Listener> {
  readonly route: Route<L>;
  readonly path: string;
  readonly segments: readonly string[];
  readonly expression: RegExp;
  /** The path as people read it. */
  readonly template: string;
}

interface Found<L extends Listener> {
  readonly entry: Entry<L>;
  readonly groups: Readonly<Record<string, string>>;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function expression(segments: readonly string[]): RegExp {
  const parts = segments.map((segment) =>
    segment.startsWith(':') ? `(?<${segment.slice(1)}>[^/]+)` : escaped(segment),
  );
  return new RegExp(`^/${parts.join('/')}$`);
}

const template = (segments: readonly string[]) =>
  `/${segments.map((segment) => (segment.startsWith(':') ? `{${segment.slice(1)}}` : segment)).join('/')}`;

/** Decodes each parameter once; undefined when one is malformed or would mean a path of its own. */
function decoded(groups: Readonly<Record<string, string>>): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [name, raw] of Object.entries(groups)) {
    let value: string;
    try {
      value = decodeURIComponent(raw);
    } catch {
      return undefined;
    }
    if (value === '.' || value === '..' || /[/\\\0]/.test(value)) return undefined;
    params[name] = value;
  }
  return params;
}

/** Whether a route has a say in how it is told that its parameters are of no possible shape: in words, or in a page. */
const speaks = ({ missing, refuse }: Route) => missing !== undefined || refuse !== undefined;

/** What a method and a path have in common with every pattern that they can match. */
const kindOf = (method: string, path: string) => `${method} ${path.split('/').length}`;

interface Kinship {
  /** How many leading segments the pattern covers. */
  readonly covered: number;
  /** The whole path, and the whole pattern. */
  readonly whole: boolean;
  /** A static segment counts more than a parameter, which goes with anything. */
  readonly score: number;
}

/** How far a path goes along with a pattern. */
function kinship(pattern: readonly string[], path: readonly string[]): Kinship {
  let covered = 0;
  let score = 0;
  for (const segment of pattern) {
    if (covered === path.length || (!segment.startsWith(':') && segment !== path[covered])) break;
    score += segment.startsWith(':') ? 2 : 3;
    covered += 1;
  }
  const whole = covered === path.length && covered === pattern.length;
  return { covered, whole, score: score + Number(whole) };
}

/** Where a route lies once the prefix has been put before it. */
export function mounted(route: Route, prefix: string): string {
  return route.prefixed ? `${prefix}${route.path}` : route.path;
}

export interface RouteTable<L extends Listener> {
  readonly endpoints: readonly Endpoint[];
  match(method: string, url: URL): Promise<Match<L>>;
}

/**
 * Compiles a listener's table. Throws at start when two routes are one, a route is the other listener's, or the
 * table is empty: a door that serves something else than was reviewed must not open.
 */
export function routeTable<L extends Listener>(
  listener: L,
  routes: readonly Route<NoInfer<L>>[],
  prefix: string,
): RouteTable<L> {
  const entries: Entry<L>[] = [];
  const seen = new Set<string>();
  for (const route of routes) {
    if (route.listener !== listener)
      throw new TypeError(`route ${route.id} is not of the ${listener} listener`);
    const path = mounted(route, prefix);
    const segments = path.slice(1).split('/');
    const key = `${route.method} ${segments.map((s) => (s.startsWith(':') ? ':' : s)).join('/')}`;
    for (const name of [key, route.id]) {
      if (seen.has(name)) throw new TypeError(`route ${route.id} stands twice in the table of ${listener}`);
      seen.add(name);
    }
    entries.push({ route, path, segments, expression: expression(segments), template: template(segments) });
  }
  const [first] = entries;
  if (first === undefined) throw new TypeError(`the ${listener} listener has no routes`);

  // A static segment is more particular than a parameter, whatever the order of the table.
  const ordered = [...entries].sort((a, b) => (a.template < b.template ? -1 : 1));
  ordered.sort((a, b) => Number(a.path.includes(':')) - Number(b.path.includes(':')));
  // A router tries its routes one after the other, so each gets those alone that a path could be.
  const routers = new Map<string, ReturnType<typeof IttyRouter>>();
  for (const [kind, alike] of Map.groupBy(ordered, ({ route, path }) => kindOf(route.method, path))) {
    const routes = alike.map(
      (entry): RouteEntry => [
        entry.route.method,
        entry.expression,
        [({ params }: { params: Record<string, string> }): Found<L> => ({ entry, groups: params })],
        entry.path,
      ],
    );
    routers.set(kind, IttyRouter({ routes }));
  }

  return {
    endpoints: entries.map(({ route, template: pattern }) => ({
      method: route.method,
      pattern,
      prefixed: route.prefixed,
    })),
    async match(method, url) {
      const asked = { method: method === 'HEAD' ? 'GET' : method, url: url.href };
      const router = routers.get(kindOf(asked.method, url.pathname));
      const found = (await router?.fetch(asked as Parameters<typeof router.fetch>[0])) as
        | Found<L>
        | undefined;
      if (found !== undefined) {
        const { route, template: pattern } = found.entry;
        const params = decoded(found.groups);
        const accepted = params === undefined ? undefined : route.accepts(params);
        const known = {
          pattern,
          limit: route.limit,
          cors: route.cors && accepted !== undefined,
        };
        return accepted === undefined
          ? { ...known, params: undefined, ...(speaks(route) && { misnamed: route }) }
          : { ...known, route, params: accepted };
      }
      const path = url.pathname.slice(1).split('/');
      let nearest = { entry: first, ...kinship(first.segments, path) };
      for (const entry of entries) {
        const kin = kinship(entry.segments, path);
        if (kin.score > nearest.score) nearest = { entry, ...kin };
      }
      const { entry, covered, whole } = nearest;
      const prefix = covered === 0 ? '' : template(entry.segments.slice(0, covered));
      const here = entries.filter((one) => one.expression.test(url.pathname));
      const options = here.find(({ route }) => route.options !== undefined)?.route.options;
      return {
        pattern: whole ? entry.template : `${prefix}/{route}`,
        limit: entry.route.limit,
        cors: here.some(({ route }) => route.cors),
        ...(options !== undefined && { options }),
        params: undefined,
      };
    },
  };
}
