/** Requests to an S3-compatible store: signed, given up when nothing moves, refusals told apart by kind. */
import { AwsV4Signer } from 'aws4fetch';
import type { S3Place } from '../s3-place.ts';
import type { Bytes } from '../store.ts';
import { type ObjectBody, ObjectError, type ObjectErrorKind } from './objects.ts';
import { outgoing } from './outgoing.ts';

export interface S3Options extends S3Place {
  /** Milliseconds since the epoch: signatures are dated. */
  now(): number;
  /** A body of exactly so many bytes, where the runtime needs to be told; else its header says so. */
  sized?(stream: ReadableStream<Bytes>, length: number): ReadableStream<Bytes>;
}

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** Absent for the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** These are not signed, since what lies in between may change them. */
  readonly unsigned?: Readonly<Record<string, string>>;
  readonly body?: ObjectBody;
}

/** An answer whose body has yet to be read or dropped. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it comes. Waits for the store at most as long as requests may. */
  pieces(): AsyncGenerator<Bytes, void, void>;
  /** The body as text. @throws ObjectError when it is longer than `most` bytes */
  text(most: number): Promise<string>;
  /** Gives the connection back. */
  drop(): Promise<void>;
}

/** SHA-256 of nothing. */
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
/** Of an answer that says why not. */
const MOST_ERROR_BYTES = 64 * 1024;

/** Aborts when it was not kicked for so long. */
class Watch {
  readonly #abort = new AbortController();
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  kick(): void {
    this.rest();
    this.#timer = setTimeout(() => this.#abort.abort(), this.#ms);
  }

  rest(): void {
    clearTimeout(this.#timer);
  }
}

const away = (thrown: unknown): ObjectError =>
  thrown instanceof ObjectError ? thrown : new ObjectError('busy', 'The object store does not answer.');

/** Sends requests to one bucket. */
export type S3Wire = (request: S3Request) => Promise<S3Answer>;

/** @throws TypeError for an endpoint that is no URL */
export function s3Wire(options: S3Options): S3Wire {
  const base = baseOf(options);
  const { accessKeyId, secretAccessKey, sessionToken, region, timeoutMs } = options;
  // The signing key of the day. The library adds one each day.
  const keys = new Map<string, ArrayBuffer>();

  async function signed({ method, headers, unsigned, body }: S3Request, url: URL): Promise<Headers> {
    if (keys.size > 1) keys.clear();
    const signer = new AwsV4Signer({
      method,
      url: url.href,
      headers: { ...headers, 'x-amz-content-sha256': body?.sha256 ?? EMPTY_SHA256 },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service: 's3',
      region,
      cache: keys,
      datetime: new Date(options.now()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    });
    const made = (await signer.sign()).headers;
    for (const [name, value] of Object.entries(unsigned ?? {})) made.set(name, value);
    if (body !== undefined) {
      made.set('content-length', String(body.size));
      made.set('content-type', 'application/octet-stream');
    }
    return made;
  }

  return async (request) => {
    const url = urlOf(base, options.prefix, request);
    const headers = await signed(request, url);
    const watch = new Watch(timeoutMs);
    const source = request.body && sourceOf(request.body, watch);
    const { sized } = options;
    const stream = source?.stream;
    const body = source?.bytes ?? (stream && sized ? sized(stream, request.body?.size ?? 0) : stream) ?? null;
    watch.kick();
    try {
      const response = await fetch(url, {
        method: request.method,
        headers,
        body,
        signal: watch.signal,
        // What answers elsewhere is another store, which our signature is not for.
        redirect: 'manual',
        ...(stream !== undefined && { duplex: 'half' }),
      } as RequestInit);
      return answerOf(response, watch);
    } catch (thrown) {
      throw source?.failed() ?? away(thrown);
    } finally {
      watch.rest();
    }
  };
}

function baseOf({ endpoint, bucket, forcePathStyle }: S3Options): string {
  const url = new URL(endpoint);
  const path = url.pathname.replace(/\/+$/, '');
  return forcePathStyle
    ? `${url.origin}${path}/${encodeURIComponent(bucket)}`
    : `${url.protocol}//${bucket}.${url.host}${path}`;
}

function urlOf(base: string, prefix: string, { key, query }: S3Request): URL {
  const whole = key === undefined ? undefined : prefix === '' ? key : `${prefix}/${key}`;
  const path = whole === undefined ? '' : `/${whole.split('/').map(encodeURIComponent).join('/')}`;
  const url = new URL(`${base}${path}`);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  return url;
}

/** A body to send, once. What reading its source throws is kept, since `fetch` says something of its own. */
function sourceOf({ bytes }: ObjectBody, watch: Watch) {
  if (typeof bytes !== 'function') return { bytes, stream: undefined, failed: () => undefined };
  return { bytes: undefined, ...outgoing(bytes(), watch) };
}

function answerOf(response: Response, watch: Watch): S3Answer {
  async function* pieces(): AsyncGenerator<Bytes, void, void> {
    const reader = response.body?.getReader();
    try {
      while (reader !== undefined) {
        watch.kick();
        const step = await reader.read().catch((thrown: unknown) => {
          throw away(thrown);
        });
        watch.rest();
        if (step.done) return;
        yield step.value as Bytes;
      }
    } finally {
      watch.rest();
      // Whoever stops early lets go of the connection.
      await reader?.cancel().catch(() => {});
    }
  }
  return {
    status: response.status,
    headers: response.headers,
    pieces,
    async text(most) {
      const decoder = new TextDecoder();
      let text = '';
      let size = 0;
      for await (const piece of pieces()) {
        size += piece.length;
        if (size > most) throw new ObjectError('internal', 'The object store answered with too much.');
        text += decoder.decode(piece, { stream: true });
      }
      return text;
    },
    async drop() {
      await response.body?.cancel().catch(() => {});
    },
  };
}

const FULL = ['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull'];
/** Of what was sent, not of who sent it: the same may go through the next time. */
const PASSING = ['RequestTimeout', 'BadDigest', 'XAmzContentSHA256Mismatch', 'IncompleteBody', 'SlowDown'];
const DENIED = [
  'ExpiredToken',
  'InvalidToken',
  'InvalidAccessKeyId',
  'NoSuchBucket',
  'InvalidBucketName',
].concat([
  'AuthorizationHeaderMalformed',
  'AuthorizationQueryParametersError',
  'IllegalLocationConstraintException',
]);

function kindOf(status: number, code: string): ObjectErrorKind {
  if (status === 507 || FULL.includes(code)) return 'full';
  if (PASSING.includes(code)) return 'busy';
  if (status === 401 || status === 403 || DENIED.includes(code)) return 'denied';
  if (status >= 300 && status < 400) return 'denied';
  if (status === 409 || status === 429) return 'busy';
  return status >= 500 && status !== 501 ? 'busy' : 'internal';
}

/** What a refusal says, in the store's own word where it has one; its body is read. */
export async function refusalOf(answer: S3Answer): Promise<ObjectError> {
  const text = await answer.text(MOST_ERROR_BYTES).catch(() => '');
  const named = /<Code>([A-Za-z0-9.]{1,80})<\/Code>/.exec(text)?.[1];
  const code = named ?? `HTTP${answer.status}`;
  return new ObjectError(
    kindOf(answer.status, code),
    `The object store answered with status ${answer.status} (${code}).`,
    code,
  );
}
