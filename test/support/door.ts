/**
 * A main door as a test sees it, whether it is called as a function or over a socket. Every answer is held against
 * the OpenAPI document and the header sets before a test gets it.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { BROWSER, SANDBOX_POLICY } from '../../src/handlers/kit/headers.ts';
import { checkAnswer } from './openapi.ts';

/**
 * What a call sends after its headers: bytes with a Content-Length, pieces without one, or `announced` bytes that
 * never come.
 */
export type CallBody =
  | string
  | Uint8Array
  | { readonly pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array> }
  | { readonly announced: number };

export type CallHeaders = Readonly<Record<string, string | readonly string[]>>;

export interface Call {
  /** GET unless given. */
  readonly method?: string;
  /** The whole path as it is written on the wire, the URL prefix included. */
  readonly path: string;
  /** A list of values is sent as so many header lines. */
  readonly headers?: CallHeaders;
  readonly body?: CallBody;
}

/** An answer, read to its end. */
export class Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;

  constructor(status: number, headers: Headers, bytes: Uint8Array) {
    this.status = status;
    this.headers = headers;
    this.bytes = bytes;
  }

  get text(): string {
    return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(this.bytes);
  }

  get json(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }

  /** The code of a refusal, or undefined. */
  get code(): unknown {
    if (this.status < 400 || this.bytes.length === 0) return undefined;
    return (this.json.error as { code?: unknown } | undefined)?.code;
  }
}

/** What a runtime does by itself, before anything of ours sees a request. docs/edge.md names it. */
export type Quirk = 'drops headers without a value' | 'refuses what is no HTTP in its own words';

export interface Door {
  readonly quirks?: ReadonlySet<Quirk>;
  /** What links in answers start with. */
  readonly origin: string;
  /** `SAFE_URL_PREFIX`. */
  readonly prefix: string;
  send(call: Call): Promise<Answer>;
}

/** A way to reach a main door with settings of its own. */
export interface Target {
  readonly name: string;
  open(env: Readonly<Record<string, string>>): Promise<Door & { close(): Promise<void> }>;
}

/** Checks what every answer of the main door must be, whatever was asked. */
export function checkMainAnswer(prefix: string, call: Call, answer: Answer): void {
  const { method = 'GET' } = call;
  const [raw = ''] = call.path.split('?');
  const path = raw.startsWith(`${prefix}/`) ? raw.slice(prefix.length) : `/outside${raw}`;
  checkAnswer('main', { method, path, status: answer.status, headers: answer.headers, body: answer.bytes });
  const { headers } = answer;
  const what = `${method} ${call.path} ${answer.status}`;
  assert.match(headers.get('x-request-id') ?? '', /^[A-Za-z0-9._-]{1,64}$/, what);
  assert.equal(headers.get('cache-control'), 'no-store', what);
  for (const [name, value] of Object.entries(BROWSER)) {
    const bytesOfAPaste = name === 'content-security-policy' && answer.status === 200 && /\/raw$/.test(path);
    assert.equal(headers.get(name), bytesOfAPaste ? SANDBOX_POLICY : value, `${what} ${name}`);
  }
  if (method === 'HEAD') assert.equal(answer.bytes.length, 0, what);
  else assert.equal(headers.get('content-length'), String(answer.bytes.length), what);
}

/** A create's answer. */
export interface Created {
  readonly id: string;
  readonly url: string;
  readonly raw: string;
  readonly size: number;
  readonly mime_type: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly burn_after_read: boolean;
  readonly password_protected: boolean;
  readonly owner?: string;
  readonly delete_token: string;
}

/** Sends a create. */
export function post(door: Door, body: CallBody, headers: CallHeaders = {}): Promise<Answer> {
  return door.send({ method: 'POST', path: `${door.prefix}/`, body, headers });
}

/** Creates a paste, which must succeed. */
export async function created(door: Door, body: CallBody, headers: CallHeaders = {}): Promise<Created> {
  const answer = await post(door, body, headers);
  assert.equal(answer.status, 201, answer.text);
  return answer.json as unknown as Created;
}

