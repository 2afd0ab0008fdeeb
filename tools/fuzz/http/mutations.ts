/** What makes a right request nearly right, or wrong. Each is a value, so that a find can be made smaller. */
import fc from 'fast-check';
import { chanceOf } from '../chance.ts';
import type { Draft } from './build.ts';
import type { Pool } from './pool.ts';

export interface Mutation {
  readonly kind: (typeof KINDS)[number];
  /** Which of the places that the kind changes. */
  readonly at: number;
  readonly value: unknown;
}

const KINDS = [
  'member',
  'member text',
  'drop member',
  'add member',
  'header',
  'header text',
  'drop header',
  'add header',
  'repeat header',
  'segment',
  'segment text',
  'path',
  'query',
  'method',
  'body',
  'bytes',
  'cut body',
  'other id',
] as const;

const LONG = 'x'.repeat(9000);

/** Texts that readers of text get wrong. */
const TEXTS = [
  '',
  ' ',
  '0',
  '-1',
  '1e3',
  '0x10',
  '٣',
  '9007199254740993',
  '99999999999999999999',
  'NaN',
  'null',
  'true',
  '\0',
  'a\0b',
  '\r\n',
  'a\r\nSet-Cookie: x=y',
  '\u2028',
  '\ud800',
  '\ufeff',
  '\u202e',
  'é',
  'e\u0301',
  '😀',
  '<script>alert(1)</script>',
  '"><img src=x>',
  "' OR 1=1 --",
  "'; DROP TABLE pastes; --",
  '%00',
  '%2e%2e%2f',
  '../../etc/passwd',
  '..',
  '__proto__',
  'constructor',
  'toString',
  '{}',
  '[]',
  '=?utf-8?q?x?=',
  'a,b',
  'a;b="c',
  '*',
  '"',
  '\\',
  ':',
  '2026-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:60Z',
  '+275760-09-13T00:00:00.001Z',
  'bytes=0-18446744073709551616',
  'bytes=-0',
  'bytes=,',
  'W/"x"',
  'sha-256=:AAAA:',
  '?1',
  '?2',
  LONG,
] as const;

const HEADERS = [
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'accept',
  'accept-encoding',
  'range',
  'if-range',
  'if-none-match',
  'if-match',
  'if-modified-since',
  'authorization',
  'cookie',
  'origin',
  'sec-fetch-site',
  'sec-purpose',
  'purpose',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'forwarded',
  'x-request-id',
  'x-http-method-override',
  'x-csrf-token',
  'x-sallyport-csrf',
  'x-ssl-client-sha256',
  'x-proxy-secret',
  'idempotency-key',
  'upload-offset',
  'upload-complete',
  'upload-length',
  'tus-resumable',
  'expect',
  'host',
  'upgrade',
  'connection',
  'traceparent',
  'access-control-request-method',
] as const;

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'get',
  'M-SEARCH',
] as const;

/** Any characters, halves of pairs too. (Strings of fast-check's own `binary` unit take most of a run to set up.) */
const anyCharacters = fc
  .array(fc.nat({ max: 0xffff }), { maxLength: 12 })
  .map((codes) => String.fromCharCode(...codes));

const anyText = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 2, arbitrary: anyCharacters },
  { weight: 2, arbitrary: fc.string({ maxLength: 20 }) },
);

