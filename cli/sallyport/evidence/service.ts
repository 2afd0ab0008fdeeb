/** The evidence routes of one server: requests with retries, answers as values. */

import { errorMember, inMemory } from '../../shared/answers.ts';
import { loadRoute, type Route } from '../../shared/connection.ts';
import { spokenSeconds } from '../../shared/duration.ts';
import { Failure, usage } from '../../shared/failure.ts';
import { fingerprintOf } from '../../shared/fingerprint.ts';
import { type Answer, type Sending, send } from '../../shared/http.ts';
import { DEFAULT_SERVER, serverUrl } from '../../shared/places.ts';
import { type RetryPolicy, retryAfterMs, retrying } from '../../shared/retry.ts';
import type { World } from '../../shared/world.ts';
import { adviceOn } from './advice.ts';
import type { Given } from './options.ts';
import type { Send } from './weather.ts';

export interface Ask {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** Relative to the main door: `v1/incidents`. */
  readonly path: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is; made anew for each attempt. */
  readonly body?: { readonly pieces: () => AsyncIterator<Uint8Array>; readonly length: number };
  readonly headers?: Readonly<Record<string, string>>;
  /** A session's token. */
  readonly token?: string | undefined;
}

/** An answer, read to its end. */
export interface Reply {
  readonly status: number;
  /** `error.code`; undefined for success, and for answers that are not Sallyport's. */
  readonly code: string | undefined;
  /** The server's own words, safe to print. */
  readonly words: string;
  /** The body, or undefined where it is not JSON. */
  readonly json: unknown;
  /** Milliseconds that the server wants to be left alone. */
  readonly retryAfterMs: number | undefined;
  header(name: string): string | undefined;
}

export interface Service {
  /** Ends in `/`. */
  readonly base: URL;
  /** One attempt. Rejects with network failures alone. */
  once(ask: Ask): Promise<Reply>;
  /** With a few retries, for what may be asked twice. */
  patient(ask: Ask): Promise<Reply>;
  /** With a few retries; the body of a 2xx answer is still to be read, any other answer is thrown as a refusal. */
  fetch(ask: Ask): Promise<Answer>;
}

/** @param send how requests leave, for rehearsals; the sockets by default */
export function serviceAt(world: World, base: URL, policy: RetryPolicy, through: Send): Service {
  const open = (ask: Ask): Promise<Answer> => through(sendingOf(base, ask));
  const attempt = async (ask: Ask): Promise<Answer> => await inMemory(await open(ask));
  return {
    base,
    async fetch(ask) {
      const answer = await retrying(policy, () => open(ask));
      if (answer.status >= 200 && answer.status <= 299) return answer;
      throw refusalIn(await replyOf(await inMemory(answer), world.now()));
    },
    once: async (ask) => await replyOf(await attempt(ask), world.now()),
    patient: async (ask) => await replyOf(await retrying(policy, () => attempt(ask)), world.now()),
  };
}

function sendingOf(base: URL, { method, path, json, body, headers, token }: Ask): Sending {
  const text = json === undefined ? undefined : new TextEncoder().encode(JSON.stringify(json));
  const sent = {
    'user-agent': 'sallyport',
    accept: 'application/json',
    ...(text !== undefined && { 'content-type': 'application/json' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...headers,
  };
  const url = new URL(path, base);
  if (body !== undefined)
    return { method, url, headers: sent, body: { pieces: body.pieces(), length: body.length } };
  if (text !== undefined)
    return { method, url, headers: sent, body: { pieces: onePiece(text), length: text.length } };
  return { method, url, headers: method === 'GET' ? sent : { ...sent, 'content-length': '0' } };
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function replyOf(answer: Answer, now: number): Promise<Reply> {
  const pieces: Uint8Array[] = [];
  for await (const piece of answer.body) pieces.push(piece);
  let json: unknown;
  try {
    json = JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch {
    json = undefined;
  }
  const error = answer.status >= 400 ? errorMember(json) : undefined;
  return {
    status: answer.status,
    code: error?.code,
    words: error?.message ?? '',
    json,
    retryAfterMs: retryAfterMs(answer.header('retry-after'), now),
    header: (name) => answer.header(name),
  };
}

/** What a server answered when it should have answered 2xx, as a failure. */
export function refusalIn(reply: Reply): Failure {
  if (reply.code === undefined) {
    return new Failure(
      'refused',
      'not_sallyport',
      `The address answered ${reply.status}, and not as Sallyport does. Check --server.`,
    );
  }
  const wait = reply.retryAfterMs;
  const later = wait === undefined ? '' : ` Try again in ${spokenSeconds(Math.max(1, wait / 1000))}.`;
  return new Failure('refused', reply.code, `${adviceOn(reply.code) ?? reply.words}${later}`);
}

/** The JSON object of a 2xx answer. Throws `refused` for any other. */
export function objectIn(reply: Reply): Readonly<Record<string, unknown>> {
  if (reply.status < 200 || reply.status > 299) throw refusalIn(reply);
  return membersOf(reply.json);
}

/** The members of a JSON object; throws for anything else. */
export function membersOf(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw nonsense();
  return json as Record<string, unknown>;
}

/** A member that must be text of a certain form. */
export function textIn(object: Readonly<Record<string, unknown>>, name: string, form: RegExp): string {
  const value = object[name];
  if (typeof value !== 'string' || !form.test(value)) throw nonsense();
  return value;
}

export function nonsense(): Failure {
  return new Failure(
    'refused',
    'not_sallyport',
    'The server answered something that is not in the contract. Check --server.',
  );
}

/** Which server the options and the environment name, and how it is reached. */
export async function serverFrom(world: World, given: Given): Promise<{ base: URL; route: Route }> {
  const base = serverUrl(given.value('server') ?? (world.env.SALLYPORT_SERVER || DEFAULT_SERVER));
  const certificate = given.value('client-certificate');
  const key = given.value('client-key');
  const pin = given.value('server-fingerprint');
  if (certificate === undefined && key !== undefined)
    throw usage('There is a --client-key but no --client-certificate.');
  const route = await loadRoute({
    clientCertificate: certificate,
    clientKey: key ?? certificate,
    serverFingerprint: pin === undefined ? undefined : fingerprintOf(pin),
    caFile: given.value('ca-file'),
    platform: world.platform,
  });
  return { base, route };
}

/** Sends over sockets. */
export function sendBy(route: Route): Send {
  return (sending) => send(sending, route);
}

/** Retries for one request of a command that somebody waits for. */
export function patience(world: World, say: (line: string) => void, jitter: () => number): RetryPolicy {
  return { enabled: true, maxWaitSeconds: 120, now: world.now, sleep: world.sleep, jitter, say };
}
