/** The operations that the OpenAPI documents name. */
import { readFileSync } from 'node:fs';

export type DoorName = 'main' | 'admin';

/** As much of JSON Schema as the documents use. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minimum?: number;
  readonly maximum?: number;
}

export interface Operation {
  readonly door: DoorName;
  readonly id: string;
  readonly method: string;
  /** `/v1/incidents/{id}` */
  readonly path: string;
  readonly params: readonly string[];
  readonly headers: readonly { readonly name: string; readonly required: boolean }[];
  /** Media types that it takes, without that of a JSON document with a schema. */
  readonly types: readonly string[];
  readonly json?: Schema;
  /** Names of a form's fields, as its description has them. */
  readonly fields: readonly string[];
  readonly gate: string;
}

interface RawOperation {
  readonly operationId: string;
  readonly 'x-gate': string;
  readonly parameters?: readonly { name: string; in: string; required: boolean }[];
  readonly requestBody?: {
    readonly description: string;
    readonly content: Readonly<Record<string, { readonly schema?: Schema }>>;
  };
}

/** Fields of the dashboard's forms. Descriptions say which of them a form has, between other words. */
const FIELDS = new Set(
  'csrf_token username password new_password current_password role confirm reason reason_code allow_open action new_owner incident_id ref email code bootstrap_secret'.split(
    ' ',
  ),
);
const wordsOf = (description = '') =>
  (description.match(/[a-z_]+/g) ?? []).filter((word) => FIELDS.has(word));

function operationsOf(door: DoorName): Operation[] {
  const file = new URL(`../../../docs/openapi-${door}.json`, import.meta.url);
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as {
    paths: Record<string, Record<string, RawOperation>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]) => {
      const content = raw.requestBody?.content ?? {};
      const json = content['application/json']?.schema;
      const isForm = 'application/x-www-form-urlencoded' in content;
      return {
        door,
        id: raw.operationId,
        method: method.toUpperCase(),
        path,
        params: (raw.parameters ?? []).filter((one) => one.in === 'path').map(({ name }) => name),
        headers: (raw.parameters ?? []).filter((one) => one.in === 'header'),
        types: Object.keys(content).filter((type) => type !== 'application/json'),
        ...(json !== undefined && { json }),
        fields: isForm ? wordsOf(raw.requestBody?.description) : [],
        gate: raw['x-gate'],
      };
    }),
  );
}

/** Of both doors. */
export const operations: readonly Operation[] = [...operationsOf('main'), ...operationsOf('admin')];

const known = new Map(operations.map((one) => [`${one.door} ${one.id}`, one]));

/** By its key, `main pastes.create`. */
export function operation(key: string): Operation {
  const found = known.get(key);
  if (found === undefined) throw new Error(`The documents have no operation ${key}.`);
  return found;
}