const anyValue = fc.oneof(
  { weight: 5, arbitrary: anyText },
  {
    weight: 3,
    arbitrary: fc.constantFrom(null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, -(2 ** 31), [], {}),
  },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** @internal */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(
  fc.record({ kind: fc.constantFrom(...KINDS), at: fc.nat({ max: 40 }), value: anyValue }),
  // As many are right as have something wrong, and few have more than that.
  { maxLength: 3, size: 'xsmall' },
);

const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** What may stand in a header of a fetch request; what may not is a matter for raw sockets. */
const headerText = (value: unknown) =>
  text(value)
    .replace(/[\0\r\n]/g, '')
    .replace(/[^\x20-\x7e\t]/g, (character) => String.fromCharCode(0x80 + (character.charCodeAt(0) % 0x80)));

/** A text with a small thing wrong. */
function spoilt(of: string, at: number, value: unknown): string {
  const place = of.length === 0 ? 0 : at % of.length;
  switch (at % 7) {
    case 0:
      return of.slice(0, place);
    case 1:
      return of + text(value);
    case 2:
      return of.slice(0, place) + text(value) + of.slice(place);
    case 3:
      return of.toUpperCase();
    case 4:
      return `${of}${of}`;
    case 5:
      return of.slice(0, place) + String.fromCharCode((of.charCodeAt(place) || 65) ^ 1) + of.slice(place + 1);
    default:
      return ` ${of} `;
  }
}

/** Encoded as a path can hold it, or as it is where the value asks for that. */
const segment = (value: unknown, at: number) =>
  at % 5 === 0 ? headerText(value).replace(/[\s#?]/g, '') : encodeURIComponent(text(value).toWellFormed());

type Place = readonly (string | number)[];

/** Every member of a document, as the way to it. */
function places(json: unknown, before: Place = []): Place[] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([name, inner]) => [
    [...before, name],
    ...places(inner, [...before, name]),
  ]);
}

function changed(json: unknown, way: Place, change: (old: unknown) => unknown): unknown {
  const [name, ...rest] = way;
  if (name === undefined) return change(json);
  if (typeof json !== 'object' || json === null) return json;
  const copy: Record<string, unknown> = { ...json };
  const next = changed(copy[name], rest, change);
  if (next === undefined) delete copy[name];
  else copy[name] = next;
  return copy;
}

function inDocument(draft: Draft, { kind, at, value }: Mutation): void {
  if (draft.fields !== undefined) {
    const field = draft.fields[at % Math.max(1, draft.fields.length)];
    if (field === undefined) return;
    if (kind === 'member') field[1] = text(value);
    if (kind === 'member text') field[1] = spoilt(field[1], at, value);
    if (kind === 'drop member') draft.fields = draft.fields.filter((one) => one !== field);
    if (kind === 'add member') draft.fields.push([at % 2 === 0 ? field[0] : text(value), 'x']);
    return;
  }
  if (draft.json === undefined) return;
  const ways = places(draft.json);
  const way = ways[at % Math.max(1, ways.length)] ?? [];
  if (kind === 'member') draft.json = changed(draft.json, way, () => value);
  if (kind === 'member text')
    draft.json = changed(draft.json, way, (old) =>
      typeof old === 'string' ? spoilt(old, at, value) : value,
    );
  if (kind === 'drop member') draft.json = changed(draft.json, way, () => undefined);
  if (kind === 'add member') draft.json = { ...(draft.json as object), [text(value)]: value };
}

function inHeaders(draft: Draft, { kind, at, value }: Mutation): void {
  const { headers } = draft;
  const header = headers[at % Math.max(1, headers.length)];
  if (kind === 'add header') {
    headers.push([HEADERS[at % HEADERS.length] ?? 'accept', headerText(value)]);
    return;
  }
  if (header === undefined) return;
  if (kind === 'header') header[1] = headerText(value);
  if (kind === 'header text') header[1] = headerText(spoilt(header[1], at, value));
  if (kind === 'drop header') draft.headers = headers.filter((one) => one !== header);
  if (kind === 'repeat header') headers.push([header[0], at % 2 === 0 ? header[1] : headerText(value)]);
}

function inPath(draft: Draft, { kind, at, value }: Mutation, pool: Pool): void {
  const segments = draft.path.split('/').slice(1);
  const place = at % segments.length;
  if (kind === 'segment') segments[place] = segment(value, at);
  if (kind === 'segment text') segments[place] = segment(spoilt(segments[place] ?? '', at, value), at);
  if (kind === 'other id') segments[segments.length - 1 - place] = pool.any(chanceOf(at)) ?? 'x';
  draft.path = `/${segments.join('/')}`;
  if (kind === 'path')
    draft.path =
      [`/${draft.path}`, `${draft.path}/`, draft.path.replace('/', '/./'), `/admin${draft.path}`, '//'][
        at % 5
      ] ?? '/';
}

/** Body bytes as they will be sent. */
export function bodyBytes(draft: Draft): Uint8Array<ArrayBuffer> | undefined {
  if (draft.bytes !== undefined) return draft.bytes;
  const encode = (said: string) => new TextEncoder().encode(said);
  if (draft.fields !== undefined) return encode(new URLSearchParams(draft.fields).toString());
  return draft.json === undefined ? undefined : encode(JSON.stringify(draft.json));
}

function inBody(draft: Draft, { kind, at, value }: Mutation): void {
  const bytes = bodyBytes(draft);
  if (kind === 'body') draft.bytes = new TextEncoder().encode(text(value));
  else if (bytes === undefined) draft.bytes = new TextEncoder().encode('x');
  else if (kind === 'cut body') draft.bytes = bytes.slice(0, Math.floor((bytes.length * at) / 41));
  else {
    const chance = chanceOf(at);
    const copy = bytes.slice();
    for (let n = 0; n <= at % 4 && copy.length > 0; n += 1)
      copy[chance.below(copy.length)] = chance.below(256);
    draft.bytes = copy;
  }
}

/** Changes a draft. */
export function mutate(draft: Draft, mutation: Mutation, pool: Pool): void {
  const { kind, at, value } = mutation;
  if (kind.endsWith('member') || kind === 'member text') inDocument(draft, mutation);
  else if (kind.endsWith('header') || kind === 'header text') inHeaders(draft, mutation);
  else if (kind === 'method') draft.method = METHODS[at % METHODS.length] ?? 'GET';
  else if (kind === 'query')
    draft.query.push([['after', 'limit', 'cursor', 'order'][at % 4] ?? 'q', text(value)]);
  else if (kind === 'body' || kind === 'bytes' || kind === 'cut body') inBody(draft, mutation);
  else inPath(draft, mutation, pool);
}
