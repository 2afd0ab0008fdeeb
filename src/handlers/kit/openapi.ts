/** A route table as an OpenAPI 3.1 document. Pure: a table and a schema converter in, a value out. */
import type { GenericSchema } from 'valibot';
import type { FaultKind } from '../../core/faults.ts';
import { answerOf, codeOf } from './errors.ts';
import type { AnswerNote, HeaderNote, Route } from './route.ts';
import { mounted } from './table.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;
export type Document = Readonly<Record<string, unknown>>;

export interface DocumentOptions {
  readonly title: string;
  readonly description: string;
  readonly version: string;
  /** What `SAFE_URL_PREFIX` puts before the paths that move. */
  readonly prefix: string;
  /** Refusals that this door's routes can make besides the common ones. */
  readonly faults: readonly FaultKind[];
  readonly schemaOf: (schema: GenericSchema) => JsonSchema;
}

/** Refusals that every route can make. */
const COMMON: readonly FaultKind[] = [
  'rate_limited',
  'rate_limit_unavailable',
  'storage_unavailable',
  'internal_error',
];

const ERROR_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        request_id: { type: 'string' },
      },
      additionalProperties: false,
    },
  },
  additionalProperties: false,
};

const REQUEST_ID = {
  'X-Request-ID': {
    description: "The caller's id when it matches [A-Za-z0-9._-]{1,64}, else a fresh one.",
    required: true,
    schema: { type: 'string' },
  },
};

const RETRY_AFTER = {
  'Retry-After': {
    description: 'Whole seconds after which the same request may succeed.',
    required: false,
    schema: { type: 'string' },
  },
};

/** What some refusals carry besides, by status. */
const REFUSAL_HEADERS: Readonly<Record<number, object>> = {
  416: {
    'Content-Range': { description: 'bytes */length', required: false, schema: { type: 'string' } },
  },
  429: RETRY_AFTER,
  503: RETRY_AFTER,
};

const headersOf = (notes: Readonly<Record<string, HeaderNote>> = {}) =>
  Object.fromEntries(
    Object.entries(notes).map(([name, { description, required }]) => [
      name,
      { description, required: required ?? false, schema: { type: 'string' } },
    ]),
  );

function successOf(note: AnswerNote, schemaOf: DocumentOptions['schemaOf']) {
  const content = {
    ...(note.schema && { 'application/json': { schema: schemaOf(note.schema) } }),
    ...Object.fromEntries((note.types ?? []).map((type) => [type, {}])),
  };
  return { description: note.description, headers: { ...REQUEST_ID, ...headersOf(note.headers) }, content };
}

const JSON_TYPE = 'application/json';
const HTML_TYPE = 'text/html; charset=utf-8';

const errorOf = (kinds: readonly FaultKind[]) => ({
  schema: {
    allOf: [
      { $ref: '#/components/schemas/Error' },
      { properties: { error: { properties: { code: { enum: kinds.map(codeOf) } } } } },
    ],
  },
});

/** Refusals by status: those that share one are told apart by their code. A page has none, it is for people. */
function refusalsOf(faults: readonly FaultKind[], types: readonly string[]) {
  const byStatus = new Map<number, FaultKind[]>();
  for (const fault of new Set(faults)) {
    const { status } = answerOf(fault);
    byStatus.set(status, [...(byStatus.get(status) ?? []), fault]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, kinds]) => [
      String(status),
      {
        description: kinds.map((kind) => `${codeOf(kind)}: ${answerOf(kind).message}`).join('; '),
        headers: { ...REQUEST_ID, ...REFUSAL_HEADERS[status] },
        content: Object.fromEntries(types.map((type) => [type, type === JSON_TYPE ? errorOf(kinds) : {}])),
      },
    ]),
  );
}

interface Documented {
  readonly description: string;
  readonly headers: object;
  readonly content: Readonly<Record<string, { readonly schema?: object }>>;
}

/** What a route answers by status, where one of its own answers can share a status with refusals. */
function responsesOf(
  own: Readonly<Record<string, Documented>>,
  refusals: Readonly<Record<string, Documented>>,
): Readonly<Record<string, Documented>> {
  const both = Object.entries(own).flatMap(([status, mine]) => {
    const theirs = refusals[status];
    if (theirs === undefined) return [];
    const schemas = [mine, theirs].flatMap(({ content }) => content[JSON_TYPE]?.schema ?? []);
    const together: Documented = {
      description: `${mine.description} ${theirs.description}`,
      headers: { ...theirs.headers, ...mine.headers },
      content: { ...theirs.content, ...mine.content, [JSON_TYPE]: { schema: { anyOf: schemas } } },
    };
    return [[status, together] as const];
  });
  return { ...own, ...refusals, ...Object.fromEntries(both) };
}

function operationOf(route: Route, { schemaOf }: DocumentOptions) {
  const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
  const { body } = route;
  return {
    operationId: route.id,
    summary: route.summary,
    tags: [route.id.split('.')[0]],
    'x-limit-class': route.limit,
    'x-gate': route.gate,
    parameters: [
      ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...Object.entries(route.headers ?? {}).map(([name, { description, required }]) => ({
        name,
        in: 'header',
        description,
        required: required ?? false,
        schema: { type: 'string' },
      })),
    ],
    ...(body && {
      requestBody: {
        description: body.description,
        required: true,
        content: {
          ...Object.fromEntries(body.types.map((type) => [type, {}])),
          ...(body.json && { 'application/json': { schema: schemaOf(body.json) } }),
        },
      },
    }),
  };
}

/** The document of one listener. */
export function openapi(routes: readonly Route[], options: DocumentOptions): Document {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = mounted(route, options.prefix).replace(/:(\w+)/g, '{$1}');
    const successes = Object.fromEntries(
      Object.entries(route.answers).map(([status, note]) => [status, successOf(note, options.schemaOf)]),
    );
    const operation = operationOf(route, options);
    const refusals = refusalsOf(
      [
        ...COMMON,
        ...options.faults,
        ...(route.path.includes(':') ? (['not_found'] as const) : []),
        ...route.faults,
      ],
      route.refusedAs ?? [route.refuse === undefined ? JSON_TYPE : HTML_TYPE],
    );
    const item = paths[path] ?? {};
    paths[path] = item;
    item[route.method.toLowerCase()] = { ...operation, responses: responsesOf(successes, refusals) };
    if (route.method === 'GET') {
      item.head = {
        ...operation,
        operationId: `${route.id}.head`,
        summary: `${route.summary} Without the body.`,
        responses: responsesOf(successes, refusals),
      };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: options.title,
      description: options.description,
      version: options.version,
      license: { name: 'AGPL-3.0-only', identifier: 'AGPL-3.0-only' },
    },
    paths,
    components: { schemas: { Error: ERROR_SCHEMA } },
  };
}
