/** Holds an answer against the documents in `docs/`: what was not announced there must not come over the wire. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

/** An answer, with what was asked for. */
export interface Seen {
  readonly method: string;
  /** Below the URL prefix, still encoded, without a query. */
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

interface Documented {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean }>>;
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, Documented>>;
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

type DoorName = 'main' | 'admin';

/** What nothing documented may answer: that there is nothing, or that even this cannot be said right now. */
const UNROUTED: Readonly<Record<number, string>> = {
  404: 'not_found',
  429: 'rate_limited',
  500: 'internal_error',
  503: 'rate_limit_unavailable',
};

class DocumentCheck {
  readonly #name: string;
  readonly #document: OpenApi;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
  /** A static path is more particular than one with parameters, and comes first. */
  readonly #patterns: readonly { readonly pattern: string; readonly segments: readonly string[] }[];
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(door: DoorName) {
    this.#name = `openapi-${door}.json`;
    const file = new URL(`../../docs/${this.#name}`, import.meta.url);
    this.#document = JSON.parse(readFileSync(file, 'utf8')) as OpenApi;
    this.#patterns = Object.keys(this.#document.paths)
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((pattern) => ({ pattern, segments: pattern.split('/') }));
    // The package is CommonJS: its default export is the module, whose own default is the function.
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(this.#document, this.#name);
  }

  check(seen: Seen): void {
    const found = this.#find(seen);
    if (found === undefined) {
      const code = UNROUTED[seen.status];
      assert.ok(
        code !== undefined,
        `${seen.method} ${seen.path} is not documented and answers ${seen.status}`,
      );
      if (seen.method !== 'HEAD') {
        this.#valid(['components', 'schemas', 'Error'], seen, 'the error of an unknown endpoint');
        assert.equal(JSON.parse(text(seen.body)).error.code, code);
      }
      return;
    }
    const { pattern, method, operation } = found;
    const where = `${operation.operationId} ${seen.status}`;
    const documented = operation.responses[String(seen.status)];
    // Said only where it is needed: a text made of megabytes of ciphertext costs more than the rest of a test.
    assert.ok(documented !== undefined, `${where} is not documented: ${text(seen.body.subarray(0, 200))}`);
    for (const [name, { required }] of Object.entries(documented.headers ?? {})) {
      if (required) assert.ok(seen.headers.has(name), `${where} lacks the header ${name}`);
    }
    // Statuses that have no content have no type of it either.
    if (seen.status === 204 || seen.status === 304) return;
    const type = seen.headers.get('content-type') ?? '';
    const content = documented.content?.[type];
    assert.ok(content !== undefined, `${where} has the undocumented content type "${type}"`);
    if (seen.method === 'HEAD' || content.schema === undefined) return;
    const status = String(seen.status);
    this.#valid(['paths', pattern, method, 'responses', status, 'content', type, 'schema'], seen, where);
  }

  #find({ method, path }: Seen): { pattern: string; method: string; operation: Operation } | undefined {
    const asked = path.split('/');
    const name = method.toLowerCase();
    const pattern = this.#patterns.find(
      ({ segments, pattern }) =>
        segments.length === asked.length &&
        segments.every((segment, i) => (segment.startsWith('{') ? asked[i] !== '' : segment === asked[i])) &&
        this.#document.paths[pattern]?.[name] !== undefined,
    )?.pattern;
    const operation = pattern === undefined ? undefined : this.#document.paths[pattern]?.[name];
    return pattern === undefined || operation === undefined
      ? undefined
      : { pattern, method: name, operation };
  }

  #valid(place: readonly string[], seen: Seen, what: string): void {
    const pointer = place.map((name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1')));
    const ref = `${this.#name}#/${pointer.join('/')}`;
    let validate = this.#validators.get(ref);
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: ref });
      this.#validators.set(ref, validate);
    }
    const said = text(seen.body);
    const body: unknown = JSON.parse(said);
    assert.ok(
      validate(body),
      `${what} is not as documented: ${this.#ajv.errorsText(validate.errors)} in ${said}`,
    );
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const checks = new Map<DoorName, DocumentCheck>();

/**
 * Fails when the status, the content type, the error code or a member of the body is not documented, or when a
 * required header is missing. A method or path that is not documented may only be told that it is unknown.
 */
export function checkAnswer(door: DoorName, seen: Seen): void {
  let check = checks.get(door);
  if (check === undefined) {
    check = new DocumentCheck(door);
    checks.set(door, check);
  }
  check.check(seen);
}