/** Sends a JSON document as a create. */
export function postJson(door: Door, document: unknown, headers: CallHeaders = {}): Promise<Answer> {
  const body = typeof document === 'string' ? document : JSON.stringify(document);
  return post(door, body, { 'content-type': 'application/json', ...headers });
}

/** Metadata. */
export function info(door: Door, id: string, headers: CallHeaders = {}): Promise<Answer> {
  return door.send({ path: `${door.prefix}/${id}`, headers });
}

/** The bytes. */
export function raw(door: Door, id: string, headers: CallHeaders = {}): Promise<Answer> {
  return door.send({ path: `${door.prefix}/${id}/raw`, headers });
}

export function put(door: Door, id: string, body: CallBody, headers: CallHeaders = {}): Promise<Answer> {
  return door.send({ method: 'PUT', path: `${door.prefix}/${id}`, body, headers });
}

export function remove(door: Door, id: string, headers: CallHeaders = {}): Promise<Answer> {
  return door.send({ method: 'DELETE', path: `${door.prefix}/${id}`, headers });
}

export const token = (paste: Created) => ({ 'x-delete-token': paste.delete_token });

/** Asserts a refusal and the one shape that all of them have. */
export function refused(answer: Answer, status: number, code: string): Answer {
  assert.equal(`${answer.status} ${String(answer.code)}`, `${status} ${code}`, answer.text);
  const error = answer.json.error as Record<string, unknown>;
  assert.deepEqual(Object.keys(answer.json), ['error']);
  assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'request_id']);
  assert.equal(error.request_id, answer.headers.get('x-request-id'));
  assert.ok(typeof error.message === 'string' && error.message.length > 5);
  return answer;
}

/** The seconds of a Retry-After, which must be whole and at least 1. */
export function retryAfter(answer: Answer): number {
  const value = answer.headers.get('retry-after') ?? '';
  assert.match(value, /^[1-9][0-9]*$/);
  return Number(value);
}

/** Random bytes that are not text. */
export function bytes(length: number): Uint8Array {
  const made = new Uint8Array(randomBytes(length));
  made[0] = 0xff;
  return made;
}

/** A text that was never sent before. */
export const words = (about = 'words') => `${about} ${randomBytes(12).toString('hex')}`;

/** Asserts equality without printing megabytes. */
export function same(actual: Uint8Array, expected: Uint8Array | string): void {
  const wanted = typeof expected === 'string' ? new TextEncoder().encode(expected) : expected;
  assert.equal(actual.length, wanted.length);
  assert.ok(Buffer.compare(actual, wanted) === 0, 'the same length, but other bytes');
}

/** Headers of a caller at this address, on a door that trusts 127.0.0.1 as its proxy. */
export const from = (address: string) => ({ 'x-forwarded-for': address });

let hosts = 0;
/** A peer nobody else in this process is. */
export function somebody(): { 'x-forwarded-for': string } {
  hosts += 1;
  return from(`198.18.${hosts >> 8}.${hosts & 255}`);
}

/** The proxy secret of doors under test. */
export const PROXY_SECRET = 'only-a-test-knows-this-proxy-secret';

/** Headers of a caller with a client certificate, as a proxy sends them. Each name is another certificate. */
export function holder(name: string): { 'x-proxy-secret': string; 'x-ssl-client-sha256': string } {
  return { 'x-proxy-secret': PROXY_SECRET, 'x-ssl-client-sha256': fingerprint(name) };
}

/** What the fingerprint of that certificate is. */
export const fingerprint = (name: string) => Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);

/** The header of an age file, by its grammar; nobody holds a key to it. */
export const AGE_HEADER = `age-encryption.org/v1\n-> X25519 ${'A'.repeat(43)}\n${'E'.repeat(43)}\n--- ${'I'.repeat(43)}\n`;
