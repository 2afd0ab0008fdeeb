/**
 * The allow-list: from the route table, what may reach the main door from outside. Path and method exactly, a bound on
 * the body. What is not in it does not exist.
 */
import type { Settings } from '../../../src/core/settings.ts';
import { JSON_BODY_LIMIT } from '../../../src/handlers/kit/body.ts';
import { corsConfigured } from '../../../src/handlers/kit/cors.ts';
import type { Route } from '../../../src/handlers/kit/route.ts';
import { mounted } from '../../../src/handlers/kit/table.ts';
import { PASTE_JSON_LIMIT } from '../../../src/handlers/main/paste-form.ts';
import { mainRoutesUnder } from '../../../src/handlers/main.ts';
import { type Group, groupOf } from './groups.ts';

/** One path, with everything that may be done there. */
export interface Place {
  /** As it may stand in a log: `/i/{token}`. */
  readonly pattern: string;
  /**
   * The whole path as a regular expression without anchors, in the part of the language that PCRE, Go and JavaScript
   * read alike. It matches raw paths: nothing in them is encoded.
   */
  readonly expression: string;
  /** Whether the path has no parameters; then `pattern` is the path. */
  readonly fixed: boolean;
  readonly group: Group;
  /** GET brings HEAD with it; OPTIONS is there where the door answers it. */
  readonly methods: readonly string[];
  /** The largest body that any of them takes, in bytes; 0 where none takes one. */
  readonly bodyBytes: number;
  /** Whether bodies are passed on as they arrive: uploads are larger than memory and should meet no disk twice. */
  readonly streams: boolean;
}

/** What a form adds to the chunk in it: field values, part heads, boundaries. */
const FORM_BYTES = 1024 * 1024;

/** What the parameters of paths look like. Everything else is refused where the server would not find it. */
const SHAPES: Readonly<Record<string, string>> = {
  token: '[A-Za-z0-9_-]{43}',
  id: '[a-z]{2,5}_[0-7][0-9A-HJKMNP-TV-Z]{25}',
  stream_id: 'str_[0-7][0-9A-HJKMNP-TV-Z]{25}',
  token_id: 'itk_[0-7][0-9A-HJKMNP-TV-Z]{25}',
  index: '[0-9]{1,16}',
  chunk_index: '[0-9]{1,16}',
  media_type: '[a-z]{1,16}',
};
const PASTE_ID = '[0-9a-hjkmnp-tv-z]{26}';

function shapeOf(route: Route, name: string): string {
  const shape = route.prefixed && name === 'id' ? PASTE_ID : SHAPES[name];
  if (shape === undefined) throw new TypeError(`parameter ${name} of route ${route.id} has no known shape`);
  return shape;
}

/** In a class of its own, so that no configuration language has to be told about backslashes. */
const literal = (text: string) => text.replace(/[.*+?()|]/g, '[$&]');

function expressionOf(route: Route, path: string): string {
  return path
    .split('/')
    .map((segment) => (segment.startsWith(':') ? shapeOf(route, segment.slice(1)) : literal(segment)))
    .join('/');
}

/** @param identified whether visitors can show a client certificate */
function bodyOf(route: Route, { paste, uploads }: Settings, identified: boolean): number {
  if (route.method === 'GET') return 0;
  if (route.limit === 'upload') return uploads.maxBytes + FORM_BYTES;
  if (route.method === 'DELETE') return 0;
  if (!route.prefixed) return JSON_BODY_LIMIT;
  const largest = Math.max(paste.maxBytesAnonymous, identified ? paste.maxBytesIdentified : 0);
  return Math.max(largest, PASTE_JSON_LIMIT);
}

/** The methods that a route answers. */
export function methodsOf(route: Route, settings: Settings): readonly string[] {
  const preflight = route.options !== undefined || (route.cors && corsConfigured(settings));
  return [route.method, ...(route.method === 'GET' ? ['HEAD'] : []), ...(preflight ? ['OPTIONS'] : [])];
}

export interface ListOptions {
  readonly groups: readonly Group[];
  /** Whether the proxy asks for client certificates. */
  readonly identified: boolean;
}

/** What these groups are under these settings, by path, in an order that depends on nothing but the table. */
export function allowList(settings: Settings, { groups, identified }: ListOptions): readonly Place[] {
  const places = new Map<string, Place>();
  for (const route of mainRoutesUnder(settings)) {
    const group = groupOf(route);
    if (!groups.includes(group)) continue;
    const path = mounted(route, settings.urlPrefix);
    const expression = expressionOf(route, path);
    const before = places.get(expression);
    const bodyBytes = bodyOf(route, settings, identified);
    places.set(expression, {
      pattern: path.replace(/:(\w+)/g, '{$1}'),
      expression,
      fixed: !path.includes(':'),
      group,
      methods: [...new Set([...(before?.methods ?? []), ...methodsOf(route, settings)])].sort(),
      bodyBytes: Math.max(before?.bodyBytes ?? 0, bodyBytes),
      streams: (before?.streams ?? false) || bodyBytes > JSON_BODY_LIMIT,
    });
  }
  return [...places.values()].sort((a, b) => (a.pattern < b.pattern ? -1 : 1));
}
